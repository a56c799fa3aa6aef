"""The command line as a process of its own, at a bench."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from tests.process.bench import Bench
from worker.embedded.service import clean_environ

PROGRAM = "from worker.cli import main; main()"
"""What the console script does."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What a program would read."""
        return json.loads(self.out)


async def type_in(bench: Bench, *words: str, stdin: str = "") -> Said:
    """Run one command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environ() | {"REDIS_URL": bench.stack.redis.url},
    )
    try:
        out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Said(process.returncode or 0, out.decode(), err.decode())
