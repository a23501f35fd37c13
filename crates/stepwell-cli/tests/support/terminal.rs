//! A terminal for one stream of a command.

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// The stream that goes to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Output,
    Error,
}

/// Runs a command, and returns everything that was written to the terminal. The other stream is discarded.
pub fn on_a_terminal(mut command: Command, stream: Stream, columns: u16) -> (Option<i32>, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    tcsetwinsize(&terminal, size).unwrap();
    let terminal = Stdio::from(terminal);
    match stream {
        Stream::Output => command.stdout(terminal).stderr(Stdio::null()),
        Stream::Error => command.stderr(terminal).stdout(Stdio::null()),
    };
    command.env("TERM", "xterm");
    let reader = std::thread::spawn(move || read(controller));
    let mut child = command.spawn().unwrap();
    // The command holds the last handle of the terminal's side.
    drop(command);
    let status = child.wait().unwrap();
    (status.code(), reader.join().unwrap())
}

/// Reads until the other side is closed, which is an error on a terminal.
fn read(controller: OwnedFd) -> String {
    let mut file = File::from(controller);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
