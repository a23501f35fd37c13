CREATE TABLE north (
    id BIGINT NOT NULL,
    city TEXT
) WITH (
    connector = 'single_file',
    path = '$DIR/north.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);
CREATE TABLE south (
    id BIGINT NOT NULL,
    city TEXT,
    heat INT
) WITH (
    connector = 'single_file',
    path = '$DIR/south.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT id, city, 'north' AS side FROM north WHERE id > 1
UNION ALL
SELECT id, city, 'south' AS side FROM south WHERE heat > 20 OR heat IS NULL
UNION ALL
SELECT id, CAST(NULL AS TEXT) AS city, 'again' AS side FROM south;
