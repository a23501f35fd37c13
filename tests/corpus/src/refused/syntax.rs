//! Queries that cannot be parsed.

use super::{Refused, refused};

pub(super) const REFUSED: &[Refused] = &[
    refused("", &["Query is empty"], 0, 0),
    refused(" \n\t\r\n ", &["Query is empty"], 0, 0),
    refused(
        "-- nothing\n/* here */",
        &["does not contain a query"],
        0,
        0,
    ),
    refused(";;", &["does not contain a query"], 0, 0),
    refused("$I", &["does not contain a query"], 1, 1),
    refused("SELEC 1", &["Expected: an SQL statement", "SELEC"], 1, 1),
    refused(
        "$I\nSELECT * FORM impulse",
        &["Expected: end of statement", "FORM"],
        2,
        10,
    ),
    refused(
        "$I\nSELECT counter FROM impulse; garbage here",
        &["garbage"],
        2,
        30,
    ),
    refused("$I\nSELECT counter FROM impulse)", &["found: )"], 2, 28),
    refused(
        "$I\nSELECT (counter FROM impulse",
        &["Expected: )", "FROM"],
        2,
        17,
    ),
    refused(
        "$I\nSELECT counter,, counter FROM impulse",
        &["found: ,"],
        2,
        16,
    ),
    refused("$I\nSELECT a b c FROM impulse", &["found: c"], 2, 12),
    refused(
        "$I\nSELECT 'abc FROM impulse",
        &["Unterminated string"],
        2,
        8,
    ),
    refused("$I\nSELECT \"abc FROM impulse", &["close delimiter"], 2, 8),
    refused(
        "$I\nSELECT counter -- é\n /* never ends FROM impulse",
        &["comment has no end"],
        3,
        2,
    ),
    refused(
        "$I\nSELECT counter FROM impulse WHERE",
        &["Expected: an expression", "end of the query"],
        2,
        34,
    ),
    refused(
        "$I\nSELECT counter\nFROM impulse\n  WHERE  \n\n",
        &["end of the query"],
        4,
        8,
    ),
    refused(
        "$I\nSELECT counter FROM impulse GROUP BY -- what?\n",
        &["end of the query"],
        2,
        37,
    ),
    refused(
        "$I\nSELECT counter FROM impulse WHERE counter ! 5",
        &["unexpected !"],
        2,
        43,
    ),
    refused("$I\nSELECT # FROM impulse", &["found: #"], 2, 8),
    refused("$I\nSELECT counter FROM impulse\n\\", &["found: \\"], 3, 1),
    // Positions in text with characters that are not one byte, or not one column, wide.
    refused(
        "$I\r\nSELECT counter\r\nFORM impulse x y",
        &["found: impulse"],
        3,
        6,
    ),
    refused(
        "$I\n\tSELECT\tcounter\t\tFORM impulse x",
        &["found: impulse"],
        2,
        23,
    ),
    refused(
        "$I\nSELECT 'päron 日本 🍐' AS x, missing FROM impulse",
        &["column 'missing' not found"],
        2,
        27,
    ),
    refused(
        "$I\r\nSELECT counter,\r\n\tmissing\r\nFROM impulse",
        &["column 'missing' not found"],
        3,
        2,
    ),
    refused(
        "\u{feff}$I\nSELECT missing FROM impulse",
        &["column 'missing' not found"],
        2,
        8,
    ),
    refused(
        "$I SELECT 'x' /* 🍐 */ , missing FROM impulse",
        &["column 'missing' not found"],
        1,
        88,
    ),
    // The first statement is valid.
    refused(
        "$I\nSELECT counter FROM impulse;\nSELECT counter, missing\nFROM impulse;",
        &["column 'missing' not found"],
        3,
        17,
    ),
    refused(
        "$I\nSELECT counter FROM impulse\nSELECT counter FROM impulse",
        &["Expected: end of statement", "SELECT"],
        3,
        1,
    ),
];
