use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};

use tempfile::TempDir;

use super::*;

type Damage = Box<dyn Fn(&mut std::fs::File)>;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn record(id: &str, body: &str) -> WriteBatch {
    WriteBatch {
        records: [(id.to_owned(), Some(body.as_bytes().to_vec()))].into(),
        ..WriteBatch::default()
    }
}

fn checkpoint(epoch: u64, subtasks: &[&[u8]]) -> WriteBatch {
    let subtasks = subtasks.iter().map(|state| state.to_vec()).collect();
    let checkpoint = NewCheckpoint {
        job: "job_1".to_owned(),
        epoch,
        state: subtasks,
    };
    WriteBatch {
        checkpoints: vec![checkpoint],
        ..WriteBatch::default()
    }
}

fn open(directory: &TempDir) -> Result<Store, EngineError> {
    Store::open(directory.path())
}

fn change(directory: &TempDir, statement: &str) {
    Connection::open(directory.path().join(FILE))
        .unwrap()
        .execute_batch(statement)
        .unwrap();
}

#[test]
fn records_come_back_in_order_after_a_crash() {
    let directory = directory();
    let mut store = open(&directory).unwrap();
    store.commit(&record("pl_b", "one")).unwrap();
    store.commit(&record("pl_a", "two")).unwrap();
    store.commit(&record("pl_b", "three")).unwrap();
    store.commit(&record("gone", "four")).unwrap();
    store
        .commit(&WriteBatch {
            records: [("gone".to_owned(), None)].into(),
            ..WriteBatch::default()
        })
        .unwrap();

    // As a killed process leaves it: the log not yet folded in, the connection not closed.
    let copy = copy_of(&directory);
    assert_eq!(
        open(&copy).unwrap().records().unwrap(),
        [
            ("pl_b".to_owned(), b"three".to_vec()),
            ("pl_a".to_owned(), b"two".to_vec())
        ]
    );

    store.close().unwrap();
    assert_eq!(open(&directory).unwrap().records().unwrap().len(), 2);
}

#[test]
fn the_newest_sound_checkpoint_is_restored() {
    let directory = directory();
    let mut store = open(&directory).unwrap();
    for epoch in 1..=7 {
        store
            .commit(&checkpoint(
                epoch,
                &[&[1, 2], &[], &[u8::try_from(epoch).unwrap()]],
            ))
            .unwrap();
    }
    let restored = store.restore("job_1", 7).unwrap();
    assert_eq!(
        restored.checkpoint.unwrap().state,
        [vec![1, 2], vec![], vec![7]]
    );
    assert_eq!(
        store.restore("job_1", 5).unwrap().checkpoint.unwrap().epoch,
        5
    );
    assert!(
        store.restore("job_1", 3).unwrap().checkpoint.is_none(),
        "old epochs are trimmed"
    );
    assert!(store.restore("job_2", 7).unwrap().checkpoint.is_none());

    change(
        &directory,
        "UPDATE checkpoints SET state = x'00' WHERE epoch = 7",
    );
    change(
        &directory,
        "UPDATE checkpoints SET checksum = x'00' WHERE epoch = 6",
    );
    let restored = store.restore("job_1", 7).unwrap();
    assert_eq!(
        (restored.checkpoint.unwrap().epoch, restored.damaged),
        (5, vec![7, 6])
    );

    store
        .commit(&WriteBatch {
            forgotten_jobs: vec!["job_1".to_owned()],
            ..WriteBatch::default()
        })
        .unwrap();
    let restored = store.restore("job_1", 7).unwrap();
    assert!(restored.checkpoint.is_none() && restored.damaged.is_empty());
}

#[test]
fn other_versions_and_other_programs_are_told_apart() {
    let newer = directory();
    open(&newer).unwrap().close().unwrap();
    change(&newer, "PRAGMA user_version = 2");
    let error = open(&newer).unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::Version {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("use the newer version"),
        "{error}"
    );

    let foreign = directory();
    change(&foreign, "CREATE TABLE orders (id INTEGER)");
    let error = open(&foreign).unwrap_err();
    assert!(matches!(error, EngineError::Foreign { .. }), "{error}");
}

#[test]
fn damage_is_named_and_nothing_is_changed() {
    let truncate = |length: u64| {
        move |file: &mut std::fs::File| {
            let size = file.metadata().unwrap().len();
            file.set_len(length.min(size)).unwrap();
        }
    };
    let damages: [(&str, Damage); 5] = [
        ("emptied", Box::new(truncate(0))),
        ("cut in the header", Box::new(truncate(50))),
        ("cut after a page", Box::new(truncate(5000))),
        (
            "text",
            Box::new(|file| file.write_all(b"hello, this is not a database").unwrap()),
        ),
        (
            "a page overwritten",
            Box::new(|file| {
                file.seek(SeekFrom::Start(4096)).unwrap();
                file.write_all(&[0xff; 4096]).unwrap();
            }),
        ),
    ];
    for (name, damage) in damages {
        let directory = directory();
        let mut store = open(&directory).unwrap();
        store.commit(&record("pl_1", &"x".repeat(20_000))).unwrap();
        store.close().unwrap();
        let path = directory.path().join(FILE);
        damage(
            &mut OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .unwrap(),
        );
        let before = std::fs::read(&path).unwrap();
        let error = open(&directory).unwrap_err();
        assert!(
            matches!(error, EngineError::Damaged { .. }),
            "{name}: {error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name}");
    }
}

#[test]
fn a_missing_table_and_a_missing_database_are_damage() {
    let directory = directory();
    open(&directory).unwrap().close().unwrap();
    change(&directory, "DROP TABLE checkpoints");
    let error = open(&directory).unwrap_err();
    assert!(
        error.to_string().contains("no such table: checkpoints"),
        "{error}"
    );

    // A log whose database was moved away must not be played onto a new one.
    std::fs::remove_file(directory.path().join(FILE)).unwrap();
    std::fs::write(directory.path().join(format!("{FILE}-wal")), "left").unwrap();
    let error = open(&directory).unwrap_err();
    assert!(matches!(error, EngineError::Damaged { .. }), "{error}");
}

#[test]
fn a_half_made_database_is_made_again() {
    let directory = directory();
    std::fs::write(directory.path().join(format!("{FILE}.new")), "half").unwrap();
    open(&directory).unwrap();
}

fn copy_of(directory: &TempDir) -> TempDir {
    let copy = self::directory();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}
