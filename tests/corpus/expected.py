"""Works out the expected rows of the corpus with another engine: sqlite, on the same input files.

For each `sqlite.sql` (and `sqlite-NAME.sql`) in a folder of `queries` it writes `expected.json` (and `expected-NAME.json`). The input
files of the folder are tables of their names, with `rowid` as the number of the line. Queries whose rows depend on the parallelism
have a table `subtasks` to depend on, and get a second file for a parallelism of 4.

A column `a.b` of the result is the member `b` of an object `a`, and a column `a:bool` is true or false.

    python3 expected.py            writes what differs, and says so
    python3 expected.py --check    writes nothing, and fails if anything differs
"""

import json
import pathlib
import sqlite3
import sys
from datetime import datetime, timedelta, timezone

QUERIES = pathlib.Path(__file__).parent / "queries"
EPOCH = datetime(1970, 1, 1)


def epoch(text):
    """Microseconds since 1970 of a timestamp in an input file."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return (time - EPOCH) // timedelta(microseconds=1)


def iso(microseconds):
    """A timestamp as it stands in a row: a fraction of 3 or 6 digits, or none."""
    if microseconds is None:
        return None
    time = EPOCH + timedelta(microseconds=microseconds)
    if time.microsecond == 0:
        return time.isoformat()
    return time.isoformat(timespec="microseconds" if time.microsecond % 1000 else "milliseconds")


def database(folder, parallelism):
    connection = sqlite3.connect(":memory:")
    connection.create_function("epoch", 1, epoch, deterministic=True)
    connection.create_function("iso", 1, iso, deterministic=True)
    # sqlite's own know ASCII alone.
    connection.create_function("upper", 1, lambda text: text and text.upper(), deterministic=True)
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.execute("CREATE TABLE subtasks (value INTEGER)")
    connection.executemany("INSERT INTO subtasks VALUES (?)", [(index,) for index in range(parallelism)])
    for path in sorted(folder.glob("*.json")):
        if not path.name.startswith(("expected", "refused")):
            load(connection, path)
    return connection


def load(connection, path):
    rows = [json.loads(line) for line in path.read_text().split("\n") if line]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return
    # No types: a value is what it is in the file.
    connection.execute(f'CREATE TABLE "{path.stem}" ({", ".join(columns)})')
    places = ", ".join("?" * len(columns))
    values = [[row.get(name) for name in columns] for row in rows]
    connection.executemany(f'INSERT INTO "{path.stem}" VALUES ({places})', values)


def result(connection, sql):
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    lines = []
    for values in cursor:
        row = {}
        for name, value in zip(names, values):
            if name.endswith(":bool"):
                name, value = name.removesuffix(":bool"), value if value is None else bool(value)
            outer, _, inner = name.partition(".")
            if inner:
                row.setdefault(outer, {})[inner] = value
            else:
                row[outer] = value
        lines.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(lines)


def main():
    check = "--check" in sys.argv[1:]
    different = []
    for sql in sorted(QUERIES.glob("*/sqlite*.sql")):
        folder, stem = sql.parent, sql.stem.replace("sqlite", "expected", 1)
        one = result(database(folder, 1), sql.read_text())
        files = {f"{stem}.json": one}
        four = result(database(folder, 4), sql.read_text())
        if four != one:
            files[f"{stem}.parallelism-4.json"] = four
        for name, text in files.items():
            path = folder / name
            if not path.exists() or path.read_text() != text:
                different.append(path.relative_to(QUERIES))
                if not check:
                    path.write_text(text)
    for path in different:
        print(path, "differs" if check else "written")
    sys.exit(check and bool(different))


main()
