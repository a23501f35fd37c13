-- Counts up, twice a second, until you press Ctrl-C. Run it again with the
-- state directory that it names, and the count goes on where it stopped.
CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '2'
);

SELECT
    counter,
    CASE WHEN counter % 2 = 0 THEN 'tick' ELSE 'tock' END AS sound
FROM impulse;
