"""The command line: one file per command."""

import sys
from collections.abc import Sequence

import typer

from worker.cli.cancel import cancel
from worker.cli.check import check
from worker.cli.dead import dead
from worker.cli.demo import demo
from worker.cli.enqueue import enqueue
from worker.cli.eval import evaluate
from worker.cli.job import job
from worker.cli.pause import pause, resume
from worker.cli.run import run
from worker.cli.status import status, workers
from worker.cli.top import top

app = typer.Typer(
    name="llm-worker",
    help="Takes LLM jobs off Redis Streams and carries the results to a Core REST API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(enqueue)
app.command()(status)
app.command()(top)
app.command()(workers)
app.command()(job)
app.command()(pause)
app.command()(resume)
app.command()(cancel)
app.command()(check)
app.command()(demo)
app.command("eval")(evaluate)
app.add_typer(dead, name="dead")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process."""
    sys.exit(app(args=args, prog_name="llm-worker"))
