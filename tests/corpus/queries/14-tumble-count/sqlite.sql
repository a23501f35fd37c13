SELECT iso(epoch(ts) / 60000000 * 60000000) AS "window.start", iso(epoch(ts) / 60000000 * 60000000 + 60000000) AS "window.end",
    count(*) AS rows, count(n) AS known
FROM ticks GROUP BY epoch(ts) / 60000000 ORDER BY 1;
