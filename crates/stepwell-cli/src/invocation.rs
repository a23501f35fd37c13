//! The command line as it was typed, so that hints can be commands that work.

mod words;

use std::path::{Path, PathBuf};

use self::words::{join, remove};

/// A command line as it was typed.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    words: Vec<String>,
    /// The address of the server that the command uses.
    server: Option<String>,
    /// The state directory that the command looks into, in place of a server.
    directory: Option<PathBuf>,
    /// Whether the query came from standard input, which cannot be read again.
    is_standard_input: bool,
    /// Whether it is a `run`, which resumes the pipeline when it is repeated.
    is_run: bool,
    /// The temporary directory of the embedded engine, if the command line has none.
    state_dir: Option<PathBuf>,
}

impl Invocation {
    /// The command line of this process, with its server or state directory and the file of its query.
    pub(crate) fn current(
        server: Option<&str>,
        directory: Option<&Path>,
        query: Option<&Path>,
        is_run: bool,
    ) -> Self {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        Self {
            is_run,
            directory: directory.map(Path::to_owned),
            ..Self::new(words.collect(), server, query)
        }
    }

    fn new(words: Vec<String>, server: Option<&str>, query: Option<&Path>) -> Self {
        Self {
            words,
            server: server
                .filter(|server| !server.is_empty())
                .map(str::to_owned),
            directory: None,
            is_standard_input: query == Some(Path::new("-")),
            is_run: true,
            state_dir: None,
        }
    }

    /// Adds this directory to repetitions of the command, which continue only from it.
    pub(crate) fn keep_state_in(&mut self, directory: &Path) {
        self.state_dir = Some(directory.to_owned());
    }

    /// The command that resumes the pipeline of this one. There is none if the query came from standard input, which is used up.
    pub(crate) fn resume(&self) -> Option<String> {
        self.is_run
            .then(|| self.changed(&["--create-only"], &[]))
            .flatten()
    }

    /// The command that starts a pipeline: the same `run`, or `start`.
    pub(crate) fn start(&self, id: &str) -> Option<String> {
        if self.is_run {
            self.resume()
        } else {
            self.on_the_server("start", &[id])
        }
    }

    /// The command that waits longer until a pipeline runs. Only a `run` is repeated; a change is not.
    pub(crate) fn wait_longer(&self, id: &str, timeout: &str) -> Option<String> {
        if self.is_run {
            self.changed(&["--timeout="], &["--timeout", timeout])
        } else {
            self.on_the_server("wait", &["--timeout", timeout, id])
        }
    }

    /// The same command with more arguments.
    pub(crate) fn with(&self, more: &[&str]) -> Option<String> {
        self.changed(&[], more)
    }

    /// The same command without some of its options, and with others. An option that ends with `=` takes a value.
    pub(crate) fn changed(&self, without: &[&str], with: &[&str]) -> Option<String> {
        if self.is_standard_input {
            return None;
        }
        let (mut words, rest) = self.split();
        for option in without {
            remove(&mut words, option);
        }
        if let Some(directory) = &self.state_dir {
            words.push("--state-dir".to_owned());
            words.push(directory.display().to_string());
        }
        words.extend(with.iter().map(|&word| word.to_owned()));
        words.extend(rest);
        Some(join(&words))
    }

    /// The same command with the last occurrence of a word replaced.
    /// There is none if it would repeat a secret.
    pub(crate) fn with_instead(&self, word: &str, instead: &str) -> Option<String> {
        let is_secret =
            |word: &String| word.starts_with("--env") || word.starts_with("--scheduler-config");
        if self.words.iter().any(is_secret) {
            return None;
        }
        let mut words = self.words.clone();
        let last = words.iter_mut().rfind(|known| *known == word)?;
        instead.clone_into(last);
        Some(join(&words))
    }

    /// Another command for the same server; `None` if no server outlives this process.
    pub(crate) fn on_the_server(&self, command: &str, arguments: &[&str]) -> Option<String> {
        let mut words = vec![self.program(), command.to_owned()];
        match (&self.server, &self.directory) {
            (Some(server), _) => words.extend(["--server".to_owned(), server.clone()]),
            (None, Some(directory)) => {
                words.extend(["--state-dir".to_owned(), directory.display().to_string()]);
            }
            (None, None) => return None,
        }
        for option in [
            "--token-file",
            "--ca-file",
            "--client-certificate",
            "--client-key",
        ] {
            if let Some(value) = self.value(option) {
                words.extend([option.to_owned(), value]);
            }
        }
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        Some(join(&words))
    }

    /// `stepwell validate` for the same query.
    pub(crate) fn validate(&self, file: &Path) -> Option<String> {
        if self.is_standard_input {
            return None;
        }
        let file = file.display().to_string();
        let udfs = self.values("--udf");
        let mut arguments: Vec<_> = udfs.iter().flat_map(|udf| ["--udf", udf]).collect();
        if file.starts_with('-') {
            arguments.push("--");
        }
        arguments.push(&file);
        if self.server.is_some() {
            return self.on_the_server("validate", &arguments);
        }
        // STEPWELL_SERVER is set, but this command did not use it.
        let exported = std::env::var_os("STEPWELL_SERVER").is_some_and(|url| !url.is_empty());
        let before: &[&str] = if exported {
            &["env", "-u", "STEPWELL_SERVER"]
        } else {
            &[]
        };
        let mut words: Vec<_> = before.iter().map(|&word| word.to_owned()).collect();
        words.extend([self.program(), "validate".to_owned()]);
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        Some(join(&words))
    }

    fn program(&self) -> String {
        self.words
            .first()
            .cloned()
            .unwrap_or_else(|| "stepwell".to_owned())
    }

    fn value(&self, option: &str) -> Option<String> {
        self.values(option).pop()
    }

    /// The values of an option, in order.
    fn values(&self, option: &str) -> Vec<String> {
        let with_value = format!("{option}=");
        let mut values = Vec::new();
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word == option {
                values.extend(words.next().cloned());
            } else if let Some(value) = word.strip_prefix(&with_value) {
                values.push(value.to_owned());
            }
        }
        values
    }

    /// The words before `--`, and the rest.
    fn split(&self) -> (Vec<String>, Vec<String>) {
        let end = self.words.iter().position(|word| word == "--");
        let (before, rest) = self.words.split_at(end.unwrap_or(self.words.len()));
        (before.to_vec(), rest.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(line: &str, server: Option<&str>) -> Invocation {
        let words = line.split(' ').map(str::to_owned).collect();
        Invocation::new(words, server, Some(Path::new("q.sql")))
    }

    #[test]
    fn a_command_is_repeated_with_other_options() {
        let typed = invocation(
            "stepwell run -s d --create-only --id=a --timeout 3s q.sql",
            None,
        );
        assert_eq!(
            typed.changed(&["--create-only"], &["--force"]).unwrap(),
            "stepwell run -s d --id=a --timeout 3s q.sql --force"
        );
        assert_eq!(
            typed
                .changed(&["--timeout=", "--id="], &["--timeout", "1m"])
                .unwrap(),
            "stepwell run -s d --create-only q.sql --timeout 1m"
        );
        for (line, without) in [
            ("stepwell run -qp 200 q.sql", "stepwell run -q q.sql"),
            ("stepwell run -qp200 q.sql", "stepwell run -q q.sql"),
            ("stepwell run -p200 q.sql", "stepwell run q.sql"),
            ("stepwell run -sp q.sql", "stepwell run -sp q.sql"),
        ] {
            assert_eq!(
                invocation(line, None).changed(&["-p="], &[]).unwrap(),
                without
            );
        }
        let after_dashes = invocation("stepwell run -- -q.sql", None);
        assert_eq!(
            after_dashes.with(&["--force"]).unwrap(),
            "stepwell run --force -- -q.sql"
        );
    }

    #[test]
    fn a_command_is_repeated_about_something_else() {
        let typed = invocation("stepwell stop --server s stop", Some("s"));
        assert_eq!(
            typed.with_instead("stop", "sw_1").unwrap(),
            "stepwell stop --server s sw_1"
        );
        assert_eq!(typed.with_instead("status", "sw_1"), None);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let mut typed = invocation("stepwell run q.sql", None);
        typed.keep_state_in(Path::new("it's here"));
        assert_eq!(
            typed.resume().unwrap(),
            r"stepwell run q.sql --state-dir 'it'\''s here'"
        );
    }

    #[test]
    fn other_commands_go_to_the_same_server_in_the_same_way() {
        let typed = invocation("stepwell run --ca-file ca.pem q.sql", Some("https://h"));
        assert_eq!(
            typed.on_the_server("status", &["sw_1"]).unwrap(),
            "stepwell status --server https://h --ca-file ca.pem sw_1"
        );
        let typed = invocation(
            "stepwell run --udf a.rs --udf=b.py -- -q.sql",
            Some("http://h"),
        );
        assert_eq!(
            typed.validate(Path::new("-q.sql")).unwrap(),
            "stepwell validate --server http://h --udf a.rs --udf b.py -- -q.sql"
        );
        assert_eq!(
            invocation("stepwell run q.sql", None).on_the_server("list", &[]),
            None
        );
    }

    #[test]
    fn standard_input_cannot_be_read_again() {
        let words = vec!["stepwell".to_owned(), "run".to_owned()];
        let typed = Invocation::new(words, None, Some(Path::new("-")));
        assert_eq!(typed.resume(), None);
        assert_eq!(typed.validate(Path::new("-")), None);
    }
}
