WITH RECURSIVE impulse(subtask, counter) AS (
    SELECT value, 0 FROM subtasks UNION ALL SELECT subtask, counter + 1 FROM impulse WHERE counter < 49
)
SELECT counter * 3 AS n, CASE WHEN counter % 15 = 0 THEN 'both' WHEN counter % 3 = 0 THEN 'three' ELSE 'five' END AS kind
FROM impulse WHERE counter % 3 = 0 OR counter % 5 = 0 ORDER BY subtask, counter;
