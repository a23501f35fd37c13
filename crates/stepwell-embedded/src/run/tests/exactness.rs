//! Runs that are interrupted at random: the final content of a file does not depend on it.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use super::*;

/// A seeded generator of pseudo-random numbers (splitmix64).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % end
    }
}

/// Rows of a little more than a minute, up to three seconds out of order, with the expected results: all even values in order, and the
/// count and the sum for each key and window of ten seconds, without late rows.
fn input(chance: &mut Chance) -> (String, String, BTreeMap<String, u64>) {
    let rows = 500 + chance.below(12_000);
    let (mut text, mut even) = (String::new(), String::new());
    let mut windows = BTreeMap::<(u64, u64), (u64, u64)>::new();
    let mut newest = None::<u64>;
    for row in 0..rows {
        let at = (row * 70_000 / rows + 5_000).saturating_sub(chance.below(3_000));
        let (key, value) = (chance.below(5), chance.below(1_000));
        let (second, millisecond) = (at / 1000, at % 1000);
        writeln!(
            text,
            r#"{{"at": "2024-01-01T00:{:02}:{:02}.{millisecond:03}Z", "k": {key}, "value": {value}}}"#,
            second / 60,
            second % 60
        )
        .unwrap();
        if value % 2 == 0 {
            writeln!(even, r#"{{"value":{value}}}"#).unwrap();
        }
        let window = at / 10_000;
        let is_late = newest.is_some_and(|newest| (window + 1) * 10_000 + 1_000 <= newest);
        if !is_late {
            let (count, sum) = windows.entry((window, key)).or_default();
            (*count, *sum) = (*count + 1, *sum + value);
        }
        newest = newest.max(Some(at));
    }
    let windows = windows.into_iter().map(|((window, key), (count, sum))| {
        let (minute, second) = (window * 10 / 60, window * 10 % 60);
        (
            format!(
                r#"{{"start":"2024-01-01T00:{minute:02}:{second:02}","k":{key},"n":{count},"s":{sum}}}"#
            ),
            1,
        )
    });
    (text, even, windows.collect())
}

/// Interrupts a run at random. Each time it resumes from the last checkpoint that counts, which need not be the newest.
async fn cut_at_random(seed: u64) {
    let mut chance = Chance(seed);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (text, even, windows) = input(&mut chance);
    fs::write(path("in.json"), text).unwrap();
    let file = |name: &str, kind: &str| {
        format!(
            "WITH (connector = 'single_file', path = '{}', type = '{kind}'{})",
            path(name).display(),
            if kind == "source" {
                ", wait_for_control = 'false'"
            } else {
                ""
            }
        )
    };
    let query = format!(
        "CREATE TABLE src (at TIMESTAMP, k BIGINT, value BIGINT, WATERMARK FOR at) {};
         CREATE TABLE even (value BIGINT) {};
         CREATE TABLE windows (start TIMESTAMP, k BIGINT, n BIGINT, s BIGINT) {};
         INSERT INTO even SELECT value FROM src WHERE value % 2 = 0;
         INSERT INTO windows SELECT w['start'], k, n, s FROM (
             SELECT tumble(interval '10 seconds') AS w, k, count(*) AS n, sum(value) AS s FROM src GROUP BY w, k
         );",
        file("in.json", "source"),
        file("even.json", "sink"),
        file("windows.json", "sink")
    );
    let parallelism = 1 + u32::try_from(chance.below(3)).unwrap();
    let program = plan(&query, parallelism).unwrap().program;
    let mut checkpoints: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut execution = program.execute(None).unwrap();
    let mut cuts = chance.below(6);
    loop {
        match chance.below(4) {
            0 => checkpoints.push(execution.checkpoint().await.unwrap()),
            1 if cuts > 0 => {
                cuts -= 1;
                drop(execution);
                // The newest may be damaged.
                let lost = usize::try_from(chance.below(2)).unwrap();
                checkpoints.truncate(checkpoints.len().saturating_sub(lost));
                let state = checkpoints.last().map(Vec::as_slice);
                execution = program.execute(state).unwrap();
            }
            _ => {
                if execution.next().await.unwrap().is_none() {
                    break;
                }
            }
        }
    }
    assert_eq!(
        fs::read_to_string(path("even.json")).unwrap(),
        even,
        "seed {seed}"
    );
    let mut found = BTreeMap::new();
    for line in fs::read_to_string(path("windows.json")).unwrap().lines() {
        *found.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(found, windows, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn files_are_exact_however_a_run_is_cut() {
    for seed in 0..25 {
        cut_at_random(seed).await;
    }
}
