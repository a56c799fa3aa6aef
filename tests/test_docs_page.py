"""What docs/page.md says of the page is what the page is."""

import asyncio
import re
from pathlib import Path

import pytest

from shared.config import load_settings
from worker.config import Settings
from worker.operations.graveyard import LOOK_AT
from worker.page.changes import VIEWERS_MAX
from worker.page.looking import PATIENCE_S
from worker.page.opening import open_page
from worker.page.sessions import LASTS_S
from worker.page.tries import FEW
from worker.page.views import A_PAGE, BULK_MOST
from worker.steering.roster import WorkerFacts

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/page.md").read_text(encoding="utf-8")


def _routes() -> set[str]:
    """The addresses in the table, each with its methods."""
    found = re.findall(r"^\| `((?:GET|POST) [^`]+)`", TEXT, re.MULTILINE)
    return {route.partition(" ")[2] for route in found}


async def test_every_address_is_explained() -> None:
    """No row is missing and none is left over."""
    settings = load_settings(Settings, _env_file=None, redis_url="redis://127.0.0.1:1")
    room = open_page(settings, "me", WorkerFacts, asyncio.Event())
    await room.close()
    found = {re.sub(r"\{letter:[^/]*\}", "LETTER", route.path) for route in room.routes}
    assert {path for path in found if "tail" not in path} == _routes()


@pytest.mark.parametrize(
    "said",
    [
        f"newest first, {A_PAGE} a page",
        f"{BULK_MOST:,}\nletters are put back",
        f"among the newest {LOOK_AT:,}",
        f"{VIEWERS_MAX} viewers of one worker",
        "for twelve hours" if LASTS_S == 12 * 3_600 else "-",
        "after five wrong tokens a minute" if FEW == 5 else "-",
        "given\nfour seconds" if PATIENCE_S == 4 else "-",
    ],
)
def test_the_bounds_are_those_in_the_code(said: str) -> None:
    """Word for word."""
    assert said in TEXT
