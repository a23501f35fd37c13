//! Servers with scripted answers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// The answer to a request.
pub enum Reply {
    /// A complete reply: status, content type, body.
    Whole(u16, &'static str, String),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, each after this many milliseconds, then the end of the connection.
    Pieces(Vec<(u64, Vec<u8>)>),
    /// No answer.
    Hang,
    /// A body without an end.
    Flood,
}

/// A server on a port that the system chooses. It ends with the test process.
pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// A request as it was received.
pub struct Request {
    /// The number of requests before it.
    pub number: usize,
    pub method: String,
    pub path: String,
    /// The text of the request, from its first line to the end of its body.
    pub text: String,
}

impl Server {
    /// Answers each request by its number, method and path.
    pub fn start(answer: impl Fn(usize, &str, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(move |request| answer(request.number, &request.method, &request.path))
    }

    /// Answers each request by its text.
    pub fn start_on(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(connection, &*answer, &seen));
            }
        });
        Self { url, requests }
    }

    /// The method and the path of each request so far.
    pub fn requests(&self) -> Vec<String> {
        let method_and_path = |text: &String| text.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let requests = self.requests.lock().unwrap();
        requests.iter().map(method_and_path).collect()
    }

    /// The texts of all requests so far.
    pub fn received(&self) -> String {
        self.requests.lock().unwrap().concat()
    }
}

fn serve(mut connection: TcpStream, answer: &dyn Fn(&Request) -> Reply, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some(text) = request(&mut reader) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(text.clone());
            seen.len() - 1
        };
        let mut words = text.split(' ').map(str::to_owned);
        let request = Request {
            number,
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            text,
        };
        let written = match answer(&request) {
            Reply::Whole(status, content_type, body) => connection.write_all(
                format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .as_bytes(),
            ),
            Reply::Raw(bytes) => {
                let _ = connection.write_all(&bytes);
                return;
            }
            Reply::Pieces(pieces) => {
                for (pause, bytes) in pieces {
                    thread::sleep(std::time::Duration::from_millis(pause));
                    let _ = connection.write_all(&bytes);
                }
                return;
            }
            Reply::Hang => loop {
                thread::park();
            },
            Reply::Flood => {
                let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
                let chunk = format!("10000\r\n{}\r\n", "[".repeat(0x10000));
                while connection.write_all(chunk.as_bytes()).is_ok() {}
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads the next request completely.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    reader.read_line(&mut text).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader
            .read_line(&mut header)
            .ok()
            .filter(|read| *read > 0)?;
        text.push_str(&header);
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    text.push_str(&String::from_utf8_lossy(&body));
    Some(text)
}

/// A server without `PUT` that closes the connection on every create, and lists no pipeline.
pub fn losing_creates() -> Server {
    Server::start(|_, method, path| match (method, path) {
        ("GET", "/api/v1/ping") => json("\"Pong\""),
        ("POST", "/api/v1/pipelines/validate_query") => {
            json(r#"{"graph":{"nodes":[],"edges":[]},"errors":[]}"#)
        }
        ("PUT", _) => Reply::Whole(405, "", String::new()),
        ("POST", "/api/v1/pipelines") => Reply::Raw(Vec::new()),
        _ => json(r#"{"data":[],"hasMore":false}"#),
    })
}

pub fn json(body: &str) -> Reply {
    Reply::Whole(200, "application/json", body.to_owned())
}

/// The pipeline that [`arroyo`] holds after the create.
const PIPELINE: &str = r#"{"id":"pl_1","name":"query","query":"SELECT 1","udfs":[],"checkpoint_interval_micros":10000000,"stop":"none","created_at":1,"action":null,"action_text":"","action_in_progress":false,"graph":{"nodes":[],"edges":[]},"preview":false}"#;

/// [`PIPELINE`] with the name and the query of this create, if it is one.
pub fn made(create: &str) -> String {
    let mut made: serde_json::Value = serde_json::from_str(PIPELINE).unwrap();
    let body = create.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if let Ok(create) = serde_json::from_str::<serde_json::Value>(body) {
        for field in ["name", "query"] {
            if create[field].is_string() {
                made[field] = create[field].clone();
            }
        }
    }
    made.to_string()
}

/// A server that accepts every query, and whose job goes through these states, one at each poll, and stays in the last one.
pub fn arroyo(states: &'static [&'static str]) -> Server {
    let looks = Mutex::new(0);
    arroyo_by_stop(move |stopped| {
        let mut looks = looks.lock().unwrap();
        let last = states.len() - 1;
        // The last state after a stop, regardless of the polls before.
        let state = states[if stopped { last } else { last.min(*looks) }];
        *looks += 1;
        Ok(state)
    })
}

/// The same with the result of each poll of the job.
pub fn arroyo_with_jobs(
    look: impl Fn() -> Result<&'static str, Reply> + Send + Sync + 'static,
) -> Server {
    arroyo_by_stop(move |_| look())
}

/// The same with a job that stays in this state until a stop, and is then Stopped.
pub fn until_stopped(state: &'static str) -> Server {
    arroyo_by_stop(move |told| Ok(if told { "Stopped" } else { state }))
}

/// The same; `look` gets whether the job should stop.
pub fn arroyo_by_stop(
    look: impl Fn(bool) -> Result<&'static str, Reply> + Send + Sync + 'static,
) -> Server {
    let stopped = Mutex::new(false);
    Server::start_on(move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET", "/api/v1/ping") => json("\"Pong\""),
            ("POST", "/api/v1/pipelines/validate_query") => {
                json(r#"{"graph":{"nodes":[],"edges":[]},"errors":[]}"#)
            }
            ("GET", "/api/v1/pipelines") => json(r#"{"data":[],"hasMore":false}"#),
            ("PUT", _) => Reply::Whole(405, "", String::new()),
            ("POST", _) => {
                // It is created again.
                *stopped.lock().unwrap() = false;
                json(&made(&request.text))
            }
            ("PATCH", _) => {
                *stopped.lock().unwrap() = true;
                json(PIPELINE)
            }
            ("GET", path) if path.ends_with("/jobs") => {
                let desired = !*stopped.lock().unwrap();
                let state = match look(!desired) {
                    Ok(state) => state,
                    Err(reply) => return reply,
                };
                json(&format!(
                    r#"{{"data":[{{"id":"job_1","running_desired":{desired},"state":"{state}","run_id":1,"start_time":1,"finish_time":null,"tasks":3,"failure_reason":null,"created_at":1}}]}}"#
                ))
            }
            ("GET", path) if path.ends_with("/errors") => json(r#"{"data":[],"hasMore":false}"#),
            ("GET", path) if path.ends_with("/checkpoints") => json(r#"{"data":[]}"#),
            ("GET", _) => json(PIPELINE),
            _ => Reply::Whole(
                404,
                "application/json",
                r#"{"error":"Route not found"}"#.to_owned(),
            ),
        }
    })
}
