CREATE TABLE clicks (
    id BIGINT NOT NULL,
    page TEXT,
    millis BIGINT
) WITH (
    connector = 'single_file',
    path = '$DIR/clicks.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);
CREATE TABLE slow (
    id BIGINT,
    millis BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/slow.json',
    format = 'json',
    type = 'sink'
);
CREATE TABLE home (
    id BIGINT,
    page TEXT
) WITH (
    connector = 'single_file',
    path = '$OUT/home.json',
    format = 'json',
    type = 'sink'
);
CREATE TABLE everything (
    id BIGINT
) WITH (
    connector = 'single_file',
    path = '$OUT/everything.json',
    format = 'json',
    type = 'sink'
);

INSERT INTO slow SELECT id, millis FROM clicks WHERE millis > 1000;
INSERT INTO home SELECT id, page FROM clicks WHERE page = '/';
INSERT INTO everything SELECT id FROM clicks;
