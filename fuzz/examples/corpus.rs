//! Makes the first inputs of the targets, from the recordings of a real Arroyo.

use std::{fs, io, path::Path};

use serde::Deserialize;
use stepwell_fuzz::{Call, REPLIES};

const EXCHANGES: &str = include_str!("../../tests/contract/recordings/exchanges.jsonl");

const ADDRESSES: [&str; 12] = [
    "http://localhost:5115",
    "https://host/arroyo/api/v1/",
    "http://[fe80::1]:5115/api",
    "host:5115",
    "http:host",
    "http://user:password@host",
    "http://host/a?query#fragment",
    "ftp://host",
    "http://::1:5115",
    "http://host:99999",
    "HTTP://Host.Example//",
    "http://host/\u{A0}\u{202E}",
];

#[derive(Deserialize)]
struct Exchange {
    name: String,
    request: Request,
    /// `None`: the server closed without answering.
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for line in EXCHANGES.lines() {
        let exchange: Exchange = serde_json::from_str(line)?;
        let Some(response) = exchange.response else {
            continue;
        };
        if exchange.request.path.ends_with("/output") && response.status == 200 {
            // The first byte is the size of the pieces.
            let input = [&[7], response.body.as_bytes()].concat();
            write(&corpus.join("output"), &exchange.name, &input)?;
        }
        let Some((call, reply)) = kinds(&exchange.request) else {
            continue;
        };
        let name = &exchange.name;
        if let Some(reply) = REPLIES.iter().position(|known| Some(known.name) == reply) {
            let mut input = vec![u8::try_from(reply)?];
            input.extend(response.body.as_bytes());
            write(&corpus.join("replies"), name, &input)?;
        }
        let pick = Call::ALL.iter().position(|known| *known == call);
        let mut input = vec![u8::try_from(pick.ok_or("it is one of all")?)?];
        input.extend(response.status.to_be_bytes());
        let header = response
            .headers
            .iter()
            .find_map(|(name, value)| (name == "content-type").then_some(value.as_str()))
            .unwrap_or_default();
        input.push(u8::try_from(header.len())?);
        input.extend(header.as_bytes());
        input.extend(response.body.as_bytes());
        write(&corpus.join("client"), name, &input)?;
        if response.status >= 400 {
            // The same words, and then what was sent.
            input.extend([b' ', 0xFD, b' ', 0xFE, b' ', 0xFF]);
            write(&corpus.join("client"), &format!("{name}_repeats"), &input)?;
        }
    }
    for (number, address) in ADDRESSES.iter().enumerate() {
        let name = format!("address_{number}");
        write(&corpus.join("endpoint"), &name, address.as_bytes())?;
    }
    Ok(())
}

/// The call that was recorded, and the type of its reply.
fn kinds(request: &Request) -> Option<(Call, Option<&'static str>)> {
    let path = request.path.split('?').next()?;
    let segments: Vec<_> = path.strip_prefix("/api/v1/")?.split('/').collect();
    Some(match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["ping"]) => (Call::Ping, None),
        ("POST", ["pipelines", "validate_query"]) => (Call::Validate, Some("validation")),
        ("GET", ["pipelines"]) => (Call::AllPipelines, Some("pipelines")),
        ("POST", ["pipelines"]) => (Call::Create, Some("pipeline")),
        ("GET", ["pipelines", _]) => (Call::Pipeline, Some("pipeline")),
        ("PUT", ["pipelines", _]) => (Call::CreateWithId, Some("pipeline")),
        ("PATCH", ["pipelines", _]) => (Call::Patch, Some("pipeline")),
        ("DELETE", ["pipelines", _]) => (Call::Delete, None),
        ("POST", ["pipelines", _, "restart"]) => (Call::Restart, Some("pipeline")),
        ("GET", ["pipelines", _, "jobs"]) => (Call::Jobs, Some("jobs")),
        ("GET", ["pipelines", _, "jobs", _, "errors"]) => (Call::JobErrors, Some("job errors")),
        ("GET", ["pipelines", _, "jobs", _, "checkpoints"]) => {
            (Call::Checkpoints, Some("checkpoints"))
        }
        _ => return None,
    })
}

fn write(directory: &Path, name: &str, input: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(name), input)
}
