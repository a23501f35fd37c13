//! Runs the commands of the README as they are printed: `cargo run -p first-minute`.
//!
//! The commit that is checked out is cloned into a directory with a space in its path, with nothing built or installed. Every command in the
//! `sh` blocks, and in the `text` blocks that are sessions (`$ …`), runs there on a terminal, in the order of the README. Its exit code must be
//! 0, or the one in the comment after the command (`exit code 3`). Ctrl-C is pressed if the comment mentions it, and where a session shows
//! `^C`. The output of a session is compared with the README; what may vary is listed in [`varies`].
//!
//! `cargo test` is left out, because `.ci/run` runs it. `http://host:5115` is replaced with the address of an engine, and `ID` with the last id
//! that was printed.
//!
//! `cargo run -p first-minute -- --bless` writes the current output of the sessions into the README. `--warm` uses the existing target directory,
//! which takes about a minute, but does not test a first build.

mod checkout;
mod command;
mod engine;
mod failure;
mod interrupt;
mod readme;
mod screen;
mod session;
mod varies;

use std::{env, fs, path::Path, process::ExitCode};

use checkout::Checkout;
use command::CommandResult;
use engine::EngineProcess;
use failure::Failure;
use interrupt::Interrupt;
use readme::{Block, Typed};
use session::RecordedSession;

/// The address of the reader's server in the README.
const SERVER: &str = "http://host:5115";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let (bless, warm) = (has("--bless"), has("--warm"));
    if arguments.len() != usize::from(bless) + usize::from(warm) {
        eprintln!("usage: first-minute [--bless] [--warm]");
        return ExitCode::from(2);
    }
    match check(bless, warm) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn check(bless: bool, warm: bool) -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checkout = Checkout::make(&root, warm)?;
    let readme = fs::read_to_string(if bless {
        root.join("README.md")
    } else {
        checkout.path().join("README.md")
    })?;
    let mut reader = Reader {
        checkout,
        engine: None,
        root: &root,
        record: bless,
        id: None,
        problems: Vec::new(),
    };
    let mut shown = Vec::new();
    for block in readme::blocks(&readme) {
        match block {
            Block::Commands(commands) => {
                for typed in commands {
                    reader.run(&typed)?;
                }
            }
            Block::Sessions(lines) => shown.push(reader.replay(&lines)?),
        }
    }
    let problems = reader.finish()?;
    if bless {
        // Read again, because it may have been edited meanwhile.
        let path = root.join("README.md");
        let readme = fs::read_to_string(&path)?;
        fs::write(path, readme::with_sessions(&readme, &shown))?;
        println!("README.md shows what was seen");
    } else if !problems.is_empty() {
        return Err(problems.join("\n").into());
    }
    Ok(())
}

/// A reader who types the commands of the README.
struct Reader<'a> {
    checkout: Checkout,
    engine: Option<EngineProcess>,
    root: &'a Path,
    /// Whether to record the sessions instead of waiting for what the README shows.
    record: bool,
    /// The last id that was printed.
    id: Option<String>,
    /// The differences from the README.
    problems: Vec<String>,
}

impl Reader<'_> {
    fn run(&mut self, typed: &Typed) -> Result<(), Failure> {
        if typed.command == "cargo test" {
            println!("$ cargo test  (not here: it is a step of its own)");
            return Ok(());
        }
        let command = self.substituted(&typed.command)?;
        let interrupt = if typed.comment.contains("Ctrl-C") {
            Interrupt::WhenItRuns
        } else {
            Interrupt::Never
        };
        let ended = command::run(&self.checkout, &command, interrupt)?;
        self.judge(&command, &ended, typed.exit_code());
        Ok(())
    }

    /// Replays the sessions of a block, and returns its current text.
    fn replay(&mut self, lines: &[String]) -> Result<String, Failure> {
        let mut sessions = RecordedSession::all(lines);
        for session in &mut sessions {
            let command = self.substituted(&session.command)?;
            let ended = command::run(&self.checkout, &command, session.interrupt(self.record))?;
            self.judge(&command, &ended, 0);
            session.seen = ended.lines;
        }
        self.problems.extend(session::differences(&sessions));
        Ok(session::text(&sessions))
    }

    fn substituted(&mut self, command: &str) -> Result<String, Failure> {
        let mut command = command.to_owned();
        if command.contains(SERVER) {
            let engine = match self.engine.take() {
                Some(engine) => engine,
                None => EngineProcess::start(self.root)?,
            };
            command = command.replace(SERVER, &engine.address);
            self.engine = Some(engine);
        }
        if command.split(' ').any(|word| word == "ID") {
            let id = self.id.as_deref().ok_or("no command has printed an id")?;
            let words = command.split(' ');
            let words: Vec<_> = words
                .map(|word| if word == "ID" { id } else { word })
                .collect();
            command = words.join(" ");
        }
        Ok(command)
    }

    fn judge(&mut self, command: &str, result: &CommandResult, exit_code: i32) {
        println!("{result}");
        if result.exit_code != Some(exit_code) {
            self.problems.push(format!(
                "$ {command}\nended with {:?}, not {exit_code}:\n{}",
                result.exit_code,
                result.lines.join("\n")
            ));
        }
        if result.missed_interrupt {
            self.problems.push(format!(
                "$ {command}\nended before Ctrl-C was pressed:\n{}",
                result.lines.join("\n")
            ));
        }
        let mut ids = result.lines.iter().filter_map(|line| varies::id(line));
        self.id = ids.next_back().map(str::to_owned).or(self.id.take());
    }

    fn finish(self) -> Result<Vec<String>, Failure> {
        drop(self.engine);
        self.checkout.remove()?;
        Ok(self.problems)
    }
}
