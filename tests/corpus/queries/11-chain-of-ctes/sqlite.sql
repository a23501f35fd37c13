WITH known AS (SELECT rowid AS line, sensor, celsius FROM measures WHERE celsius IS NOT NULL),
converted AS (SELECT line, sensor AS name, celsius * 1.8 + 32 AS fahrenheit FROM known),
hot AS (SELECT line, upper(name) AS name, round(fahrenheit) AS degrees FROM converted WHERE fahrenheit > 100)
SELECT name, degrees, degrees > 200 AS "boiling:bool" FROM hot WHERE name <> 'C' ORDER BY line;
