WITH timed AS (
    SELECT epoch(ts) / 60000000 AS minute, n,
        max(epoch(ts)) OVER (ORDER BY rowid ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 1000000 AS watermark
    FROM seconds
)
SELECT iso((minute + 1) * 60000000) AS minute, count(*) AS rows, sum(n) AS total
FROM timed WHERE (minute + 1) * 60000000 > watermark GROUP BY timed.minute ORDER BY 1;
