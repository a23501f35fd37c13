//! Every recording named in the sources and documents exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::recording::Release;

#[test]
fn every_recording_that_is_named_exists() {
    let mut known = BTreeSet::new();
    for release in Release::ALL {
        let (exchanges, timelines) = (release.exchanges(), release.timelines());
        known.extend(exchanges.into_iter().map(|exchange| exchange.name));
        known.extend(timelines.into_iter().map(|timeline| timeline.name));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut named = 0;
    for path in ["crates", "docs", "fuzz", "README.md"].map(|name| root.join(name)) {
        for file in files(path) {
            for word in names(&fs::read_to_string(&file).unwrap()) {
                assert!(known.contains(word), "{}: {word}", file.display());
                named += 1;
            }
        }
    }
    println!("{named} names of recordings");
    assert!(named > 50, "{named}");
}

/// The sources and documents below a path.
fn files(path: PathBuf) -> Vec<PathBuf> {
    if path.ends_with("target") {
        return Vec::new();
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| files(entry.unwrap().path()))
            .collect();
    }
    let is_read = path
        .extension()
        .is_some_and(|extension| extension == "rs" || extension == "md");
    if is_read { vec![path] } else { Vec::new() }
}

/// Names in backticks that consist of three digits and a name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').filter(|word| {
        word.len() > 4
            && word.bytes().take(3).all(|byte| byte.is_ascii_digit())
            && word.contains('_')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
