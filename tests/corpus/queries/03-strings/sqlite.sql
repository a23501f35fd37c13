SELECT id, upper(word) AS upper, lower(word) AS lower, length(word) AS length, substr(word, 2, 3) AS middle,
    replace(word, 'a', '-') AS dashed, trim(word) AS trimmed, '<' || word || '>' AS quoted
FROM words WHERE word NOT LIKE '%skip%' ORDER BY rowid;
