CREATE TABLE orders (
    ts TIMESTAMP NOT NULL,
    id BIGINT NOT NULL,
    customer TEXT,
    amount DOUBLE
) WITH (
    connector = 'single_file',
    path = '$DIR/orders.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);
CREATE TABLE blocked (
    name TEXT NOT NULL
) WITH (
    connector = 'single_file',
    path = '$DIR/blocked.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT id, customer
FROM orders
WHERE customer NOT IN (SELECT name FROM blocked);
