//! Requests that are refused, cut off, lost or counted.

use super::*;

#[tokio::test(start_paused = true)]
async fn queries_are_refused_until_they_are_accepted_again() {
    let server = Server::new();
    let wrong = SqlDiagnostic::new("table 'clicks' not found");
    server.refuse_queries("clicks", [wrong]);
    for (query, is_valid) in [("SELECT * FROM clicks", false), ("SELECT 1", true)] {
        let validation = client(&server).validate(query, &[]).await.unwrap();
        let messages: Vec<_> = validation
            .errors
            .iter()
            .map(|error| error.message.as_str())
            .collect();
        let expected: &[&str] = if is_valid {
            &[]
        } else {
            &["table 'clicks' not found"]
        };
        assert_eq!(messages, expected, "{query}");
        let created = client(&server).create(&pipeline(query)).await;
        assert_eq!(created.is_ok(), is_valid, "{query}");
    }
    server.accept_queries();
    let client = client(&server);
    let validation = client.validate("SELECT * FROM clicks", &[]).await;
    assert!(validation.unwrap().errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_restarts_is_down_and_keeps_its_pipelines() {
    let (server, id) = running(Server::builder()).await;
    let under_way = tokio::join!(ping(&server), async {
        sleep(millis(1)).await;
        server.restart(seconds(5));
    });
    let closed = Some((Kind::Closed, Phase::MaybeSent));
    assert_eq!(kind_and_phase(under_way.0), closed);
    assert_eq!(server.count(&Method::GET, "/ping"), 0, "it had not arrived");
    let refused = Some((Kind::Refused, Phase::NotSent));
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    // Nothing happens while it is down.
    sleep(millis(4_950)).await;
    assert_eq!(server.pipeline(&id).unwrap().run_id, 1);
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    sleep(millis(50)).await;
    ping(&server).await.unwrap();
    sleep(seconds(2)).await;
    let held = server.pipeline(&id).unwrap();
    assert_eq!((held.run_id, held.state), (2, JobState::Running));

    // A restart that is over before the reply arrives breaks the reply off too.
    let (reply, ()) = tokio::join!(ping(&server), async {
        sleep(millis(7)).await;
        server.restart(Duration::ZERO);
    });
    assert_eq!(kind_and_phase(reply), closed);
}

#[tokio::test(start_paused = true)]
async fn connections_are_refused_while_the_server_works_on() {
    let server = Server::new();
    let id = create(&server, "SELECT 1").await;
    server.refuse_connections(true);
    let refused = Some((Kind::Refused, Phase::NotSent));
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    until(&server, &id, &JobState::Running).await;
    server.refuse_connections(false);
    ping(&server).await.unwrap();
    // Refused connections are not counted.
    assert_eq!(server.count(&Method::GET, "/ping"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_reply_of_the_next_request_that_matches_is_lost() {
    let server = Server::new();
    server.lose_reply(Method::POST, PIPELINES);
    ping(&server).await.unwrap();
    let lost = client(&server).create(&pipeline("SELECT 1")).await;
    assert_eq!(lost.unwrap_err().phase(), Phase::MaybeSent);
    // It took effect.
    assert_eq!(server.pipelines().len(), 1);
    create(&server, "SELECT 1").await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_method_and_path() {
    let (server, id) = running(Server::builder()).await;
    let stop = PatchPipeline::new().stop(StopMode::Checkpoint);
    client(&server).patch(&id, &stop).await.unwrap();
    job(&server, &id).await;
    job(&server, &id).await;
    let counts = [
        (Method::POST, PIPELINES, 1),
        (Method::POST, "/restart", 0),
        (Method::PATCH, "/pl_1", 1),
        (Method::GET, "/jobs", 2),
        (Method::GET, "", 2),
        (Method::DELETE, "", 0),
    ];
    for (method, fragment, count) in counts {
        assert_eq!(
            server.count(&method, fragment),
            count,
            "{method} {fragment}"
        );
    }
    // Requests of other clients are not counted.
    server.stop(&id, &StopMode::None);
    assert_eq!(server.count(&Method::PATCH, ""), 1);
}
