CREATE TABLE words (
    id BIGINT NOT NULL,
    word TEXT
) WITH (
    connector = 'single_file',
    path = '$DIR/words.json',
    format = 'json',
    type = 'source',
    wait_for_control = 'false'
);

SELECT
    id,
    upper(word) AS upper,
    lower(word) AS lower,
    character_length(word) AS length,
    substr(word, 2, 3) AS middle,
    replace(word, 'a', '-') AS dashed,
    trim(word) AS trimmed,
    '<' || word || '>' AS quoted
FROM words
WHERE word NOT LIKE '%skip%';
