"""Makes the input of the query of five thousand rows, always the same."""

import json
import pathlib
import random
from datetime import datetime, timedelta

ROWS = 5000
SENSORS = 12


def main() -> None:
    random.seed(19)
    time = datetime(2024, 3, 1, 6)
    lines = []
    for _ in range(ROWS):
        time += timedelta(seconds=random.choice([0, 0, 1, 1, 1, 1, 1]))
        late = timedelta(seconds=random.choice([0, 0, 0, 1]))
        row = {
            "t": (time - late).isoformat(),
            "s": random.randrange(SENSORS),
            "v": random.choice([None, *[random.randrange(-100, 101)] * 19]),
        }
        lines.append(json.dumps(row, separators=(",", ":")) + "\n")
    folder = pathlib.Path(__file__).parent / "queries" / "19-five-thousand-rows"
    (folder / "sensors.json").write_text("".join(lines))


main()
