"""The command line: one file per command.

Each is imported when it is called for: the daemon has no use for what the others bring, and it
would carry that for as long as it runs.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

_COMMANDS = {
    "run": ("run", "run"),
    "enqueue": ("enqueue", "enqueue"),
    "status": ("status", "status"),
    "top": ("top", "top"),
    "workers": ("status", "workers"),
    "job": ("job", "job"),
    "pause": ("pause", "pause"),
    "resume": ("pause", "resume"),
    "cancel": ("cancel", "cancel"),
    "check": ("check", "check"),
    "demo": ("demo", "demo"),
    "eval": ("eval", "evaluate"),
    "dead": ("dead", "dead"),
}
"""What is called for; the module in this package, and the command's name in there."""


class Commands(TyperGroup):
    """The commands, each there once somebody asks for it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, for the help."""
        self._bring(_COMMANDS)
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; None where there is none."""
        # After a slip of the pen all of them are there, for the one that was meant to be named.
        self._bring([cmd_name] if cmd_name in _COMMANDS else _COMMANDS)
        return super().get_command(ctx, cmd_name)

    def _bring(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.commands:
                self.commands[name] = get_command(_typer_of(name))


def _typer_of(name: str) -> typer.Typer:
    module, attribute = _COMMANDS[name]
    found = getattr(import_module(f"{__name__}.{module}"), attribute)
    if isinstance(found, typer.Typer):  # commands of its own
        return found
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return alone


app = typer.Typer(
    name="llm-worker",
    cls=Commands,
    help="Takes LLM jobs off Redis Streams and carries the results to a Core REST API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _any_command() -> None:
    """Without one of its own, typer looks for commands here."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process."""
    sys.exit(app(args=args, prog_name="llm-worker"))
