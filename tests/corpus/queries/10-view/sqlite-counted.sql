SELECT iso(epoch(ts) / 120000000 * 120000000) AS start, count(*) AS visits, sum(bytes / 1000.0) AS kilobytes
FROM visits WHERE bytes >= 1000 GROUP BY epoch(ts) / 120000000 ORDER BY 1;
