SELECT iso(epoch(written) / 20000000 * 20000000) AS "window.start", iso(epoch(written) / 20000000 * 20000000 + 20000000) AS "window.end",
    count(*) AS letters, min(n) AS first, max(n) AS last
FROM letters GROUP BY epoch(written) / 20000000 ORDER BY 1;
