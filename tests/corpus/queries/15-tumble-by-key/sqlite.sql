SELECT k, iso(epoch(ts) / 120000000 * 120000000) AS "window.start", iso(epoch(ts) / 120000000 * 120000000 + 120000000) AS "window.end",
    count(*) AS rows, count(x) AS known, sum(x) AS sum_x, min(x) AS min_x, max(x) AS max_x, avg(x) AS avg_x,
    sum(y) AS sum_y, avg(y) AS avg_y, sum(CASE WHEN x < 0 THEN 1 ELSE 0 END) AS negative
FROM samples GROUP BY k, epoch(ts) / 120000000 ORDER BY 2, 1;
