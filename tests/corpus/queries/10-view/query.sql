CREATE TABLE visits (
    ts TIMESTAMP NOT NULL,
    who TEXT,
    bytes BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/visits.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);
CREATE TABLE listed (
    who TEXT,
    kilobytes DOUBLE
) WITH (
    connector = 'single_file',
    path = '$OUT/listed.json',
    format = 'json',
    type = 'sink'
);
CREATE TABLE counted (
    start TIMESTAMP,
    visits BIGINT,
    kilobytes DOUBLE
) WITH (
    connector = 'single_file',
    path = '$OUT/counted.json',
    format = 'json',
    type = 'sink'
);

CREATE VIEW large AS
SELECT who, bytes / 1000.0 AS kilobytes
FROM visits
WHERE bytes >= 1000;

INSERT INTO listed SELECT who, kilobytes FROM large WHERE who <> 'bob';

INSERT INTO counted
SELECT window.start, visits, kilobytes
FROM (
    SELECT tumble(INTERVAL '2 minutes') AS window, count(*) AS visits, sum(kilobytes) AS kilobytes
    FROM large
    GROUP BY window
);
