CREATE TABLE sensors (
    t TIMESTAMP NOT NULL,
    s BIGINT NOT NULL,
    v BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/sensors.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 't'
);
CREATE TABLE summary (
    sensor BIGINT,
    start TIMESTAMP,
    measured BIGINT,
    different BIGINT,
    lowest BIGINT,
    highest BIGINT,
    mean DOUBLE,
    squares BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/summary.json',
    format = 'json',
    type = 'sink'
);
CREATE TABLE extremes (
    t TIMESTAMP,
    s BIGINT,
    v BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/extremes.json',
    format = 'json',
    type = 'sink'
);

INSERT INTO summary
SELECT s, window.start, measured, different, lowest, highest, mean, squares
FROM (
    SELECT s, tumble(INTERVAL '10 minutes') AS window, count(v) AS measured, count(DISTINCT v) AS different,
        min(v) AS lowest, max(v) AS highest, avg(v) AS mean, sum(v * v) AS squares
    FROM sensors
    GROUP BY s, window
);

INSERT INTO extremes SELECT t, s, v FROM sensors WHERE v > 95 OR v < -95;
