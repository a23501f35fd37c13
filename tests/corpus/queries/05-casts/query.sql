CREATE TABLE texts (
    id BIGINT NOT NULL,
    digits TEXT,
    fraction DOUBLE,
    n BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/texts.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT
    id,
    CAST(digits AS BIGINT) AS number,
    CAST(fraction AS BIGINT) AS whole,
    CAST(n AS TEXT) AS text,
    CAST(n AS DOUBLE) / 4 AS quarter,
    CAST(n AS BOOLEAN) AS yes
FROM texts;
