//! The commands and the sessions of a README.

/// A fenced block with commands to type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Commands of an `sh` block.
    Commands(Vec<Typed>),
    /// The lines of a `text` block that has commands.
    Sessions(Vec<String>),
}

/// A command, and the comment after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) command: String,
    pub(crate) comment: String,
}

impl Typed {
    /// Parses a line; `None` if it has no command.
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let (command, comment) = match line.find(" #") {
            _ if line.starts_with('#') => ("", line),
            Some(at) => line.split_at(at),
            None => (line, ""),
        };
        (!command.is_empty()).then(|| Self {
            command: command.trim_end().to_owned(),
            comment: comment.trim_start_matches([' ', '#']).to_owned(),
        })
    }

    /// The expected exit code: the one in the comment, or 0.
    pub(crate) fn exit_code(&self) -> i32 {
        let digits = self.comment.split("exit code ").nth(1).unwrap_or_default();
        let digits = digits.split(|sign: char| !sign.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

pub(crate) fn blocks(readme: &str) -> Vec<Block> {
    fences(readme)
        .into_iter()
        .filter_map(|Fence { language, lines }| match language {
            "sh" => {
                let commands = lines.iter().filter_map(|line| Typed::read(line));
                Some(Block::Commands(commands.collect()))
            }
            "text" if is_session(&lines) => {
                let lines = lines.iter().map(|line| (*line).to_owned());
                Some(Block::Sessions(lines.collect()))
            }
            _ => None,
        })
        .collect()
}

/// Replaces the sessions of the README with these texts, one for each block.
pub(crate) fn with_sessions(readme: &str, sessions: &[String]) -> String {
    let mut text = readme.to_owned();
    let fences = fences(readme).into_iter();
    let old = fences.filter(|fence| fence.language == "text" && is_session(&fence.lines));
    for (fence, new) in old.zip(sessions) {
        let old = format!("```text\n{}\n```", fence.lines.join("\n"));
        text = text.replacen(&old, &format!("```text\n{}\n```", new.trim_end()), 1);
    }
    text
}

fn is_session(lines: &[&str]) -> bool {
    lines.iter().any(|line| line.starts_with("$ "))
}

struct Fence<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
}

fn fences(readme: &str) -> Vec<Fence<'_>> {
    let mut fences: Vec<Fence<'_>> = Vec::new();
    let mut is_open = false;
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                is_open = true;
                fences.push(Fence {
                    language,
                    lines: Vec::new(),
                });
            }
            None if is_open => {
                if let Some(fence) = fences.last_mut() {
                    fence.lines.push(line);
                }
            }
            None => {}
        }
    }
    fences
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "Type:\n\n```sh\none --two   # three, exit code 4\n\n# nothing\nfive\n```\n\n```text\nno session\n```\n\n\
                          ```text\n$ six\nseven\n```\n";

    #[test]
    fn commands_and_sessions_are_read_in_their_order() {
        let [Block::Commands(commands), Block::Sessions(lines)] = &blocks(README)[..] else {
            panic!("{:?}", blocks(README));
        };
        let typed: Vec<_> = commands
            .iter()
            .map(|typed| (typed.command.as_str(), typed.exit_code()))
            .collect();
        assert_eq!(typed, [("one --two", 4), ("five", 0)]);
        assert_eq!(commands[0].comment, "three, exit code 4");
        assert_eq!(lines[..], ["$ six", "seven"]);
    }

    #[test]
    fn only_sessions_are_written_anew() {
        let changed = with_sessions(README, &["$ six\neight\n".to_owned()]);
        assert_eq!(changed, README.replace("seven", "eight"));
    }
}
