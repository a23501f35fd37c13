CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '100000',
    event_time_interval = '1000000000',
    message_count = '1000'
);

SELECT
    counter % 3 AS remainder,
    tumble(INTERVAL '36500 days') AS window,
    count(*) AS rows,
    sum(counter) AS total,
    count(DISTINCT counter) AS different
FROM impulse
GROUP BY remainder, window;
