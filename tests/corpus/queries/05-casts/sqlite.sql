SELECT id, CAST(digits AS INTEGER) AS number, CAST(fraction AS INTEGER) AS whole, CAST(n AS TEXT) AS text,
    CAST(n AS REAL) / 4 AS quarter, n <> 0 AS "yes:bool"
FROM texts ORDER BY rowid;
