-- Orders by minute and shop, from the lines of a file. Run it from the top of the repository.
CREATE TABLE orders (
    placed_at TIMESTAMP,
    shop TEXT,
    amount BIGINT,
    WATERMARK FOR placed_at AS placed_at - INTERVAL '30 seconds'
) WITH (
    connector = 'single_file',
    path = 'examples/orders.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT minute['start'] AS minute, shop, orders, amount
FROM (
    SELECT tumble(INTERVAL '1 minute') AS minute, shop, count(*) AS orders, sum(amount) AS amount
    FROM orders
    GROUP BY minute, shop
);
