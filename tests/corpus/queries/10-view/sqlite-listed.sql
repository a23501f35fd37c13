SELECT who, bytes / 1000.0 AS kilobytes FROM visits WHERE bytes >= 1000 AND who <> 'bob' ORDER BY rowid;
