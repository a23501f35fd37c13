//! States of earlier versions, and invalid states.

use std::fs;

use super::files::{GO, source};
use super::*;

fn state(sources: &str) -> [Vec<u8>; 1] {
    let header = format!(r#"{{"version":3,"sources":[[{sources}]],"files":[],"unwritten":[]}}"#);
    [header.into_bytes()]
}

#[tokio::test(start_paused = true)]
async fn positions_of_earlier_versions_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "{\"n\":1}\n{\"n\":2}\n").unwrap();
    let file = program(&format!(
        "{}SELECT n FROM src",
        source(&path, "n BIGINT", GO)
    ));
    let impulse = program(&format!("{IMPULSE}SELECT counter FROM impulse"));
    for (program, source, expected) in [
        (&file, r#"{"single_file":8}"#, vec![r#"{"n":2}"#]),
        (
            &impulse,
            r#"{"impulse":{"counter":8,"started":0}}"#,
            vec![r#"{"counter":8}"#, r#"{"counter":9}"#],
        ),
    ] {
        let sources = format!(r#"{{"source":{source},"watermark":0}}"#);
        let state = state(&sources);
        let mut execution = program.execute(Some(&state)).unwrap();
        let header = execution.checkpoint().await.unwrap().remove(0);
        let header = String::from_utf8(header).unwrap();
        assert!(header.contains(&sources), "{header}");
        assert_eq!(run(execution).await.0, expected);
    }
    let other = state(r#"{"source":{"kafka":1},"watermark":0}"#);
    let error = file.execute(Some(&other)).map(drop).unwrap_err().error;
    assert!(error.contains("state cannot be read"), "{error}");
}

#[test]
fn a_state_that_is_none_is_an_error() {
    let program = program(&format!("{IMPULSE}SELECT counter FROM impulse"));
    for state in ["", "{}", r#"{"version":1,"sources":[],"files":[]}"#] {
        let state = [state.as_bytes().to_vec()];
        assert!(program.execute(Some(&state)).is_err(), "{state:?}");
    }
    assert!(program.execute(Some(&[])).is_err());
}
