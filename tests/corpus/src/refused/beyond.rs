//! What an Arroyo cluster supports and the embedded engine does not.

use super::{Refused, refused};

/// Part of every message.
const CLUSTER: &str = "an Arroyo cluster does (--server URL)";

pub(super) const REFUSED: &[Refused] = &[
    refused(
        "$T\nSELECT x.a FROM t AS x JOIN t AS y ON x.a = y.a",
        &["joins", CLUSTER],
        2,
        29,
    ),
    refused("$T\nSELECT t.a FROM t, t AS u", &["joins", CLUSTER], 2, 20),
    refused(
        "$I\nSELECT count(*) FROM impulse GROUP BY session(interval '1 second')",
        &["session() windows", CLUSTER],
        2,
        39,
    ),
    refused(
        "$I\nSELECT count(*) FROM impulse GROUP BY hop(interval '1 second', interval '1 minute')",
        &["hop() windows", CLUSTER],
        2,
        39,
    ),
    refused(
        "$I\nSELECT counter, count(*) FROM impulse\nGROUP BY counter",
        &["without a tumbling window", CLUSTER],
        3,
        10,
    ),
    refused(
        "$I\nSELECT count(*) FROM impulse",
        &["without a tumbling window", CLUSTER],
        2,
        1,
    ),
    refused(
        "$I\nSELECT row_number() OVER (PARTITION BY counter) FROM impulse",
        &["OVER", CLUSTER],
        2,
        8,
    ),
    refused(
        "$I\nSELECT counter FROM impulse WHERE counter IN (SELECT counter FROM impulse)",
        &["subqueries", CLUSTER],
        2,
        35,
    ),
    refused(
        "$I\nSELECT counter FROM impulse WHERE EXISTS (SELECT counter FROM impulse)",
        &["subqueries", CLUSTER],
        2,
        43,
    ),
    refused(
        "$I\nSELECT DISTINCT counter FROM impulse",
        &["DISTINCT", CLUSTER],
        2,
        1,
    ),
    refused(
        "$I\nSELECT counter FROM impulse UNION SELECT counter FROM impulse",
        &["UNION without ALL", CLUSTER],
        2,
        1,
    ),
    refused(
        "$T\nSELECT a FROM t GROUP BY ROLLUP (a)",
        &["ROLLUP", CLUSTER],
        2,
        26,
    ),
    refused(
        "$T\nSELECT array_agg(a ORDER BY b) FROM t GROUP BY tumble(interval '1 second')",
        &["ORDER BY in an aggregate", CLUSTER],
        2,
        20,
    ),
    refused("$T\nSELECT a FROM UNNEST([1])", &["UNNEST", CLUSTER], 2, 23),
    refused(
        "$I\nSELECT now() FROM impulse",
        &["now()", "not the same after a resume", CLUSTER],
        2,
        8,
    ),
    // Functions and values.
    refused("$T\nSELECT sha256(b) FROM t", &["sha256()", CLUSTER], 2, 8),
    refused("$T\nSELECT a, md5(b) FROM t", &["md5()", CLUSTER], 2, 11),
    refused(
        "$T\nSELECT json_get_str(b, 'x') FROM t",
        &["json_get_str()", CLUSTER],
        2,
        8,
    ),
    refused(
        "$T\nSELECT b -> 'x' FROM t",
        &["operator ->", CLUSTER],
        2,
        8,
    ),
    refused(
        "$T\nSELECT array_length(a) FROM t",
        &["array_length()", CLUSTER],
        2,
        8,
    ),
    refused("$T\nSELECT [a, 1] FROM t", &["arrays", CLUSTER], 2, 9),
    refused("$T\nSELECT a[1] FROM t", &["subscripts", CLUSTER], 2, 8),
    refused("$T\nSELECT MAP {'x': a} FROM t", &["MAP", CLUSTER], 2, 8),
    refused(
        "$T\nSELECT CAST(b AS JSON) FROM t",
        &["the type JSON", CLUSTER],
        2,
        18,
    ),
    refused(
        "$T\nSELECT CAST(b AS INT ARRAY) FROM t",
        &["the type ARRAY", CLUSTER],
        2,
        22,
    ),
    // Tables.
    refused(
        "CREATE TABLE t (a INT);\nSELECT a FROM t;",
        &["tables in memory", CLUSTER],
        1,
        14,
    ),
    refused(
        "CREATE TABLE t (a JSON) WITH (connector = 'single_file', path = 'x');",
        &["the type JSON", CLUSTER],
        1,
        19,
    ),
    refused(
        "CREATE TABLE t (a INT,\n  o BIGINT METADATA FROM 'offset') WITH (connector = 'single_file', path = 'x');",
        &["METADATA FROM", CLUSTER],
        2,
        12,
    ),
    refused(
        "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = 'x')\nPARTITIONED BY (a);",
        &["PARTITIONED BY", CLUSTER],
        2,
        1,
    ),
    refused(
        "CREATE TABLE t (a INT)\n WITH (connector = 'kafka', topic = 'x');",
        &["table t", "connector 'kafka'", CLUSTER],
        2,
        20,
    ),
    refused(
        "$I\nCREATE TABLE c AS SELECT counter FROM impulse;",
        &["CREATE TABLE … AS", CLUSTER],
        2,
        14,
    ),
    refused(
        "$I\nCREATE VIEW v (x) AS SELECT counter FROM impulse; SELECT x FROM v",
        &["name their columns", CLUSTER],
        2,
        13,
    ),
    refused(
        "$I\nSET updating_ttl = '1 day';\nSELECT counter FROM impulse;",
        &["SET", CLUSTER],
        2,
        1,
    ),
];
