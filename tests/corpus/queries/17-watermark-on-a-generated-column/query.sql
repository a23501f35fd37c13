CREATE TABLE letters (
    written TEXT NOT NULL,
    n BIGINT,
    ts TIMESTAMP GENERATED ALWAYS AS (CAST(written AS TIMESTAMP)) STORED,
    WATERMARK FOR ts AS ts - INTERVAL '10 seconds'
) WITH (
    connector = 'single_file',
    path = '$DIR/letters.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT tumble(INTERVAL '20 seconds') AS window, count(*) AS letters, min(n) AS first, max(n) AS last
FROM letters
GROUP BY window;
