-- Divides by zero at the sixth row: Running first, then Failed.
CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '10'
);

SELECT 100 / (5 - CAST(counter AS BIGINT)) AS x FROM impulse;
