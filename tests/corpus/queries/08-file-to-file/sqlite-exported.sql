SELECT id AS number, label AS name, share, CAST(id AS TEXT) AS id FROM members WHERE label IS NOT NULL ORDER BY rowid;
