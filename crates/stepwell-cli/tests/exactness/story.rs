//! The story of one seed: a query is run repeatedly in one state directory, cut short every time except the last, and its output is checked.

mod ran;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, PipeReader, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use ran::Ran;
use stepwell_control_plane::testing::Chance;

use crate::{
    check::{same, whole_lines},
    input::Input,
    interruption::{Interruption, Kind, read_and_close},
    program::{Program, printer},
    store::{self, Checkpoint},
    support::{Running, stepwell},
};

/// A story with more runs than this never ends.
const MOST_RUNS: usize = 12;

pub(crate) struct Story<'a> {
    input: &'a Input,
    directory: PathBuf,
    program: Program,
    /// The expected rows of each subtask.
    printed: Vec<Vec<String>>,
    kept: (Vec<String>, bool),
    /// How many of them each subtask has printed.
    reached: Vec<usize>,
    /// Epochs of checkpoints that were damaged.
    damaged: BTreeSet<i64>,
    pub(crate) tally: Tally,
    pub(crate) told: Vec<String>,
}

/// What was covered, so that a test that covers nothing is noticed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    /// Runs that continued from a checkpoint, and from the one before a damaged one.
    pub(crate) resumed: usize,
    pub(crate) fallbacks: usize,
    /// Runs that could not write all their rows and kept them.
    pub(crate) kept: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.resumed += other.resumed;
        self.fallbacks += other.fallbacks;
        self.kept += other.kept;
    }
}

impl<'a> Story<'a> {
    /// Its own directory with a query.
    pub(crate) fn begin(input: &'a Input, directory: &Path, program: Program) -> Self {
        fs::write(directory.join("query.sql"), program.query(input, directory)).unwrap();
        let printed = program.printed(input);
        Self {
            input,
            directory: directory.to_owned(),
            kept: program.kept(input),
            reached: vec![0; printed.len()],
            told: vec![format!("{program:?}")],
            printed,
            program,
            damaged: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn play(&mut self, chance: &mut Chance) -> Result<(), String> {
        let interruptions: Vec<_> = (0..chance.below(6).min(4))
            .map(|_| Interruption::choose(chance, self.program.prints()))
            .collect();
        let mut interruptions = interruptions.iter();
        for _ in 0..MOST_RUNS {
            let interruption = interruptions.next();
            let ran = self.run(interruption);
            ran.check_end()?;
            self.check_printed(&ran)?;
            self.check_warning(&ran)?;
            if ran.has_finished() {
                return self.check_files();
            }
            if let Some(damage) = interruption.and_then(|interruption| interruption.damage) {
                self.damage(&ran.after, damage);
            }
        }
        Err(format!("it has not finished after {MOST_RUNS} runs"))
    }

    fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    fn run(&mut self, interruption: Option<&Interruption>) -> Ran {
        let path = |name: &str| self.directory.join(name);
        let before = store::checkpoints(&self.state());
        let mut command = stepwell(&["run", "--checkpoint-interval", "1s", "-p"]);
        command
            .arg(self.program.parallelism.to_string())
            .arg("-s")
            .arg(self.state())
            .arg(path("query.sql"))
            .stderr(File::create(path("stderr")).unwrap());
        let file = File::create(path("stdout")).unwrap();
        let reading = match interruption.map(|interruption| interruption.kind) {
            Some(Kind::Close(thousandths, pause)) => {
                let (reader, writer) = UnixStream::pair().unwrap();
                command.stdout(OwnedFd::from(writer));
                let bytes = bytes(self.printed.iter().flatten()) * thousandths / 1000;
                Some(thread::spawn(move || {
                    read_and_close(reader, file, bytes, pause).unwrap();
                }))
            }
            Some(Kind::Full) => {
                let full = File::options().write(true).open("/dev/full").unwrap();
                command.stdout(full);
                None
            }
            _ if self.program.slow_reader => {
                let (reader, writer) = io::pipe().unwrap();
                command.stdout(writer);
                Some(thread::spawn(move || read_slowly(reader, file)))
            }
            _ => {
                command.stdout(file);
                None
            }
        };
        let mut running = Running::start(command);
        let bytes = bytes(&self.kept.0);
        let by = interruption.and_then(|interruption| {
            interruption
                .wait_and_do(&mut running, &self.directory, bytes)
                .then_some(interruption.kind)
        });
        let code = running.finish().code;
        if let Some(reading) = reading {
            reading.join().unwrap();
        }
        let ran = Ran {
            code,
            stdout: fs::read_to_string(path("stdout")).unwrap(),
            stderr: fs::read_to_string(path("stderr")).unwrap(),
            by,
            before,
            after: store::checkpoints(&self.state()),
        };
        let epochs: Vec<_> = ran
            .after
            .iter()
            .map(|checkpoint| checkpoint.epoch)
            .collect();
        self.told.push(format!(
            "{interruption:?}: code {code:?}, {} bytes printed, checkpoints {epochs:?}\n{}",
            ran.stdout.len(),
            ran.stderr
        ));
        ran
    }

    /// The newest checkpoint that the test has not damaged.
    fn sound<'b>(&self, checkpoints: &'b [Checkpoint]) -> Option<&'b Checkpoint> {
        checkpoints
            .iter()
            .find(|checkpoint| !self.damaged.contains(&checkpoint.epoch))
    }

    fn printed_at(&self, checkpoint: Option<&Checkpoint>) -> Result<Vec<usize>, String> {
        match checkpoint {
            None => Ok(vec![0; self.printed.len()]),
            Some(Checkpoint {
                header: Some(header),
                ..
            }) => Ok(self.program.printed_at(self.input, header)),
            Some(Checkpoint { epoch, .. }) => Err(format!("checkpoint {epoch} cannot be read")),
        }
    }

    /// The output of a run begins at a checkpoint and is in order, and a checkpoint covers what was printed.
    fn check_printed(&mut self, ran: &Ran) -> Result<(), String> {
        let mut next = self.printed_at(self.sound(&ran.before))?;
        let lines = whole_lines(&ran.stdout);
        let is_cut = matches!(ran.by, Some(Kind::Close(..)));
        let is_whole = ran.stdout.is_empty() || ran.stdout.ends_with('\n');
        if ran.code.is_some() && !is_whole && !is_cut {
            return Err("the last line is not whole".to_owned());
        }
        for line in lines {
            let printer = printer(line);
            let expected = self
                .printed
                .get(printer)
                .and_then(|printed| printed.get(next[printer]));
            if expected.is_none_or(|expected| expected != line) {
                return Err(format!(
                    "line {} of subtask {printer} is {line}, and should be {expected:?}",
                    next[printer] + 1
                ));
            }
            next[printer] += 1;
        }
        for checkpoint in ran.new_checkpoints() {
            let at = self.printed_at(Some(checkpoint))?;
            if at.iter().zip(&next).any(|(at, next)| at > next) {
                return Err(format!(
                    "checkpoint {} has {at:?} lines, and {next:?} were printed",
                    checkpoint.epoch
                ));
            }
        }
        if ran.stderr.contains("with a final checkpoint") {
            let at = self.printed_at(ran.after.first())?;
            if ran.new_checkpoints().next().is_none() || at != next {
                return Err(format!(
                    "the final checkpoint has {at:?} lines, and {next:?} were printed"
                ));
            }
        }
        for (reached, next) in self.reached.iter_mut().zip(&next) {
            *reached = (*reached).max(*next);
        }
        let all: Vec<_> = self.printed.iter().map(Vec::len).collect();
        if ran.has_finished() && self.reached != all {
            return Err(format!("{:?} of {all:?} lines were printed", self.reached));
        }
        Ok(())
    }

    /// A run that continues from the checkpoint before the newest one says so.
    fn check_warning(&mut self, ran: &Ran) -> Result<(), String> {
        let is_damaged = ran
            .before
            .first()
            .is_some_and(|newest| self.damaged.contains(&newest.epoch));
        let says = ran.stderr.contains("the newest checkpoints are damaged");
        let went_on = !ran.stdout.is_empty()
            || ran.new_checkpoints().next().is_some()
            || (ran.has_finished() && !ran.was_finished());
        self.tally.runs += 1;
        self.tally.kept += usize::from(ran.after.first().is_some_and(Checkpoint::has_unwritten));
        self.tally.resumed += usize::from(!ran.before.is_empty() && went_on);
        self.tally.fallbacks += usize::from(is_damaged && says);
        if is_damaged && went_on && !says {
            return Err("it does not say that the newest checkpoint is damaged".to_owned());
        }
        if says && !is_damaged {
            return Err("it says that a sound checkpoint is damaged".to_owned());
        }
        Ok(())
    }

    /// Damages the newest sound checkpoint, if another is left.
    fn damage(&mut self, checkpoints: &[Checkpoint], damage: store::Damage) {
        let mut sound = checkpoints
            .iter()
            .filter(|checkpoint| !self.damaged.contains(&checkpoint.epoch));
        if let (Some(newest), Some(_)) = (sound.next(), sound.next()) {
            store::damage(&self.state(), newest.epoch, damage);
            self.damaged.insert(newest.epoch);
            self.told.push(format!(
                "checkpoint {} is damaged: {damage:?}",
                newest.epoch
            ));
        }
    }

    fn check_files(&self) -> Result<(), String> {
        let read = |name: &str| {
            fs::read_to_string(self.directory.join(name))
                .map_err(|error| format!("{name}: {error}"))
        };
        let (mut expected, is_ordered) = self.kept.clone();
        let text = read("kept.json")?;
        let mut lines: Vec<_> = text.lines().collect();
        if !is_ordered {
            lines.sort_unstable();
            expected.sort_unstable();
        }
        same(&expected, &lines).map_err(|error| format!("kept.json: {error}"))?;
        let text = read("closed.json")?;
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        self.program
            .check_windows(self.input, &lines)
            .map_err(|error| format!("closed.json: {error}"))
    }
}

fn bytes<'a>(lines: impl IntoIterator<Item = &'a String>) -> u64 {
    let lines = lines.into_iter();
    lines.map(|line| line.len() as u64 + 1).sum()
}

/// Reads so slowly that rows wait in the process for longer than the engine waits for them at its end.
fn read_slowly(mut from: PipeReader, mut to: File) {
    let mut bytes = [0; 4096];
    loop {
        match from.read(&mut bytes).unwrap() {
            0 => return,
            read => to.write_all(&bytes[..read]).unwrap(),
        }
        thread::sleep(Duration::from_millis(8));
    }
}
