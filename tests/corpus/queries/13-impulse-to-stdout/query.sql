CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '100000',
    message_count = '50'
);
CREATE TABLE printed (
    n BIGINT,
    kind TEXT
) WITH (
    connector = 'stdout',
    format = 'json',
    type = 'sink'
);

INSERT INTO printed
SELECT counter * 3, CASE WHEN counter % 15 = 0 THEN 'both' WHEN counter % 3 = 0 THEN 'three' ELSE 'five' END
FROM impulse
WHERE counter % 3 = 0 OR counter % 5 = 0;
