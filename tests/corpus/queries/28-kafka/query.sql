CREATE TABLE orders (
    id BIGINT NOT NULL,
    amount DOUBLE
) WITH (
    connector = 'kafka',
    bootstrap_servers = 'localhost:9092',
    topic = 'shop.v1',
    format = 'json',
    type = 'source'
);

SELECT id FROM orders WHERE amount > 10;
