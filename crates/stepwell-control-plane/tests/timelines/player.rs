//! Plays a story against a control plane, step by step.

use http::Method;
use serde_json::{Value, json};
use stepwell_arroyo::{ErrorDomain, SqlDiagnostic};
use stepwell_control_plane::Options;

use crate::{
    comparison::compare,
    form::{planner_words, same_form},
    observation::{Job, Observation, Offer},
    recording::{Recorded, exchange_of, timelines_of},
    story::Step::{
        self, Answer, Ask, Create, Expect, Fail, FailForNow, Finish, Looks, Lose, Pass,
        RestartServer, Silence, Stop, Until, Watch,
    },
    support::Server,
    times::Times,
};

/// More ticks than any wait of a story takes.
const MOST_STEPS: usize = 1_000;

/// How many ticks must pass without a change if a recording continued after its last line.
const IDLE_LOOKS: usize = 3;

pub struct Player {
    server: Server,
    options: Options,
    recorded: Recorded,
    /// The ids of the recorded pipelines, each with its counterpart in the model.
    ids: Vec<(String, String)>,
    /// The pipeline, from its create until its delete.
    id: Option<String>,
    silent: bool,
    /// What the model has shown since the last request or timeline.
    seen: Vec<Observation>,
    times: Times,
}

impl Player {
    pub fn new(recorded: Recorded, options: Options) -> Self {
        Self {
            server: Server::new(options.clone()),
            options,
            recorded,
            ids: Vec::new(),
            id: None,
            silent: false,
            seen: Vec::new(),
            times: Times::default(),
        }
    }

    pub fn step(&mut self, step: &Step) {
        match step {
            Ask(name) => self.ask(name),
            Create => self.create(),
            Stop(mode) => {
                let id = self.id().to_owned();
                self.server.patch(&id, &json!({ "stop": mode }));
                self.watch();
            }
            Watch => self.watch(),
            Until(state) => self.until(state),
            Looks(count) => self.looks(*count),
            Fail(error, domain) => self.fail(error, domain, false),
            FailForNow(error, domain) => self.fail(error, domain, true),
            Lose => {
                let id = self.id().to_owned();
                self.server.lose(&id);
                self.observe();
            }
            Finish => {
                let id = self.id().to_owned();
                self.server.finish(&id);
                self.observe();
            }
            Pass(seconds) => self.server.pass(seconds * 1_000_000),
            Silence => self.silent = true,
            Answer => self.silent = false,
            RestartServer => self.restart_server(),
            Expect(name) => self.expect(name),
        }
    }

    fn id(&self) -> &str {
        self.id.as_deref().expect("there is a pipeline")
    }

    fn ask(&mut self, name: &str) {
        let recorded = exchange_of(self.recorded, name);
        let method: Method = recorded.method.parse().unwrap();
        let path = self.path(&recorded.path);
        if let Some(words) = planner_words(&recorded) {
            let environment = &mut self.server.environment;
            environment.refuse_queries("", [SqlDiagnostic::from_server(words)]);
        }
        let reply = self.server.send(method.clone(), &path, &recorded.body);
        self.server.environment.accept_queries();
        let status = u64::from(reply.status().as_u16());
        assert_eq!(status, recorded.status, "{name}: {:?}", reply.body());
        let answer: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        if self.recorded == Recorded::V0_15 {
            same_form(name, &recorded, &reply);
        }
        if recorded.answer["action_text"].is_string() {
            let recorded = Offer::new(&recorded.answer);
            assert_eq!(Offer::new(&answer), recorded, "{name}");
        }
        if recorded.answer["data"][0]["state"].is_string() {
            let recorded = Job::new(&recorded.answer["data"][0]);
            let model = Job::new(&answer["data"][0]);
            assert!(
                self.times.agree(&recorded, &model),
                "{name}: recorded {recorded:#?}, and in the model {model:#?}"
            );
        }
        if name.ends_with("_errors") {
            assert_eq!(failures(&answer), failures(&recorded.answer), "{name}");
        }
        match method {
            Method::GET => return,
            Method::DELETE if reply.status().is_success() => self.id = None,
            Method::POST if reply.status().is_success() && answer["id"].is_string() => {
                let [theirs, ours] =
                    [&recorded.answer, &answer].map(|body| body["id"].as_str().unwrap().to_owned());
                self.id.get_or_insert_with(|| ours.clone());
                self.ids.push((theirs, ours));
            }
            _ => {}
        }
        self.watch();
    }

    /// The recorded path with the model's pipeline and job in place of the recorded ones.
    fn path(&mut self, recorded: &str) -> String {
        let mut segments: Vec<String> = recorded.split('/').map(str::to_owned).collect();
        if let Some(id) = self.id.clone() {
            if segments.len() > 4 {
                segments[4].clone_from(&id);
            }
            if segments.len() > 6 {
                segments[6] = self.server.run(&id).0.to_string();
            }
        }
        let mut path = segments.join("/");
        for (theirs, ours) in &self.ids {
            path = path.replace(theirs, ours);
        }
        path
    }

    fn create(&mut self) {
        let body = json!({"name": "p", "query": "SELECT 1", "parallelism": 1});
        let answer = self.server.ask(Method::POST, "/api/v1/pipelines", &body);
        self.id = Some(answer["id"].as_str().unwrap().to_owned());
        self.watch();
    }

    fn fail(&mut self, error: &str, domain: &ErrorDomain, retryable: bool) {
        let id = self.id().to_owned();
        self.server.fail_with(&id, error, domain.clone(), retryable);
        self.observe();
    }

    fn restart_server(&mut self) {
        let server = std::mem::replace(&mut self.server, Server::new(self.options.clone()));
        self.server = server.restarted(self.options.clone());
        self.watch();
    }

    fn watch(&mut self) {
        self.seen.clear();
        self.observe();
    }

    fn observe(&mut self) {
        let Some(id) = self.id.clone() else {
            return;
        };
        let path = format!("/api/v1/pipelines/{id}");
        let pipeline = self.server.ask(Method::GET, &path, &Value::Null);
        let observation = Observation {
            at: self.server.now(),
            job: Job::new(&self.server.job(&id)),
            offer: Offer::new(&pipeline),
        };
        if self
            .seen
            .last()
            .is_none_or(|last| !last.shows(&observation))
        {
            self.seen.push(observation);
        }
    }

    /// Carries out one command. Returns `false` if there was none.
    fn work(&mut self) -> bool {
        if self.silent {
            while self.server.next_command().is_some() {}
            return false;
        }
        let worked = self.server.work();
        self.observe();
        worked
    }

    fn look(&mut self) {
        self.server.tick();
        self.observe();
    }

    fn looks(&mut self, count: usize) {
        for _ in 0..count {
            self.look();
            while self.work() {}
        }
    }

    fn until(&mut self, state: &str) {
        for _ in 0..MOST_STEPS {
            if self.seen.last().unwrap().job.state == state {
                return;
            }
            if !self.work() {
                self.look();
            }
        }
        panic!("{state} is never reached: {:#?}", self.seen);
    }

    fn expect(&mut self, name: &str) {
        let timeline = timelines_of(self.recorded)
            .into_iter()
            .find(|timeline| timeline.name == name)
            .unwrap_or_else(|| panic!("there is no timeline {name}"));
        if timeline.timed_out {
            self.looks(IDLE_LOOKS);
        }
        if let Err(difference) = compare(&timeline, &self.seen, &mut self.times) {
            panic!("{difference}");
        }
        self.watch();
    }
}

/// The failures in a job's log, newest first. The other entries come from operators, which the model does not have.
fn failures(log: &Value) -> Vec<(Value, Value)> {
    let entries = log["data"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["message"] == "task failed")
        .map(|entry| (entry["details"].clone(), entry["error_domain"].clone()))
        .collect()
}
