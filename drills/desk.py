"""What the trainee is told, and what the trainee types."""

from datetime import datetime

from rich.console import Console
from rich.markup import escape

from drills.answers import Answers
from drills.incidents import INCIDENTS
from drills.judging import choices
from drills.site import Site
from worker.cli.words import shown


class Desk:
    """A console and the answers that come back."""

    def __init__(self, console: Console, answers: Answers) -> None:
        self.console = console
        self.answers = answers

    def say(self, text: str) -> None:
        """A paragraph, in rich's markup."""
        self.console.print(text, highlight=False, soft_wrap=True)

    async def ask(self) -> str | None:
        """A line that was typed; None when there will be no more."""
        self.console.print("[bold]What is it?[/] ", end="")
        line = await self.answers.line()
        if not self.console.is_terminal:  # there the terminal itself shows what is typed
            self.say(shown(line or ""))
        return line

    def show_site(self, site: Site) -> None:
        """Where to look."""
        prometheus = site.prometheus
        alerts = f"{prometheus.url}/alerts" if prometheus else "not installed on this machine"
        pages = "  ".join(site.pages)
        logs = "  ".join(str(worker.log_file) for worker in site.workers)
        for name, value in (
            ("shell", f"source {site.env_file}"),
            ("", "then: llm-worker status, top, workers, check, job ID (docs/operations.md)"),
            ("pages", f"{pages}  token: {site.token}"),
            ("logs", logs),
            ("restarts", str(site.restarts_file)),
            ("alerts", alerts),
        ):
            self.say(f"  [bold]{name:<10}[/]{escape(value)}")

    def show_choices(self) -> None:
        """What can be answered."""
        for number, kind in enumerate(choices(), 1):
            self.say(f"  [bold]{number}[/]  {INCIDENTS[kind].name}")
        self.say("Type a number; [bold]look[/] to see addresses and list again; [bold]give up[/].")


def clock() -> str:
    """The time of day, as logs and people have it."""
    return f"{datetime.now().astimezone():%H:%M:%S}"
