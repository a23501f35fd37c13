CREATE TABLE orders (
    id BIGINT NOT NULL,
    customer TEXT,
    amount DOUBLE,
    note TEXT
) WITH (
    connector = 'single_file',
    path = '$DIR/orders.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT id, customer AS who, amount * 2 AS twice, note
FROM orders
WHERE amount > 0;
