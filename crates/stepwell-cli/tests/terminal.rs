//! Standard error on a terminal.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use support::{example, stepwell};

/// Everything that a command shows when its standard error is a terminal.
fn on_a_terminal(mut command: Command) -> (Option<i32>, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    command
        .stderr(Stdio::from(terminal))
        .stdout(Stdio::null())
        .env("TERM", "xterm");
    let reader = std::thread::spawn(move || read(controller));
    let mut child = command.spawn().unwrap();
    // The command holds the last handle of the terminal's side.
    drop(command);
    let status = child.wait().unwrap();
    (status.code(), reader.join().unwrap())
}

/// Reads until the other side is closed, which a terminal shows as an error.
fn read(controller: OwnedFd) -> String {
    let mut file = File::from(controller);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn steps_become_ticks_in_colour() {
    let (code, shown) = on_a_terminal(stepwell(&["run", &example("finite.sql")]));
    assert_eq!(code, Some(0), "{shown}");
    for step in ["connect", "validate", "resolve", "wait until running"] {
        assert!(
            shown.contains(&format!("\u{1b}[32m✓\u{1b}[0m {step} (")),
            "{step} has no tick in {shown:?}"
        );
    }
}

#[test]
fn no_color_means_none() {
    let mut command = stepwell(&["run", &example("finite.sql")]);
    command.env("NO_COLOR", "1");
    let (_, shown) = on_a_terminal(command);
    assert!(shown.contains("✓ connect ("), "{shown:?}");
    assert!(!shown.contains("\u{1b}[32m"), "{shown:?}");
}
