CREATE TABLE nothing (
    ts TIMESTAMP NOT NULL,
    n BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/nothing.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);
CREATE TABLE copied (
    n BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/copied.json',
    format = 'json',
    type = 'sink'
);
CREATE TABLE counted (
    start TIMESTAMP,
    count BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/counted.json',
    format = 'json',
    type = 'sink'
);

INSERT INTO copied SELECT n FROM nothing;

INSERT INTO counted
SELECT window.start AS start, count
FROM (
    SELECT tumble(INTERVAL '1 minute') AS window, count(*) AS count
    FROM nothing
    GROUP BY window
);
