//! A command on a terminal.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process_group},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    checkout::Checkout,
    failure::Failure,
    interrupt::Interrupt,
    screen::Screen,
    varies::{self, apart},
};

/// Anything that takes longer, including a build, hangs.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How long there must be no message until a session counts as complete.
const QUIET: Duration = Duration::from_secs(2);
/// The same while a session is recorded, during which rows keep coming.
const SOON: Duration = Duration::from_millis(400);
/// Wider than any line, so that none is wrapped.
const COLUMNS: u16 = 400;

/// The result of a command.
pub(crate) struct CommandResult {
    command: String,
    pub(crate) exit_code: Option<i32>,
    took: Duration,
    first_row: Option<Duration>,
    /// Measured from the end of the build.
    first_row_after_build: Option<Duration>,
    pub(crate) missed_interrupt: bool,
    pub(crate) lines: Vec<String>,
}

impl fmt::Display for CommandResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "$ {}\n  {:.1} s",
            self.command,
            self.took.as_secs_f64()
        )?;
        if let Some(first_row) = self.first_row {
            write!(
                formatter,
                ", first row after {:.2} s",
                first_row.as_secs_f64()
            )?;
        }
        if let Some(first_row) = self.first_row_after_build {
            write!(
                formatter,
                ", {:.2} s after the build",
                first_row.as_secs_f64()
            )?;
        }
        match self.exit_code {
            Some(code) => write!(formatter, ", exit code {code}"),
            None => write!(formatter, ", killed"),
        }
    }
}

/// Runs a command in the clone.
pub(crate) fn run(
    checkout: &Checkout,
    command: &str,
    interrupt: Interrupt,
) -> Result<CommandResult, Failure> {
    let mut terminal = Terminal::start(checkout.shell(command))?;
    let mut watch = TerminalWatch {
        started: Instant::now(),
        interrupt,
        interrupted: false,
        first_row: None,
        built: None,
        messages: (0, Instant::now()),
    };
    while let Some(bytes) = terminal.read(&watch)? {
        terminal.screen.write(&bytes);
        if watch.look(&terminal.screen) {
            terminal.interrupt()?;
        }
    }
    let status = terminal.wait()?;
    let first_row = watch.first_row;
    Ok(CommandResult {
        command: command.to_owned(),
        exit_code: status.code(),
        took: watch.started.elapsed(),
        first_row: first_row.map(|at| at - watch.started),
        first_row_after_build: first_row.and_then(|at| Some(at - watch.built?)),
        missed_interrupt: !watch.interrupted && !matches!(watch.interrupt, Interrupt::Never),
        lines: terminal.screen.lines(),
    })
}

/// What was seen on the terminal, and when to press Ctrl-C.
struct TerminalWatch {
    started: Instant,
    interrupt: Interrupt,
    interrupted: bool,
    first_row: Option<Instant>,
    built: Option<Instant>,
    /// The number of messages, and when the last one came.
    messages: (usize, Instant),
}

impl TerminalWatch {
    /// Whether to press Ctrl-C now.
    fn look(&mut self, screen: &Screen) -> bool {
        let now = Instant::now();
        let lines = screen.lines();
        let (rows, messages) = apart(&lines);
        if messages.len() != self.messages.0 {
            self.messages = (messages.len(), now);
        }
        if !rows.is_empty() {
            self.first_row.get_or_insert(now);
        }
        if messages
            .iter()
            .any(|line| line.trim_start().starts_with("Running `"))
        {
            self.built.get_or_insert(now);
        }
        if self.interrupted {
            return false;
        }
        let quiet_for = now - self.messages.1;
        self.interrupted = match &self.interrupt {
            Interrupt::Never => false,
            Interrupt::WhenItRuns => {
                rows.len() >= 3 || messages.iter().any(|line| line.contains("is running"))
            }
            Interrupt::After {
                rows: enough,
                messages: expected,
            } => {
                let seen = varies::messages(messages);
                rows.len() >= *enough && (quiet_for >= QUIET || seen.ends_with(expected))
            }
            Interrupt::Recorded { rows: enough } => rows.len() >= *enough && quiet_for >= SOON,
        };
        self.interrupted
    }
}

struct Terminal {
    child: Child,
    coming: Receiver<Vec<u8>>,
    screen: Screen,
}

impl Terminal {
    fn start(mut command: Command) -> Result<Self, Failure> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let name = ptsname(&controller, Vec::new())?;
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        let size = Winsize {
            ws_row: 50,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size)?;
        let child = command
            .stdin(terminal.try_clone()?)
            .stdout(terminal.try_clone()?)
            .stderr(terminal)
            .process_group(0)
            .spawn()?;
        let (bytes, coming) = mpsc::channel();
        thread::spawn(move || {
            let mut controller = File::from(controller);
            let mut buffer = [0; 4096];
            // Reading fails once the other side of the terminal is closed.
            while let Ok(count @ 1..) = controller.read(&mut buffer) {
                if bytes.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            coming,
            screen: Screen::default(),
        })
    }

    /// The next bytes, which may be empty; `None` at the end.
    fn read(&self, watch: &TerminalWatch) -> Result<Option<Vec<u8>>, Failure> {
        if watch.started.elapsed() > PATIENCE {
            return Err(format!("it hangs:\n{}", self.screen.lines().join("\n")).into());
        }
        match self.coming.recv_timeout(SOON / 4) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(RecvTimeoutError::Timeout) => Ok(Some(Vec::new())),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    /// Presses Ctrl-C: every process of the command gets the signal, and the terminal shows `^C`.
    fn interrupt(&mut self) -> Result<(), Failure> {
        self.screen.write(b"^C");
        self.signal(Signal::INT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process_group(
            group.ok_or("a process without an id")?,
            signal,
        )?)
    }

    fn wait(&mut self) -> Result<ExitStatus, Failure> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
