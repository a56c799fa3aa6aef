"""Settings for a command, or a message and exit code 2."""

from typing import Any, NoReturn

import typer

from shared.config import ConfigError, load_settings
from worker.config import Settings
from worker.lifecycle import ExitCode
from worker.operations.words import printable

__all__ = ["fail", "printable", "settings_or_exit"]


def settings_or_exit(**overrides: Any) -> Settings:
    """Read the settings; say what is wrong with them and leave when they cannot work."""
    try:
        return load_settings(Settings, **overrides)
    except ConfigError as error:
        fail("these settings cannot work:\n  " + str(error).replace("\n", "\n  "))


def fail(message: str, code: int = ExitCode.MISCONFIGURED) -> NoReturn:
    """Say on standard error why there is nothing more to do, and leave."""
    typer.echo(f"llm-worker: {printable(message)}", err=True)
    raise typer.Exit(code)
