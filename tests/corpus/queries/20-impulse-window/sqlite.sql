WITH RECURSIVE impulse(subtask, counter) AS (
    SELECT value, 0 FROM subtasks UNION ALL SELECT subtask, counter + 1 FROM impulse WHERE counter < 999
)
SELECT counter % 3 AS remainder, iso(0) AS "window.start", iso(36500 * 86400000000) AS "window.end",
    count(*) AS rows, sum(counter) AS total, count(DISTINCT counter) AS different
FROM impulse GROUP BY 1 ORDER BY 1;
