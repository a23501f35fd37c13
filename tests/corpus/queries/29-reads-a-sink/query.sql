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
CREATE TABLE archive (
    id BIGINT,
    amount DOUBLE
) WITH (
    connector = 'single_file',
    path = '$OUT/archive.json',
    format = 'json',
    type = 'sink'
);

INSERT INTO archive SELECT id, amount FROM orders;

SELECT id FROM archive;
