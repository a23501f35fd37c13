//! Starting an engine: what can prevent it, and that nothing is lost then.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs;

use stepwell_embedded::{Engine, EngineError};
use support::start;

async fn refused(directory: impl Into<std::path::PathBuf>) -> EngineError {
    Engine::builder(directory)
        .rows(Box::new(Vec::new()))
        .start()
        .await
        .unwrap_err()
}

#[tokio::test]
async fn it_serves_on_loopback_and_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let state_dir = directory.path().join("parent/state");
    let (engine, api, _) = start(&state_dir).await;
    assert!(
        engine.url().starts_with("http://127.0.0.1:"),
        "{}",
        engine.url()
    );
    assert_eq!(engine.state_dir(), state_dir);
    assert_eq!(api.get("/api/v1/ping").await, "Pong");
    engine.close().await.unwrap();
    tokio::net::TcpStream::connect(&api.authority)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn an_idle_engine_leaves_what_runs_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '200'); SELECT counter FROM impulse;";
    let id = api.create(query, 1).await;
    lines.wait_for(1).await;
    engine.close().await.unwrap();

    let idle = Engine::builder(directory.path())
        .rows(Box::new(Vec::new()))
        .idle()
        .start()
        .await
        .unwrap();
    let api = support::Api::of(&idle);
    // An idle engine accepts the request each time, and still shows the old state.
    for _ in 0..2 {
        api.patch(&id, &serde_json::json!({ "stop": "none" })).await;
        let job = api.job(&id).await;
        assert_eq!(
            (&job["state"], &job["run_id"]),
            (&"Running".into(), &1.into())
        );
    }
    idle.close().await.unwrap();

    let (engine, api, lines) = start(directory.path()).await;
    lines.wait_for(1).await;
    assert_eq!(api.job(&id).await["run_id"], 2);
    engine.close().await.unwrap();
}

/// Engines can be moved to other tasks.
#[tokio::test]
async fn all_futures_can_be_sent() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    fn shared<T: Send + Sync>(_: &T) {}
    let directory = tempfile::tempdir().unwrap();
    let engine = sent(Engine::builder(directory.path()).start())
        .await
        .unwrap();
    shared(&engine);
    sent(engine.close()).await.unwrap();
}

#[tokio::test]
async fn a_second_engine_is_kept_out_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (first, api, _) = start(directory.path()).await;
    let error = refused(directory.path()).await;
    assert!(
        matches!(error, EngineError::Locked { pid: Some(_), .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&directory.path().display().to_string()),
        "{error}"
    );
    assert_eq!(api.get("/api/v1/ping").await, "Pong");
    first.close().await.unwrap();
    start(directory.path()).await.0.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_engine_lets_go_of_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    drop(start(directory.path()).await);
    let again = async {
        loop {
            match Engine::builder(directory.path())
                .rows(Box::new(Vec::new()))
                .start()
                .await
            {
                Ok(engine) => return engine,
                Err(error) => assert!(matches!(error, EngineError::Locked { .. }), "{error}"),
            }
        }
    };
    tokio::time::timeout(support::PATIENCE, again)
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
}

#[tokio::test]
async fn paths_that_cannot_be_a_directory_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "kept").unwrap();
    let error = refused(&file).await;
    assert!(
        matches!(error, EngineError::NotADirectory { .. }),
        "{error}"
    );
    let error = refused(file.join("below")).await;
    assert!(
        matches!(error, EngineError::CreateDirectory { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("file/below"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

/// Permissions do not bind the user `root`, so the directory is one that cannot be written to by any user.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_cannot_be_written_to_is_named() {
    let error = refused("/proc/self").await;
    assert!(matches!(error, EngineError::OpenFile { .. }), "{error}");
    assert!(error.to_string().contains("/proc/self/lock"), "{error}");
    let error = refused("/proc/stepwell").await;
    assert!(
        matches!(error, EngineError::CreateDirectory { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_of_another_version_or_damaged_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    start(directory.path()).await.0.close().await.unwrap();
    let database = directory.path().join("stepwell.sqlite");
    let change = |statement: &str| {
        rusqlite::Connection::open(&database)
            .unwrap()
            .execute_batch(statement)
            .unwrap();
    };

    change("PRAGMA user_version = 7");
    let error = refused(directory.path()).await;
    assert!(
        matches!(error, EngineError::Version { found: 7, .. }),
        "{error}"
    );
    change("PRAGMA user_version = 1");

    change("INSERT INTO records (id, body) VALUES ('pl_1', x'7b')");
    let error = refused(directory.path()).await;
    assert!(matches!(error, EngineError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("pl_1"), "{error}");

    fs::write(
        &database,
        "no database at all, but text, of which there is more than a little",
    )
    .unwrap();
    let before = fs::read(&database).unwrap();
    let error = refused(directory.path()).await;
    assert!(matches!(error, EngineError::Damaged { .. }), "{error}");
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Engine::builder(directory.path())
        .port(port)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::Listen { .. }), "{error}");
    assert_eq!(error.to_string(), format!("listening on 127.0.0.1:{port}"));
    // The directory is unlocked again.
    drop(taken);
    let engine = Engine::builder(directory.path())
        .port(port)
        .start()
        .await
        .unwrap();
    assert_eq!(engine.url(), format!("http://127.0.0.1:{port}"));
    engine.close().await.unwrap();
}
