//! Tables that cannot be declared, written or read.

use super::{Refused, refused};

pub(super) const REFUSED: &[Refused] = &[
    refused(
        "CREATE TABLE t (a INT)\nWITH (connector = 'single_file');",
        &["table t", "required option 'path' not set"],
        2,
        19,
    ),
    refused(
        "CREATE TABLE t\nWITH (connector = 'impulse');",
        &["required option 'event_rate' not set"],
        2,
        19,
    ),
    refused(
        "CREATE TABLE t (a INT) WITH (path = 'x');",
        &["required option 'connector' not set"],
        1,
        14,
    ),
    refused(
        "CREATE TABLE t (a INT)\nWITH (connector = 'frobnicate');",
        &["Unknown connector 'frobnicate'"],
        2,
        19,
    ),
    refused(
        "CREATE TABLE t WITH (\n  connector = 'impulse',\n  event_rate = '1',\n  bogus = '1', 'more' = '2');",
        &["unknown options", "'bogus', 'more'"],
        4,
        3,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse',\n event_rate = 'often');",
        &["option 'event_rate' is not a number: 'often'"],
        2,
        15,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse',\n event_rate = '-1');",
        &["'event_rate' must be greater than 0"],
        2,
        15,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse', event_rate = '1',\n message_count = 'all');",
        &["'message_count' is not a whole number: 'all'"],
        2,
        18,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse', event_rate = 1 + 1);",
        &["'event_rate' is not a literal"],
        1,
        58,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse',\n event_rate = '1', event_rate = '2');",
        &["'event_rate' is given twice"],
        2,
        20,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'impulse' event_rate = '1');",
        &["Expected: )", "event_rate"],
        1,
        44,
    ),
    refused(
        "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = 'x',\n format = 'avro');",
        &["'format' is 'avro'", "'json'"],
        2,
        11,
    ),
    refused(
        "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = 'x',\n bad_data = 'maybe');",
        &["'bad_data' is 'fail' or 'drop', not 'maybe'"],
        2,
        13,
    ),
    refused(
        "CREATE TABLE t WITH (connector = 'single_file', path = 'x');",
        &["a file needs columns"],
        1,
        14,
    ),
    refused(
        "CREATE TABLE t (a INT) WITH (connector = 'impulse', event_rate = '1');",
        &["declare none"],
        1,
        14,
    ),
    refused(
        "CREATE TABLE t (a FOO) WITH (connector = 'stdout');",
        &["unknown type 'FOO'"],
        1,
        19,
    ),
    refused(
        "CREATE TABLE t (a INT,\n b TEXT, a INT) WITH (connector = 'stdout');",
        &["column 'a' is declared twice"],
        2,
        10,
    ),
    refused(
        "CREATE TABLE t (a INTERVAL) WITH (connector = 'single_file', path = 'x');",
        &["INTERVAL cannot be read"],
        1,
        19,
    ),
    refused(
        "CREATE TABLE t (a) WITH (connector = 'stdout');",
        &["a data type"],
        1,
        18,
    ),
    refused(
        "CREATE TABLE t (a INT, c INT GENERATED ALWAYS AS (zz + 1)) WITH (connector = 'single_file', path = 'x');",
        &["column 'zz' not found"],
        1,
        51,
    ),
    // Event times.
    refused(
        "CREATE TABLE t (a INT, WATERMARK FOR zz) WITH (connector = 'single_file', path = 'x');",
        &["no column 'zz' for its event time"],
        1,
        38,
    ),
    refused(
        "CREATE TABLE t (a INT,\n WATERMARK FOR a) WITH (connector = 'single_file', path = 'x');",
        &["has to be a TIMESTAMP", "'a' is INT"],
        2,
        16,
    ),
    refused(
        "CREATE TABLE t (ts TIMESTAMP, WATERMARK FOR) WITH (connector = 'single_file', path = 'x');",
        &["Expected: identifier", "found: )"],
        1,
        44,
    ),
    refused(
        "CREATE TABLE t (ts TIMESTAMP, WATERMARK FOR ts AS ts - interval 'soon') WITH (connector = 'single_file', path = 'x');",
        &["'soon' is no interval"],
        1,
        65,
    ),
    refused(
        "CREATE TABLE t (ts TIMESTAMP) WITH (connector = 'single_file', path = 'x',\n event_time_field = 'nope');",
        &["no column 'nope'"],
        2,
        21,
    ),
    refused(
        "CREATE TABLE t (ts TIMESTAMP, WATERMARK ts) WITH (connector = 'single_file', path = 'x');",
        &["unknown type 'ts'"],
        1,
        17,
    ),
    // Sinks and sources.
    refused(
        "$I\nINSERT INTO nosink SELECT counter FROM impulse;",
        &["table nosink not found"],
        2,
        13,
    ),
    refused(
        "$I\nINSERT INTO impulse SELECT counter FROM impulse;",
        &["'impulse' is a source"],
        2,
        13,
    ),
    refused(
        "CREATE TABLE o (a INT) WITH (connector = 'stdout');\nSELECT a FROM o;",
        &["'o' is a sink"],
        2,
        15,
    ),
    refused(
        "CREATE TABLE o (a INT, b INT) WITH (connector = 'stdout');\n$I\nINSERT INTO o SELECT counter FROM impulse;",
        &["Column count"],
        3,
        1,
    ),
    refused(
        "CREATE TABLE o (a INT) WITH (connector = 'stdout');\n$I\nINSERT INTO o (zz) SELECT counter FROM impulse;",
        &["column 'zz' not found"],
        3,
        16,
    ),
    refused(
        "CREATE TABLE o (a TIMESTAMP) WITH (connector = 'stdout');\n$I\nINSERT INTO o SELECT counter > 1 FROM impulse;",
        &["BOOLEAN to TIMESTAMP"],
        3,
        1,
    ),
    // Other statements.
    refused("$I\nDELETE FROM impulse;", &["only CREATE TABLE"], 2, 1),
    refused(
        "$I\n  UPDATE impulse SET counter = 1;",
        &["only CREATE TABLE"],
        2,
        3,
    ),
    refused("CREATE DATABASE d;", &["only CREATE TABLE"], 1, 1),
    refused("DROP TABLE t;", &["only CREATE TABLE"], 1, 1),
    refused(
        "$I\nEXPLAIN SELECT counter FROM impulse;",
        &["only CREATE TABLE"],
        2,
        1,
    ),
    refused("$I\nVALUES (1);", &["VALUES"], 2, 1),
];
