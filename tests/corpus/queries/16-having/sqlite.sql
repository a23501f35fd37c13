SELECT item, iso(epoch(ts) / 300000000 * 300000000) AS start, count(*) AS sales, sum(cents) AS cents
FROM (SELECT * FROM web UNION ALL SELECT * FROM shop)
GROUP BY item, epoch(ts) / 300000000 HAVING count(*) >= 9 AND sum(cents) > 4600 ORDER BY 2, 1;
