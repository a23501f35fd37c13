//! Routing: from a method and a path to an endpoint.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use stepwell_arroyo::PipelineId;

use crate::{
    ControlPlane, Environment, create, endpoint, inspection,
    reply::{Reply, not_found, reject, wrong_method},
};

pub(crate) fn answer(
    plane: &mut ControlPlane,
    environment: &mut dyn Environment,
    request: &Request<Bytes>,
) -> Reply {
    let Some(path) = request.uri().path().strip_prefix("/api/v1") else {
        return reject(StatusCode::NOT_FOUND, "Route not found");
    };
    let segments: Option<Vec<String>> = path
        .strip_prefix('/')
        .unwrap_or("?")
        .split('/')
        .map(decode)
        .collect();
    let Some(segments) = segments else {
        return not_found("Route");
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = request.uri().query().unwrap_or_default();
    // A `HEAD` request gets the reply of `GET`; the embedding server leaves out the body.
    let method = if *request.method() == Method::HEAD {
        &Method::GET
    } else {
        request.method()
    };
    // Sorted by path, so that it reads as a table.
    #[allow(clippy::match_same_arms)]
    match (segments.as_slice(), method.as_str()) {
        (["ping"], "GET") => endpoint::ping(),
        (["ping"], _) => wrong_method("GET,HEAD"),

        (["pipelines"], "GET") => endpoint::list_pipelines(plane, query),
        (["pipelines"], "POST") => create::pipeline(plane, environment, request, None),
        (["pipelines"], _) => wrong_method("POST,GET,HEAD"),

        (["pipelines", "validate_query"], "POST") => create::validate(plane, environment, request),
        (["pipelines", "validate_query"], _) => wrong_method("POST"),

        (["pipelines", "preview"], "POST") if plane.options.previews => {
            create::preview(plane, environment, request)
        }
        (["pipelines", "preview"], _) if plane.options.previews => wrong_method("POST"),

        (["jobs"], "GET") => endpoint::all_jobs(plane),
        (["jobs"], _) => wrong_method("GET,HEAD"),

        (["pipelines", id], method) if !id.is_empty() => {
            let id = PipelineId::from_server(*id);
            match method {
                "GET" => endpoint::get_pipeline(plane, &id),
                "PUT" if plane.options.generation.takes_ids() => {
                    create::pipeline(plane, environment, request, Some(id))
                }
                "PATCH" => endpoint::patch(plane, request, &id),
                "DELETE" => endpoint::delete(plane, &id),
                _ if plane.options.generation.takes_ids() => {
                    wrong_method("PUT,PATCH,GET,HEAD,DELETE")
                }
                _ => wrong_method("PATCH,GET,HEAD,DELETE"),
            }
        }

        (["pipelines", id, "restart"], "POST") => {
            endpoint::restart(plane, request, &PipelineId::from_server(*id))
        }
        (["pipelines", _, "restart"], _) => wrong_method("POST"),

        (["pipelines", id, "jobs"], "GET") => endpoint::jobs(plane, &PipelineId::from_server(*id)),
        (["pipelines", _, "jobs"], _) => wrong_method("GET,HEAD"),

        (["pipelines", id, "jobs", job, rest @ ..], method) => of_job(
            plane,
            &PipelineId::from_server(*id),
            job,
            rest,
            method,
            query,
        ),

        (["connection_tables"], "GET") => inspection::no_connection_tables(),
        (["connection_profiles" | "udfs"], "GET") => inspection::none(),
        (["connection_tables" | "connection_profiles" | "udfs"], _) => wrong_method("GET,HEAD"),
        (["connection_tables", _], "DELETE") => not_found("Connection table"),

        _ => not_found("Route"),
    }
}

/// Routes below one job.
fn of_job(
    plane: &ControlPlane,
    id: &PipelineId,
    job: &str,
    rest: &[&str],
    method: &str,
    query: &str,
) -> Reply {
    match (rest, method) {
        (["errors"], "GET") => endpoint::job_errors(plane, id, job, query),
        (["checkpoints"], "GET") => endpoint::checkpoints(plane, id, job),
        (["checkpoints", epoch, "operator_checkpoint_groups"], "GET") => {
            inspection::checkpoint(plane, id, job, epoch)
        }
        (["operator_metric_groups"], "GET") => inspection::metrics(plane, id, job),
        (
            ["errors" | "checkpoints" | "operator_metric_groups"]
            | ["checkpoints", _, "operator_checkpoint_groups"],
            _,
        ) => wrong_method("GET,HEAD"),
        _ => not_found("Route"),
    }
}

/// Percent-decodes a segment; `None` if it is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digits = rest
            .clone()
            .take(2)
            .filter_map(|digit| char::from(digit).to_digit(16));
        match (digits.next(), digits.next()) {
            (Some(high), Some(low)) => {
                // Two hexadecimal digits fit into a byte.
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The percent-decoded value of a parameter in a query.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key == name { decode(value) } else { None }
    })
}
