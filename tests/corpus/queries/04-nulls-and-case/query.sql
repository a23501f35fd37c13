CREATE TABLE readings (
    id BIGINT NOT NULL,
    a BIGINT,
    b BIGINT,
    ok BOOLEAN
) WITH (
    connector = 'single_file',
    path = '$DIR/readings.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT
    id,
    CASE WHEN a > b THEN 'more' WHEN a < b THEN 'less' WHEN a = b THEN 'same' ELSE 'unknown' END AS compared,
    coalesce(a, b, -1) AS first_known,
    nullif(a, b) AS differs,
    a IS NULL AS a_is_null,
    CASE ok WHEN true THEN 1 WHEN false THEN 0 END AS flag,
    ok AND a > 0 AS both
FROM readings
WHERE a NOT IN (13) OR b IS NOT NULL;
