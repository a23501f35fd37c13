//! How and when a run is cut short.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use stepwell_control_plane::testing::Chance;

use crate::{store::Damage, support::Running};

#[derive(Debug)]
pub(crate) struct Interruption {
    pub(crate) kind: Kind,
    moment: Moment,
    /// What happens to the newest checkpoint afterwards, if it is not the only one.
    pub(crate) damage: Option<Damage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Interrupt,
    Terminate,
    Kill,
    /// A stop, and a kill during it.
    InterruptThenKill(Duration),
    /// Standard output is closed after this many thousandths of the output, and a pause without reading.
    Close(u64, Duration),
    /// Standard output accepts nothing.
    Full,
}

#[derive(Debug)]
enum Moment {
    SinceStart(Duration),
    /// This time after it was reported as running.
    SinceRunning(Duration),
    /// Once this percentage of `kept.json` was written.
    Written(u64),
}

impl Interruption {
    pub(crate) fn choose(chance: &mut Chance, prints: bool) -> Self {
        let kind = match chance.below(10) {
            _ if prints && chance.percent(30) => {
                // Often before the first row is complete, and often in a burst of rows.
                let thousandths = if chance.percent(20) {
                    0
                } else {
                    chance.below(900)
                };
                Kind::Close(thousandths, chance.millis(0, 30))
            }
            _ if prints && chance.percent(10) => Kind::Full,
            0..4 => Kind::Interrupt,
            4 => Kind::Terminate,
            5..8 => Kind::Kill,
            _ => Kind::InterruptThenKill(chance.millis(0, 60)),
        };
        let moment = match chance.below(10) {
            0 => Moment::SinceStart(chance.millis(0, 150)),
            1 => Moment::SinceStart(chance.millis(0, 2000)),
            2..5 => Moment::SinceRunning(chance.millis(0, 2000)),
            _ => Moment::Written(chance.below(101)),
        };
        let damage = chance.percent(70).then(|| match chance.below(4) {
            0 => Damage::Cut,
            1 => Damage::Zeros,
            _ => Damage::Flip(chance.draw()),
        });
        Self {
            kind,
            moment,
            damage,
        }
    }

    /// Interrupts at the moment. Returns `false` if the run has ended before.
    pub(crate) fn wait_and_do(&self, running: &mut Running, directory: &Path, bytes: u64) -> bool {
        if matches!(self.kind, Kind::Close(..) | Kind::Full) {
            // The output triggers it.
            return true;
        }
        let started = Instant::now();
        let mut said = None;
        while !self.has_come(started, &mut said, directory, bytes) {
            if running.has_ended() {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        match self.kind {
            Kind::Interrupt => running.signal(Signal::INT),
            Kind::Terminate => running.signal(Signal::TERM),
            Kind::Kill => running.signal(Signal::KILL),
            Kind::Close(..) | Kind::Full => {}
            Kind::InterruptThenKill(pause) => {
                running.signal(Signal::INT);
                thread::sleep(pause);
                running.signal(Signal::KILL);
            }
        }
        true
    }

    fn has_come(
        &self,
        started: Instant,
        said: &mut Option<Instant>,
        directory: &Path,
        bytes: u64,
    ) -> bool {
        match self.moment {
            Moment::SinceStart(wait) => started.elapsed() >= wait,
            Moment::SinceRunning(wait) => {
                let stderr = || fs::read_to_string(directory.join("stderr")).unwrap_or_default();
                if said.is_none() && stderr().contains("is running") {
                    *said = Some(Instant::now());
                }
                said.is_some_and(|said| said.elapsed() >= wait)
            }
            Moment::Written(percent) => fs::metadata(directory.join("kept.json"))
                .is_ok_and(|metadata| metadata.len() * 100 >= bytes * percent),
        }
    }
}

/// Reads this many bytes, and stops after a pause. Everything that was written by then is read, so it is known to the last byte.
pub(crate) fn read_and_close(
    mut from: UnixStream,
    mut to: File,
    bytes: u64,
    pause: Duration,
) -> io::Result<()> {
    io::copy(&mut (&from).take(bytes), &mut to)?;
    thread::sleep(pause);
    from.shutdown(Shutdown::Read)?;
    let mut rest = Vec::new();
    from.read_to_end(&mut rest)?;
    to.write_all(&rest)
}
