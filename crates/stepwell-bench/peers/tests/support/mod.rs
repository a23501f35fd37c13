//! A server of canned replies, shaped as the recordings are, that keeps a record of what it was asked.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// The query of the pipeline `pl_{index}`.
pub(crate) fn query(index: usize) -> String {
    format!("SELECT {index} FROM impulse;")
}

/// What the server has and was asked.
#[derive(Debug)]
pub(crate) struct Server {
    pipelines: usize,
    states: &'static [&'static str],
    connections: AtomicUsize,
    requests: Mutex<Vec<(String, Value, Instant)>>,
}

impl Server {
    /// A server with that many pipelines, on which a job goes through `states`, one a poll. Gives its address too.
    pub(crate) async fn start(
        pipelines: usize,
        states: &'static [&'static str],
    ) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Self {
            pipelines,
            states,
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
        });
        let accepting = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(Arc::clone(&accepting).serve(stream));
            }
        });
        (server, url)
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Method and target of each request, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|(request, ..)| request.clone())
            .collect()
    }

    /// The time from each poll of a job to the next, and from the last one until now.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        let requests = self.requests.lock().unwrap();
        let polls = requests
            .iter()
            .filter(|(request, ..)| request.ends_with("/jobs"));
        let times: Vec<_> = polls
            .map(|(.., time)| *time)
            .chain([Instant::now()])
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The body of the only request that begins so.
    pub(crate) fn body(&self, request: &str) -> Value {
        let requests = self.requests.lock().unwrap();
        let mut found = requests
            .iter()
            .filter(|(line, ..)| line.starts_with(request));
        let (_, body, _) = found.next().expect("there is such a request");
        assert!(found.next().is_none(), "there is only one");
        body.clone()
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((request, body)) = read(&mut stream).await {
            let (status, reply) = self.reply(&request, &body);
            self.requests
                .lock()
                .unwrap()
                .push((request, body, Instant::now()));
            let reply = reply.to_string();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                reply.len()
            );
            stream
                .get_mut()
                .write_all((head + &reply).as_bytes())
                .await
                .unwrap();
        }
    }

    fn reply(&self, request: &str, body: &Value) -> (&'static str, Value) {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, parameters) = target.split_once('?').unwrap_or((target, ""));
        let path: Vec<_> = path
            .strip_prefix("/api/v1/")
            .unwrap_or_default()
            .split('/')
            .collect();
        let ok = |reply| ("200 OK", reply);
        match (method, path.as_slice()) {
            ("GET", ["ping"]) => ok(json!("Pong")),
            ("POST", ["pipelines", "validate_query"]) => ok(validation(&body["query"])),
            ("GET", ["pipelines"]) => ok(self.page(parameters)),
            ("POST", ["pipelines"]) => ok(pipeline("pl_new", &body["query"])),
            ("PUT", ["pipelines", "taken"]) => (
                "400 Bad Request",
                json!({"error": "A record already exists with that name or id"}),
            ),
            ("PUT" | "PATCH", ["pipelines", id]) => ok(pipeline(id, &body["query"])),
            ("GET", ["pipelines", id, "jobs"]) => ok(self.jobs(id)),
            _ => ("404 Not Found", json!({"error": "Route not found"})),
        }
    }

    fn page(&self, parameters: &str) -> Value {
        let parameters: HashMap<_, _> = parameters
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let limit: usize = parameters["limit"].parse().unwrap();
        let after = parameters
            .get("starting_after")
            .and_then(|id| id.strip_prefix("pl_"));
        let start = after.map_or(0, |index| index.parse::<usize>().unwrap() + 1);
        let end = self.pipelines.min(start + limit);
        let data: Vec<_> = (start..end)
            .map(|index| pipeline(&format!("pl_{index}"), &json!(query(index))))
            .collect();
        json!({"data": data, "hasMore": end < self.pipelines})
    }

    fn jobs(&self, id: &str) -> Value {
        let polls = self
            .requests()
            .iter()
            .filter(|request| request.ends_with("/jobs"))
            .count();
        let state = self.states[polls.min(self.states.len() - 1)];
        json!({"data": [{
            "id": "job_kAxlNH1EQy", "pipeline_id": id, "running_desired": true, "state": state, "run_id": 1,
            "start_time": null, "finish_time": null, "tasks": 3, "failure_reason": null,
            "created_at": 1_795_574_859_000_000_u64, "scheduler_config": {}, "env_vars": {},
        }]})
    }
}

fn graph() -> Value {
    json!({
        "nodes": [{"node_id": 0, "operator": "impulse", "description": "ImpulseSource", "parallelism": 1}],
        "edges": [{"src_id": 0, "dest_id": 0, "key_type": "()", "value_type": "Row", "edge_type": "Forward"}],
    })
}

fn validation(query: &Value) -> Value {
    if query == "bad" {
        let span = json!({"start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 4}});
        json!({"graph": null, "errors": [{"message": "no"}, {"message": "never", "span": span}]})
    } else {
        json!({"graph": graph(), "errors": []})
    }
}

fn pipeline(id: &str, query: &Value) -> Value {
    json!({
        "id": id, "name": "query", "query": query.as_str().unwrap_or_default(), "udfs": [],
        "checkpoint_interval_micros": 10_000_000, "stop": "none", "created_at": 1_795_574_859_000_000_u64,
        "action": null, "action_text": "Stop", "action_in_progress": false, "graph": graph(), "preview": false,
        "state_url": null, "tags": {},
    })
}

/// The next request of a connection: method and target, and the body.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.unwrap() == 0 {
        return None;
    }
    let request = line.rsplit_once(' ').unwrap().0.to_owned();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Some((request, serde_json::from_slice(&body).unwrap_or_default()))
}
