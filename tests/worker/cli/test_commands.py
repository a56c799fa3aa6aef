"""The command line as a whole: which commands there are, and what calling one brings in."""

import subprocess
import sys

from typer.testing import CliRunner

from worker.cli import app

_LOADED_BY_RUN = """
import sys
from worker.cli import main
try:
    main(["run", "--help"])
except SystemExit as left:
    print(*sys.modules, sep="\\n", file=sys.stderr)
    sys.exit(left.code)
"""
NOT_FOR_THE_DAEMON = {
    *("worker.cli.demo", "worker.cli.eval", "worker.cli.check", "worker.cli.dead"),
    *("worker.evaluation.dataset", "worker.embedded.stack", "fakeredis"),
    # For one job type each, or for the child that draws pages.
    *("jsonschema", "re2", "pypdfium2"),
    "jinja2",  # for whoever looks at the page
}


def test_the_daemon_carries_only_what_it_needs() -> None:
    """`llm-worker run` imports no other command and nothing large that most workers never use."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED_BY_RUN], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "worker.app" in loaded
    assert not loaded & NOT_FOR_THE_DAEMON


def test_the_help_names_every_command() -> None:
    """Though none of them is imported before it is called for."""
    said = CliRunner().invoke(app, ["--help"]).output
    names = ("run", "enqueue", "check", "demo", "eval", "dead")
    assert all(f" {name} " in said for name in names)


def test_a_slip_of_the_pen_is_told_what_was_meant() -> None:
    """A command that is not there ends with 2, and with the one that is nearest."""
    result = CliRunner().invoke(app, ["enqueu"])
    assert result.exit_code == 2
    assert "'enqueue'" in result.output
