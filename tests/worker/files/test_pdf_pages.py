"""The program that draws a page: how large it draws, and what it may take."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.files import pdf_pages
from worker.files.pdf_pages import SIDE_MAX_PT, SIDE_MAX_PX, Refused, Verdict, picture_size

A4 = (595.0, 842.0)
SIDES = st.floats(0.001, SIDE_MAX_PT, allow_nan=False)


@pytest.mark.parametrize(
    ("page", "pixels", "wanted"),
    [
        (A4, 1_048_576, (860, 1_218)),
        (A4, 100_000_000, (2_479, 3_508)),  # 300 dots per inch are enough for anybody
        ((72.0, 72.0), 1_048_576, (300, 300)),
        ((14_400.0, 1.0), 1_048_576, (16_384, 1)),
        ((14_400.0, 1.0), 4_096, (4_096, 1)),
    ],
)
def test_picture_size(page: tuple[float, float], pixels: int, wanted: tuple[int, int]) -> None:
    """As large as allowed, and no larger than print is."""
    assert picture_size(*page, pixels) == wanted


@given(SIDES, SIDES, st.integers(4_096, 100_000_000))
def test_picture_is_within_bounds(width_pt: float, height_pt: float, pixels: int) -> None:
    """Whatever shape a page has, its picture is something and not too much."""
    width, height = picture_size(width_pt, height_pt, pixels)
    assert 1 <= width <= SIDE_MAX_PX
    assert 1 <= height <= SIDE_MAX_PX
    assert width * height <= pixels


@pytest.mark.parametrize(
    "page", [(0.0, 9.0), (-1.0, 9.0), (math.nan, 9.0), (9.0, math.nan), (9.0, math.inf)]
)
def test_no_paper(page: tuple[float, float]) -> None:
    """A size that is no size is refused."""
    with pytest.raises(Refused) as caught:
        picture_size(*page, 1_000_000)
    assert caught.value.verdict is Verdict.PAGE_TOO_LARGE


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_limits() -> None:
    """The process may not dump core, write files, take more memory or time, or outlive us."""
    ask = (
        "import json, resource, runpy; pages = runpy.run_path({path!r}); "
        "pages['limit_process'](pages['Order']({parent}, 1, 1, 1, 2**30, 7)); "
        "print(json.dumps({{name: resource.getrlimit(getattr(resource, name)) for name in "
        "('RLIMIT_CORE', 'RLIMIT_FSIZE', 'RLIMIT_NPROC', 'RLIMIT_CPU', 'RLIMIT_AS')}}))"
    )
    path = str(Path(pdf_pages.__file__))

    def run(parent: int) -> subprocess.CompletedProcess[bytes]:
        code = ask.format(path=path, parent=parent)
        return subprocess.run(
            [sys.executable, "-I", "-c", code], check=False, stdout=subprocess.PIPE
        )

    limits = json.loads(run(os.getpid()).stdout)
    assert list(limits.values()) == [[0, 0], [0, 0], [0, 0], [7, 7], [2**30, 2**30]]
    orphan = run(os.getpid() + 1)  # it was somebody else's child when it began
    assert (orphan.returncode, orphan.stdout) == (1, b"")


def test_starts_alone() -> None:
    """It needs nothing of ours, so that it starts quickly and knows little."""
    code = f"import runpy, sys; runpy.run_path({pdf_pages.__file__!r}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    rooms = {name.partition(".")[0] for name in done.stdout.split()}
    assert not rooms & {"worker", "shared", "asyncio", "pydantic", "pypdfium2"}
