//! The recorded sessions of the README: what was typed, and what the terminal showed.

use crate::{
    interrupt::Interrupt,
    varies::{self, apart},
};

/// The number of rows to record for a session.
const FEW: usize = 3;

/// A command in a block of sessions, with its output.
#[derive(Debug, Default)]
pub(crate) struct RecordedSession {
    pub(crate) command: String,
    /// What the README shows before Ctrl-C, or all of it if the command ends by itself.
    before: Vec<String>,
    /// What it shows after Ctrl-C.
    after: Option<Vec<String>>,
    /// What the terminal shows now.
    pub(crate) seen: Vec<String>,
}

impl RecordedSession {
    /// The sessions in the lines of a block.
    pub(crate) fn all(lines: &[String]) -> Vec<Self> {
        let mut sessions: Vec<Self> = Vec::new();
        for line in lines {
            if let Some(command) = line.strip_prefix("$ ") {
                sessions.push(Self {
                    command: command.to_owned(),
                    ..Self::default()
                });
                continue;
            }
            let Some(session) = sessions.last_mut() else {
                continue;
            };
            let line = match line.strip_prefix("^C") {
                Some(rest) => {
                    session.after = Some(Vec::new());
                    rest
                }
                None => line,
            };
            if !line.is_empty() {
                let lines = session.after.as_mut().unwrap_or(&mut session.before);
                lines.push(line.to_owned());
            }
        }
        sessions
    }

    /// When to press Ctrl-C: where the README has it, or after a few rows if the session is recorded.
    pub(crate) fn interrupt(&self, record: bool) -> Interrupt {
        if self.after.is_none() {
            return Interrupt::Never;
        }
        let (rows, messages) = apart(&self.before);
        if record {
            Interrupt::Recorded {
                rows: rows.len().min(FEW),
            }
        } else {
            Interrupt::After {
                rows: rows.len(),
                messages: varies::messages(messages),
            }
        }
    }

    fn shown(&self) -> impl Iterator<Item = &String> {
        self.before.iter().chain(self.after.iter().flatten())
    }
}

/// The differences from the README.
///
/// Rows and messages are compared separately, because their order is a race. The rows of all sessions together must begin with those in the
/// README; there may be more, because rows keep coming until Ctrl-C takes effect.
pub(crate) fn differences(sessions: &[RecordedSession]) -> Vec<String> {
    let mut problems = Vec::new();
    let [mut shown_rows, mut seen_rows] = [const { Vec::new() }; 2];
    for session in sessions {
        let (rows, messages) = apart(session.shown());
        shown_rows.extend(rows);
        let shown = varies::messages(messages);
        let (rows, messages) = apart(&session.seen);
        seen_rows.extend(rows);
        let seen = varies::messages(messages);
        if shown != seen {
            problems.push(format!(
                "$ {}\nthe README shows\n{}\nand the terminal\n{}",
                session.command,
                shown.join("\n"),
                seen.join("\n")
            ));
        }
    }
    if !seen_rows.starts_with(&shown_rows) {
        problems.push(format!(
            "the README shows the rows\n{shown_rows:#?}\nand the terminal\n{seen_rows:#?}"
        ));
    }
    problems
}

/// The current output as a block of the README.
pub(crate) fn text(sessions: &[RecordedSession]) -> String {
    let sessions = sessions.iter().map(|session| {
        let lines = session.seen.iter().map(|line| line.trim_end());
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        format!("$ {}\n{}\n", session.command, lines.join("\n"))
    });
    sessions.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const README: &str = "$ run\nstart\n{\"a\":0}\n^Cstop\n\n$ run\nagain\n{\"a\":1}\n^C\nstop";

    fn replayed(seen: [&str; 2]) -> Vec<RecordedSession> {
        let mut sessions = RecordedSession::all(&lines(README));
        for (session, seen) in sessions.iter_mut().zip(seen) {
            session.seen = lines(seen);
        }
        sessions
    }

    #[test]
    fn more_rows_and_another_order_are_the_same() {
        let sessions = replayed([
            "{\"a\":0}\nstart\n{\"a\":1}\n^Cstop",
            "{\"a\":2}\nagain\n^C{\"a\":3}\nstop",
        ]);
        assert_eq!(differences(&sessions), [""; 0]);
    }

    #[test]
    fn a_row_that_is_missing_and_another_message_are_not() {
        for seen in [
            ["start\n{\"a\":0}\n^Cstop", "again\n{\"a\":2}\n^Cstop"],
            ["start\n{\"a\":0}\n^Cstop", "again\n{\"a\":1}\n^Cgone"],
            ["start\n{\"a\":0}\n^Cstop", "{\"a\":1}\n^Cstop"],
        ] {
            assert_eq!(differences(&replayed(seen)).len(), 1, "{seen:?}");
        }
    }

    #[test]
    fn what_was_seen_can_be_shown() {
        let sessions = replayed(["start\n{\"a\":0}\n^Cstop\n", "again\n{\"a\":1}\n^Cstop"]);
        let shown = text(&sessions);
        assert_eq!(shown, README.replace("^C\nstop", "^Cstop\n"));
        let mut again = RecordedSession::all(&lines(&shown));
        for (session, seen) in again.iter_mut().zip(sessions) {
            session.seen = seen.seen;
        }
        assert_eq!(differences(&again), [""; 0]);
    }
}
