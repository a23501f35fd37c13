SELECT id, city, 'north' AS side FROM north WHERE id > 1
UNION ALL SELECT id, city, 'south' AS side FROM south WHERE heat > 20 OR heat IS NULL
UNION ALL SELECT id, CAST(NULL AS TEXT) AS city, 'again' AS side FROM south;
