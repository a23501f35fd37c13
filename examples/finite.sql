-- Ten rows, then the job is Finished and the command ends with it.
CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '10',
    message_count = '10'
);

WITH squares AS (
    SELECT counter, counter * counter AS square FROM impulse
)
SELECT counter, square FROM squares WHERE square % 2 = 0;
