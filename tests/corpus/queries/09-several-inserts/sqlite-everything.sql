SELECT id FROM clicks ORDER BY rowid;
