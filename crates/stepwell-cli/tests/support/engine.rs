//! The embedded engine of a `run`, with more pipelines in it.

use rustix::process::Signal;

use super::{Left, Running, TestDirectory, example, run, stepwell};

/// An engine that is up until it is dropped or closed.
pub struct Engine {
    pub directory: TestDirectory,
    /// The run that keeps it up, of a pipeline with the name and the id `keeper`.
    keeper: Running,
    pub url: String,
}

impl Engine {
    pub fn start() -> Self {
        Self::in_directory(TestDirectory::new())
    }

    pub fn in_directory(directory: TestDirectory) -> Self {
        let query = directory.write(
            "keeper.sql",
            "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1');\nSELECT counter FROM impulse;\n",
        );
        let state = directory.text("state");
        let line = ["run", "-s", &state, "--id", "keeper", "--force", &query];
        let mut keeper = Running::start(stepwell(&line));
        let url = keeper.engine();
        Self {
            directory,
            keeper,
            url,
        }
    }

    pub fn state(&self) -> String {
        self.directory.text("state")
    }

    /// Creates a pipeline that never ends, with this id and name, and waits until it runs.
    pub fn create(&self, id: &str) {
        let query = self.directory.write(
            &format!("{id}.sql"),
            format!(
                "CREATE TABLE {id} WITH (connector = 'impulse', event_rate = '2');\nSELECT counter FROM {id};\n"
            ),
        );
        self.submit("--detach", id, &query);
    }

    /// Creates one that fails, and waits until it has failed.
    pub fn create_failed(&self, id: &str) {
        self.submit_failing(id, &example("failing.sql"));
    }

    /// Creates one that fails for want of a file, waits until it has failed, and makes the file.
    pub fn create_mended(&self, id: &str) {
        let data = self.directory.text("data.json");
        let query = self.directory.write(
            "mended.sql",
            format!(
                "CREATE TABLE t (n BIGINT) WITH (connector = 'single_file', path = '{data}', format = 'json', type = 'source', wait_for_control = 'false');\nSELECT n FROM t;\n"
            ),
        );
        self.submit_failing(id, &query);
        self.directory.write("data.json", "{\"n\":1}\n");
    }

    fn submit_failing(&self, id: &str, query: &str) {
        self.submit("--no-wait", id, query);
        let left = self.run(&["wait", "--for", "finished", id]);
        assert_eq!(left.code, Some(6), "{}", left.stderr);
    }

    /// Creates one that finishes, and waits until it has.
    pub fn create_finished(&self, id: &str) {
        self.submit("--no-wait", id, &example("finite.sql"));
        self.ok(&["wait", "--for", "finished", id]);
    }

    pub fn submit(&self, how: &str, id: &str, query: &str) {
        let line = ["run", how, "--force", "--id", id, "-n", id, query];
        self.ok(&line);
    }

    /// Runs a command with this engine as its server.
    pub fn run(&self, line: &[&str]) -> Left {
        run(&[&[line[0], "--server", &self.url], &line[1..]].concat())
    }

    /// The same; it must succeed.
    pub fn ok(&self, line: &[&str]) -> Left {
        let left = self.run(line);
        assert_eq!(left.code, Some(0), "{line:?}: {}", left.stderr);
        left
    }

    /// Starts a command with this engine as its server.
    pub fn launch(&self, line: &[&str]) -> Running {
        let line = [&[line[0], "--server", &self.url], &line[1..]].concat();
        Running::start(stepwell(&line))
    }

    /// The state of a pipeline, as `list` shows it; `None` if it is not there.
    pub fn state_of(&self, id: &str) -> Option<String> {
        let left = self.ok(&["list", "--output", "json"]);
        let lines = left.stdout.lines();
        let mut listed = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let found = listed.find(|line| line["id"] == id)?;
        Some(found["state"].as_str().unwrap_or("none").to_owned())
    }

    /// The job of a pipeline, with its environment.
    pub fn job(&self, id: &str) -> serde_json::Value {
        self.get(&format!("/api/v1/pipelines/{id}/jobs"))["data"][0].clone()
    }

    pub fn get(&self, path: &str) -> serde_json::Value {
        use std::io::{Read as _, Write as _};

        let host = self.url.strip_prefix("http://").unwrap();
        let mut connection = std::net::TcpStream::connect(host).unwrap();
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).unwrap();
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Kills the process, and returns the directory as it is left.
    pub fn kill(self) -> TestDirectory {
        let Self {
            directory, keeper, ..
        } = self;
        keeper.signal(Signal::KILL);
        drop(keeper.finish());
        directory
    }
}
