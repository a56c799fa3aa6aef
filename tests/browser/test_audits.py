"""The audits find what they are for; else every view would pass them."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import audits
from tests.browser.chromium import IN_CHROMIUM

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = list(IN_CHROMIUM)
Audit = Callable[["Page"], Coroutine[Any, Any, list[str]]]
GOOD = """<style>:root { color-scheme: light dark } p { color: #555; background: #fff }</style>
<main aria-label=It><h1>Fine</h1><p>dark enough</p><label>Id <input style='height: 30px'></label>
<button style="min-height: 30px">Do it</button><a href=#a>There</a>
<div style="width: 200px; overflow-x: auto"><div style="width: 3000px">scrolls inside</div></div>
<p hidden style="color: white">unseen</p></main>"""
BAD: list[tuple[Audit, str, str]] = [
    (audits.faint_texts, "<p style='color: #888; background: #fff'>pale</p>", "3.54"),
    (audits.faint_texts, "<p style='color: rgb(0 0 0 / 40%); background: #fff'>thin</p>", "thin"),
    (audits.faint_texts, "<p style='color: oklch(70% 0 0)'>modern</p>", "modern"),
    (
        audits.faint_texts,
        "<div style='background: #222'><i style='color: #333'>dim</i></div>",
        "dim",
    ),
    (audits.nameless, "<button><svg></svg></button>", "- button"),
    (audits.nameless, "<input>", "- textbox"),
    (audits.nameless, "<select disabled><option>a</select>", "- combobox"),
    (audits.sideways, "<pre>" + "x" * 3_000 + "</pre>", "<pre>"),
    (audits.targets_too_small, "<button style='all: unset; font-size: 9px'>x</button>", "<button"),
]


@pytest.mark.parametrize(
    "audit",
    [audits.faint_texts, audits.nameless, audits.sideways, audits.targets_too_small],
    ids=lambda audit: audit.__name__,
)
async def test_a_good_page_passes(chromium: "Browser", audit: Audit) -> None:
    """Whatever notation its colours have, and though some of it scrolls in its own box."""
    page = await chromium.new_page()
    await page.set_content(GOOD)
    assert await audit(page) == []
    await page.close()


@pytest.mark.parametrize(("audit", "flaw", "said"), BAD, ids=range(len(BAD)))
async def test_a_flaw_is_found(chromium: "Browser", audit: Audit, flaw: str, said: str) -> None:
    """Each on its own, and named."""
    page = await chromium.new_page()
    await page.set_content(GOOD + flaw)
    [*found] = await audit(page)
    assert said in " ".join(found)
    await page.close()


async def test_focus_that_nobody_sees_is_noticed(chromium: "Browser") -> None:
    """An outline that a style sheet has taken away."""
    page = await chromium.new_page()
    await page.set_content("<button style='outline: none'>hidden</button><button>shown</button>")
    await page.keyboard.press("Tab")
    assert await audits.focused(page) == {"tag": "BUTTON", "name": "hidden", "seen": False}
    await page.keyboard.press("Tab")
    assert await audits.focused(page) == {"tag": "BUTTON", "name": "shown", "seen": True}
    await page.close()
