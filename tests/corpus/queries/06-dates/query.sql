CREATE TABLE events (
    id BIGINT NOT NULL,
    moment TIMESTAMP
) WITH (
    connector = 'single_file',
    path = '$DIR/events.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT
    id,
    moment,
    date_trunc('hour', moment) AS hour,
    moment + INTERVAL '36 hours' AS later,
    extract(year FROM moment) AS year,
    extract(month FROM moment) AS month,
    extract(day FROM moment) AS day
FROM events
WHERE moment >= TIMESTAMP '1969-12-31 00:00:00';
