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

SELECT customer, window.start AS start, orders, place
FROM (
    SELECT customer, window, orders, row_number() OVER (PARTITION BY window ORDER BY orders DESC) AS place
    FROM (
        SELECT customer, tumble(INTERVAL '1 minute') AS window, count(*) AS orders
        FROM orders
        GROUP BY customer, window
    )
)
WHERE place <= 3;
