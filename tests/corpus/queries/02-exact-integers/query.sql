CREATE TABLE numbers (
    n BIGINT,
    u BIGINT UNSIGNED,
    i INT
) WITH (
    connector = 'single_file',
    path = '$DIR/numbers.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT n, u, i, n / 2 AS half, n % 10 AS last_digit
FROM numbers
WHERE n <> 0 OR u > 0;
