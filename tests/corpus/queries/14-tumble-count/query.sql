CREATE TABLE ticks (
    ts TIMESTAMP NOT NULL,
    n BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/ticks.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);

SELECT tumble(INTERVAL '1 minute') AS window, count(*) AS rows, count(n) AS known
FROM ticks
GROUP BY window;
