CREATE TABLE measures (
    sensor TEXT NOT NULL,
    celsius DOUBLE
) WITH (
    connector = 'single_file',
    path = '$DIR/measures.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

WITH known AS (
    SELECT sensor, celsius FROM measures WHERE celsius IS NOT NULL
),
converted AS (
    SELECT sensor AS name, celsius * 1.8 + 32 AS fahrenheit FROM known
),
hot AS (
    SELECT upper(c.name) AS name, round(c.fahrenheit) AS degrees FROM converted AS c WHERE c.fahrenheit > 100
)
SELECT outermost.name, outermost.degrees, outermost.degrees > 200 AS boiling
FROM (SELECT name, degrees FROM hot WHERE name <> 'C') AS outermost;
