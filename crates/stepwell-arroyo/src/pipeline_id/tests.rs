use std::collections::BTreeSet;

use super::*;

#[test]
fn only_plain_ids_are_made() {
    let longest = "x".repeat(64);
    for id in [
        "a",
        "0",
        "_",
        "-",
        "pl_aPfTVLdeeM",
        "orders-by-hour",
        &longest,
    ] {
        assert_eq!(PipelineId::new(id).unwrap().as_str(), id);
        assert_eq!(id.parse::<PipelineId>().unwrap().to_string(), id);
    }
    let too_long = "x".repeat(65);
    for id in [
        "", " ", "a b", "a/b", "a.b", "..", "a%20b", "ä", "a\n", "a\0", "１", &too_long,
    ] {
        assert!(PipelineId::new(id).is_err(), "{id:?}");
        assert!(id.parse::<PipelineId>().is_err(), "{id:?}");
    }
}

#[test]
fn the_error_shows_a_long_or_hostile_text_in_part() {
    let error = PipelineId::new("x\u{1b}[2J".repeat(1_000))
        .unwrap_err()
        .to_string();
    assert!(error.len() < 300 && !error.contains('\u{1b}'), "{error}");
}

/// These must never change, because running pipelines are found by them.
#[test]
fn the_id_of_a_spec_is_pinned() {
    for ((namespace, name, query), id) in [
        (
            ("", "query", "SELECT 1"),
            "sw_19b9aecce7ce5a713fd1f9932eb277a78bdd6d95",
        ),
        (
            ("", "orders", "SELECT 1"),
            "sw_eb8989f52f8ded25af70fd394a07f46b31432e47",
        ),
        (
            ("team", "orders", "SELECT 1"),
            "sw_0716a30e28c9239e598ecd12032f6e5960e14aa9",
        ),
        (("", "", ""), "sw_8e2b8221f6f748fcfb8601591f88589133b66597"),
        (
            ("", "päron 🍐", "SELECT 'ä'\r\n"),
            "sw_7446dce41c392a87c34737dfaf16073a94155680",
        ),
    ] {
        assert_eq!(PipelineId::for_spec(namespace, name, query).as_str(), id);
    }
}

#[test]
fn the_id_of_a_spec_is_one_that_may_be_made() {
    let id = PipelineId::for_spec("a/b", "c d", &"x".repeat(3_000_000));
    assert_eq!(PipelineId::new(id.as_str()), Ok(id));
}

#[test]
fn parts_do_not_run_together() {
    let ids: BTreeSet<_> = [
        ("", "ab", "c"),
        ("", "a", "bc"),
        ("a", "b", "c"),
        ("ab", "", "c"),
        ("ab", "c", ""),
        ("", "abc", ""),
        ("", "", "abc"),
        ("abc", "", ""),
        // Lengths and separators as text.
        ("", "a\0b", "c"),
        ("a", "\0b", "c"),
        ("", "\0\0\0\0\0\0\0\u{1}a", ""),
        ("", "", "\0\0\0\0\0\0\0\u{1}a"),
        // White space and line ends count.
        ("", "ab", "c\n"),
        ("", "ab", "c\r\n"),
        ("", "ab", " c"),
    ]
    .into_iter()
    .map(|(namespace, name, query)| PipelineId::for_spec(namespace, name, query))
    .collect();
    assert_eq!(ids.len(), 15);
}

#[test]
fn what_a_server_made_is_kept() {
    for id in ["a/b", "a b", "\0", "", &"x".repeat(300)] {
        let json = serde_json::to_string(id).unwrap();
        let read: PipelineId = serde_json::from_str(&json).unwrap();
        assert_eq!(read, PipelineId::from_server(id));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
    assert_eq!(
        PipelineId::from_server("a\u{1b}[2J").to_string(),
        "a\\u{1b}[2J"
    );
}
