CREATE TABLE samples (
    ts TIMESTAMP NOT NULL,
    k TEXT,
    x BIGINT,
    y DOUBLE,
    WATERMARK FOR ts
) WITH (
    connector = 'single_file',
    path = '$DIR/samples.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT
    k,
    tumble(INTERVAL '2' minute) AS window,
    count(*) AS rows,
    count(x) AS known,
    sum(x) AS sum_x,
    min(x) AS min_x,
    max(x) AS max_x,
    avg(x) AS avg_x,
    sum(y) AS sum_y,
    avg(y) AS avg_y,
    sum(CASE WHEN x < 0 THEN 1 ELSE 0 END) AS negative
FROM samples
GROUP BY k, window;
