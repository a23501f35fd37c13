//! Runs what the README tells a reader to type, as it is printed: `cargo run -p first-minute`.
//!
//! In a fresh clone of the commit that is checked out, in a directory with a space in its path, with nothing built and nothing installed,
//! every command of its `sh` blocks and of its `text` blocks that are sessions (`$ …`) runs on a terminal, in the order of the README. An
//! exit code is 0, or what the comment behind the command says (`exit code 3`). A command whose comment speaks of Ctrl-C gets one, and so
//! does a session where it shows `^C`. What a session shows is compared with the README; what varies there is listed in [`varies`].
//!
//! `cargo test` is left out: `.ci/run` has it. In place of `http://host:5115` stands the address of an engine, and in place of `ID` the last
//! id that a command has printed.
//!
//! `cargo run -p first-minute -- --bless` writes what the sessions show today into the README. With `--warm` what is in the target directory
//! already is used, which is a matter of a minute, and says nothing of a first build.

mod checkout;
mod command;
mod engine;
mod readme;
mod screen;
mod session;
mod varies;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use checkout::Checkout;
use command::{Ended, Interrupt};
use engine::Engine;
use readme::{Block, Typed};
use session::Session;

type Failure = Box<dyn Error + Send + Sync>;

/// The address in the README that stands for a server of the reader's.
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
        // It may have been changed elsewhere meanwhile.
        let path = root.join("README.md");
        let readme = fs::read_to_string(&path)?;
        fs::write(path, readme::with_sessions(&readme, &shown))?;
        println!("README.md shows what was seen");
    } else if !problems.is_empty() {
        return Err(problems.join("\n").into());
    }
    Ok(())
}

/// Somebody who types what the README says.
struct Reader<'a> {
    checkout: Checkout,
    engine: Option<Engine>,
    root: &'a Path,
    /// What the README shows is not waited for.
    record: bool,
    /// The last id that was printed.
    id: Option<String>,
    /// What was not as the README has it.
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

    /// Replays the sessions of a block; what its text would be today.
    fn replay(&mut self, lines: &[String]) -> Result<String, Failure> {
        let mut sessions = Session::all(lines);
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
                None => Engine::start(self.root)?,
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

    fn judge(&mut self, command: &str, ended: &Ended, exit_code: i32) {
        println!("{ended}");
        if ended.exit_code != Some(exit_code) {
            self.problems.push(format!(
                "$ {command}\nended with {:?}, not {exit_code}:\n{}",
                ended.exit_code,
                ended.lines.join("\n")
            ));
        }
        if ended.missed_interrupt {
            self.problems.push(format!(
                "$ {command}\nended before Ctrl-C was pressed:\n{}",
                ended.lines.join("\n")
            ));
        }
        let mut ids = ended.lines.iter().filter_map(|line| varies::id(line));
        self.id = ids.next_back().map(str::to_owned).or(self.id.take());
    }

    fn finish(self) -> Result<Vec<String>, Failure> {
        drop(self.engine);
        self.checkout.remove()?;
        Ok(self.problems)
    }
}
