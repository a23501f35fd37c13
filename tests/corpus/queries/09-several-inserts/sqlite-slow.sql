SELECT id, millis FROM clicks WHERE millis > 1000 ORDER BY rowid;
