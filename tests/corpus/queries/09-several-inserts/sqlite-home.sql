SELECT id, page FROM clicks WHERE page = '/' ORDER BY rowid;
