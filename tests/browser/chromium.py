"""Debian's Chromium without a screen: found, started, and watched while it shows a page."""

import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from worker.embedded.service import clean_environ

if TYPE_CHECKING:  # there is no wheel of it for every machine
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Request

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000
"""How long what must come is waited for; what is there already costs nothing."""
REBOUND = "rebound.test"
"""A name that leads to this machine, as a stranger can have one of his lead here."""
_RULES = f"MAP {REBOUND} 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
_OPTIONS = (f"--host-resolver-rules={_RULES}", "--disable-dev-shm-usage")


def find_chromium(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The browser's program on PATH, if there is one."""
    for name in NAMES:
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            return Path(found)
    return None


def why_not() -> str:
    """What is missing to look at a page here; empty if nothing is."""
    if find_spec("playwright") is None:
        return "playwright has no wheel for this machine"
    return "" if find_chromium() else f"no {' or '.join(NAMES)} on PATH"


IN_CHROMIUM = (
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.asyncio(loop_scope="module"),  # a browser lives on the loop that started it
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is one"),
)
"""The marks of every file of tests here."""


@asynccontextmanager
async def running() -> "AsyncGenerator[Browser]":
    """A browser that knows one name of all, in the sandbox that it can only have when not root."""
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(),
            args=list(_OPTIONS),
            chromium_sandbox=os.geteuid() != 0,
            env=dict(clean_environ()),
            timeout=2 * PATIENCE_MS,
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Seen:
    """What a browser did and complained of.

    Attributes:
        complaints: errors and warnings of its console, broken content policies among them, and
            exceptions that no script caught.
        refused: answers that were no success, as the console has them.
        dialogs: what popped up; a script of ours never does that, one that was smuggled in may.
        urls: every address that was asked for.

    No slots: playwright keeps its wrappers of these methods here.
    """

    complaints: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    dialogs: list[str] = field(default_factory=list[str])
    urls: list[str] = field(default_factory=list[str])

    def watch(self, context: "BrowserContext") -> None:
        """Write down what happens from now on."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def nothing_odd(self) -> None:
        """Fail if anything was complained of, popped up, or was asked for elsewhere."""
        assert self.complaints == []
        assert self.dialogs == []
        assert {urlsplit(url).hostname for url in self.urls} <= {"127.0.0.1"}

    def _console(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            is_answer = message.text.startswith("Failed to load resource")
            (self.refused if is_answer else self.complaints).append(message.text)

    async def _dialog(self, dialog: "Dialog") -> None:
        self.dialogs.append(f"{dialog.type}: {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: "Request") -> None:
        self.urls.append(request.url)
