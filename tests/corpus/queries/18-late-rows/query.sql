CREATE TABLE seconds (
    ts TIMESTAMP NOT NULL,
    n BIGINT NOT NULL
) WITH (
    connector = 'single_file',
    path = '$DIR/seconds.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);

SELECT window.end AS minute, rows, total
FROM (
    SELECT tumble(INTERVAL '1 minute') AS window, count(*) AS rows, sum(n) AS total
    FROM seconds
    GROUP BY window
);
