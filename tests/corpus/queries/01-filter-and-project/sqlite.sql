SELECT id, customer AS who, amount * 2.0 AS twice, note FROM orders WHERE amount > 0 ORDER BY rowid;
