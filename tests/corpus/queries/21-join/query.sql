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
CREATE TABLE customers (
    name TEXT NOT NULL,
    country TEXT
) WITH (
    connector = 'single_file',
    path = '$DIR/customers.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT o.id, c.country
FROM orders AS o
JOIN customers AS c ON o.customer = c.name;
