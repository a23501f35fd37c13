SELECT s AS sensor, iso(epoch(t) / 600000000 * 600000000) AS start, count(v) AS measured, count(DISTINCT v) AS different,
    min(v) AS lowest, max(v) AS highest, avg(v) AS mean, sum(v * v) AS squares
FROM sensors GROUP BY s, epoch(t) / 600000000 ORDER BY 2, 1;
