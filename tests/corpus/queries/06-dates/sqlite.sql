SELECT id, iso(epoch(moment)) AS moment,
    iso(epoch(moment) - (epoch(moment) % 3600000000 + 3600000000) % 3600000000) AS hour,
    iso(epoch(moment) + 36 * 3600000000) AS later,
    CAST(substr(iso(epoch(moment)), 1, 4) AS INTEGER) AS year,
    CAST(substr(iso(epoch(moment)), 6, 2) AS INTEGER) AS month,
    CAST(substr(iso(epoch(moment)), 9, 2) AS INTEGER) AS day
FROM events WHERE epoch(moment) >= epoch('1969-12-31T00:00:00') ORDER BY rowid;
