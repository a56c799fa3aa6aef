"""What the run itself did and saw, line by line beside the workers' logs, for whoever asks why."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

NAME = "chaos.log"


class Journal:
    """Appends lines to a file; close it when the run is over."""

    def __init__(self, folder: Path) -> None:
        self._file: TextIO = (folder / NAME).open("a", encoding="utf-8", buffering=1)

    def note(self, event: str, **fields: object) -> None:
        """One line, as a worker would log it."""
        stamp = datetime.now(UTC).isoformat(timespec="microseconds")
        line = fields | {"event": event, "timestamp": stamp.replace("+00:00", "Z")}
        self._file.write(json.dumps(line, default=str) + "\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()
