CREATE TABLE members (
    id INT NOT NULL,
    label TEXT,
    share DOUBLE
) WITH (
    connector = 'single_file',
    path = '$DIR/members.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);
CREATE TABLE exported (
    number BIGINT,
    name TEXT,
    share DOUBLE,
    id TEXT
) WITH (
    connector = 'single_file',
    path = '$OUT/exported.json',
    format = 'json',
    type = 'sink'
);

INSERT INTO exported
SELECT id, label, share, id AS text FROM members WHERE label IS NOT NULL;
