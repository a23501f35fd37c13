-- A sink of its own: nothing is printed, the pipeline just runs.
CREATE TABLE impulse WITH (
    connector = 'impulse',
    event_rate = '1000'
);

CREATE TABLE nowhere (
    counter BIGINT UNSIGNED
) WITH (
    connector = 'blackhole'
);

INSERT INTO nowhere SELECT counter FROM impulse WHERE counter % 10 = 0;
