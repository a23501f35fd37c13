SELECT iso(epoch(t)) AS t, s, v FROM sensors WHERE v > 95 OR v < -95 ORDER BY rowid;
