//! Addresses and servers that are not an Arroyo API.

use super::*;

#[test]
fn servers_that_are_none_are_4() {
    let query = example("hello.sql");
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    refused(
        &run(&["run", "--server", &closed, "--timeout", "3s", &query]),
        4,
        &["refused the connection", "did not answer within", "next: "],
    );

    refused(
        &run(&["list", "--server", &closed]),
        4,
        &["refused the connection", "next: start the server"],
    );

    let html = Server::start(|_, _, _| {
        Reply::Whole(200, "text/html", "<!doctype html><p>hello".to_owned())
    });
    refused(
        &submit(&html, &[]),
        4,
        &["not an Arroyo API", "text/html", "next: "],
    );
    refused(
        &run(&["list", "--server", &html.url]),
        4,
        &["not from an Arroyo API", "next: this is not an Arroyo API"],
    );

    let closing = Server::start(|_, _, _| Reply::Raw(Vec::new()));
    refused(
        &submit(&closing, &["--timeout", "3s"]),
        4,
        &["closed the connection without answering"],
    );

    let hangs = Server::start(|_, _, _| Reply::Hang);
    refused(
        &submit(&hangs, &["--timeout", "300ms"]),
        4,
        &["did not answer within"],
    );

    let floods = Server::start(|_, _, _| Reply::Flood);
    refused(
        &submit(&floods, &["--timeout", "300s"]),
        4,
        &["larger than"],
    );

    let talks = Server::start(|_, _, _| Reply::Raw(b"220 smtp ready\r\n".to_vec()));
    refused(&submit(&talks, &["--timeout", "3s"]), 4, &["is not HTTP/1"]);

    let locked = Server::start(|_, _, _| {
        Reply::Raw(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_vec())
    });
    let left = submit(&locked, &[]);
    refused(
        &left,
        4,
        &["refused the credentials with 401", "STEPWELL_TOKEN"],
    );
    assert_eq!(
        locked.requests().len(),
        1,
        "credentials do not get better by waiting"
    );

    let plain = Server::start(|_, _, _| Reply::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    let tls = plain.url.replace("http://", "https://");
    refused(
        &run(&["run", "--server", &tls, "--timeout", "3s", &query]),
        4,
        &["tls handshake eof", "next: "],
    );

    let unknown = run(&["run", "--server", "http://no-such-host.invalid", &query]);
    refused(&unknown, 4, &["no-such-host.invalid", "is not known"]);
}

#[test]
fn addresses_that_are_none_are_2() {
    let query = example("hello.sql");
    for (address, words) in [
        ("localhost:5115", "did you mean http://localhost:5115"),
        ("http://::1:5115", "must be in brackets"),
        ("ftp://host", "only http and https"),
        ("http://u:hunter2@host", "carries credentials"),
    ] {
        let left = run(&["run", "--server", address, &query]);
        refused(&left, 2, &[words]);
        assert!(!left.stderr.contains("hunter2"));
    }
    refused(
        &run(&["list"]),
        2,
        &["no server is given", "STEPWELL_SERVER"],
    );
}
