CREATE TABLE web (
    ts TIMESTAMP NOT NULL,
    item TEXT,
    cents BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/web.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);
CREATE TABLE shop (
    ts TIMESTAMP NOT NULL,
    item TEXT,
    cents BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/shop.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false',
    event_time_field = 'ts'
);

CREATE VIEW sales AS
SELECT item, cents FROM web
UNION ALL
SELECT item, cents FROM shop;

SELECT item, window.start AS start, sales, cents
FROM (
    SELECT item, tumble(INTERVAL '5 minutes') AS window, count(*) AS sales, sum(cents) AS cents
    FROM sales
    GROUP BY item, window
    HAVING count(*) >= 9 AND sum(cents) > 4600
);
