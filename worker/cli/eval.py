"""`llm-worker eval`: how good the answers are, over sets of cases with known answers."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import RenderableType
from rich.progress import Progress

from worker.cli.settings import fail, settings_or_exit
from worker.cli.words import console
from worker.config import Settings
from worker.errors import Halt, Snooze
from worker.evaluation.comparing import compare
from worker.evaluation.dataset import DatasetError, Kind, read_dataset
from worker.evaluation.date_outcomes import score_dates
from worker.evaluation.report import (
    CaseOutcome,
    Report,
    ReportError,
    RunSettings,
    read_report,
    write_report,
)
from worker.evaluation.running import Running, Terms
from worker.evaluation.sheet import Sheet, Witnessed
from worker.evaluation.sources import sources_of
from worker.evaluation.summary import summarise
from worker.evaluation.tables import comparison_tables, report_tables
from worker.handlers import HANDLERS
from worker.lifecycle import ExitCode
from worker.llm.preflight import Preflight
from worker.llm.router import Router
from worker.model_side import build_llm
from worker.observability.logs import configure


def evaluate(
    datasets: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATASET]…", help="Folders, such as evaluation/text_tag."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write a report of every case to this file.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Run only so many cases of each set, the first.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1_000, help="Cases at once.")] = 8,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Run each case so often.")] = 1,
    attempts: Annotated[
        int, typer.Option(min=1, max=100, help="Tries of a case that fails in a passing way.")
    ] = 1,
    fail_under: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Exit with 1 when a set scores below this."),
    ] = None,
    reports: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Instead: two reports, the older one first."),
    ] = None,
) -> None:
    """Run job types over cases with known answers, and score what comes.

    The provider is the one of the settings. Nothing is written to Redis or Core.

    Exit codes: 0 done, 1 the model server is away or a score is below --fail-under, 2 a set, a
    report or a setting is wrong, 3 halted (bad key, unknown model), 130 Ctrl-C.
    """
    if reports is not None:
        if datasets:
            fail("--compare takes two reports and no sets")
        console().print(_compared(*reports))
        return
    sheets = _sheets(datasets or [])
    _check_writable(json_file)
    settings = settings_or_exit()
    configure(settings.log_level, settings.log_format, sys.stderr)
    terms = Terms(
        text_timeout_s=settings.llm_timeout_s,
        vision_timeout_s=settings.llm_vision_timeout_s,
        concurrency=concurrency,
        attempts=attempts,
        repeat=repeat,
        limit=limit,
    )
    stopped, code = _run(sheets, settings, terms)
    report = _report(sheets, settings, terms, stopped)
    out = console()
    out.print(report_tables(report, out.width))
    if json_file is not None:
        _write(report, json_file)
    if stopped:
        fail(stopped, code)
    low = _below(report, fail_under)
    if low:
        fail(f"below {fail_under:g}: {', '.join(low)}", ExitCode.CRASHED)


def _sheets(folders: Sequence[Path]) -> list[Sheet]:
    if not folders:
        fail("name a folder of cases, such as evaluation/text_tag")
    try:
        sheets = [Sheet(read_dataset(folder)) for folder in folders]
    except DatasetError as error:
        fail(str(error))
    names = [sheet.dataset.name for sheet in sheets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fail(f"two sets are called {twice[0]}: run them one by one")
    return sheets


def _run(sheets: Sequence[Sheet], settings: Settings, terms: Terms) -> tuple[str, int]:
    """Run the sets one after the other; why it ended early, if it did, and the exit code."""
    try:
        asyncio.run(_run_all(sheets, settings, terms))
    except Snooze as error:
        return f"stopped: the model server is away or has no room: {error}", ExitCode.CRASHED
    except Halt as error:
        return f"stopped: {error}", ExitCode.HALTED
    except KeyboardInterrupt:
        return "stopped by Ctrl-C", ExitCode.FORCED
    return "", ExitCode.DRAINED


async def _run_all(sheets: Sequence[Sheet], settings: Settings, terms: Terms) -> None:
    asking = [sheet for sheet in sheets if sheet.dataset.about.kind is not Kind.DATES]
    for sheet in sheets:
        if sheet not in asking:
            sheet.outcomes += score_dates(sheet.dataset, terms.limit)
    if not asking:
        return
    seats = max(settings.worker_concurrency, terms.concurrency)
    # Without fallbacks: the figures are to be those of the model that was named.
    alone = {"worker_concurrency": seats, "llm_fallbacks": ()}
    router = build_llm(settings.model_copy(update=alone))
    try:
        await _preflight(router, settings, asking).start()
        for sheet in asking:
            await _run_one(sheet, router, settings, terms)
    finally:
        await router.close()


async def _run_one(sheet: Sheet, router: Router, settings: Settings, terms: Terms) -> None:
    dataset = sheet.dataset
    total = len(dataset.cases[: terms.limit]) * terms.repeat
    errors = console(stderr=True)
    with (
        sources_of(dataset.folder, settings) as sources,
        Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress,
    ):
        row = progress.add_task(dataset.name, total=total)

        def done(outcome: CaseOutcome) -> None:
            sheet.outcomes.append(outcome)
            progress.advance(row)

        await Running(Witnessed(router, sheet), sources, terms, done).run(dataset)


def _preflight(router: Router, settings: Settings, sheets: Sequence[Sheet]) -> Preflight:
    types = {case.job_type for sheet in sheets for case in sheet.dataset.cases}
    roles = dict.fromkeys(HANDLERS[name].role for name in sorted(types))
    return Preflight(
        router, list(roles), canary=settings.llm_canary, structure=settings.llm_structure
    )


def _report(sheets: Sequence[Sheet], settings: Settings, terms: Terms, stopped: str) -> Report:
    return Report(
        made_at=datetime.now(UTC),
        stopped=stopped,
        settings=RunSettings(
            provider=str(settings.llm_provider),
            servers=_servers(settings),
            text_model=settings.llm_text_model,
            vision_model=settings.llm_vision_model,
            structure=str(settings.llm_structure),
            fallbacks=tuple(
                f"{each.provider}/{each.text_model}" for each in settings.llm_fallbacks
            ),
            timeout_s=terms.text_timeout_s,
            vision_timeout_s=terms.vision_timeout_s,
            concurrency=terms.concurrency,
            attempts=terms.attempts,
            repeat=terms.repeat,
            limit=terms.limit,
        ),
        sets=tuple(sheet.report() for sheet in sheets),
    )


def _servers(settings: Settings) -> tuple[str, ...]:
    """The addresses that were set, bare of everything else; none for a provider's own."""
    said = "llm_base_url" in settings.model_fields_set
    return tuple(urlsplit(url).netloc.rpartition("@")[2] for url in settings.llm_base_url if said)


def _below(report: Report, fail_under: float | None) -> list[str]:
    if fail_under is None:
        return []
    return [each.name for each in report.sets if summarise(each).score < fail_under]


def _compared(before: Path, after: Path) -> RenderableType:
    try:
        return comparison_tables(compare(read_report(before), read_report(after)))
    except ReportError as error:
        fail(str(error))


def _check_writable(file: Path | None) -> None:
    """Before the first token is paid for, not after the last."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        fail(f"--json: {file} cannot be written")


def _write(report: Report, file: Path) -> None:
    try:
        write_report(report, file)
    except OSError as error:
        fail(f"--json: {file} cannot be written: {error.strerror}", ExitCode.CRASHED)
