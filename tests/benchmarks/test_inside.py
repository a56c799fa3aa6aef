"""The daemon with a model and a Core inside its process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("memory", "--jobs", "1000"), "worker RSS"),
        (("overhead", "--jobs", "200", "--runs", "1"), "peak memory"),
    ],
)
def test_it_still_runs(words: tuple[str, ...], said: str) -> None:
    """Doubles fall behind what they stand for, and nobody sees it until somebody measures."""
    module, *options = words
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert said in done.stdout
