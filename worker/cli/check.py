"""`llm-worker check`: everything the worker needs, each finding with what to do about it."""

import asyncio
import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from shared.config import ConfigError
from worker.cli.check_model import model_findings
from worker.cli.check_redis import redis_findings
from worker.cli.finding import Finding, Verdict
from worker.cli.grid import Grid
from worker.cli.settings import fail, settings_or_exit
from worker.cli.words import console, grid, shown
from worker.config import LogLevel, Settings
from worker.core_api_client import CoreApiClient
from worker.errors import Halt, JobError, Snooze
from worker.observability.logs import configure
from worker.outside import read_files


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at settings, Redis, Core, the model server and the image folder.

    Exit codes: 0 nothing failed (warnings allowed), 1 something did, 2 the settings are wrong.
    """
    settings = settings_or_exit()
    try:
        read_files(settings)
    except ConfigError as error:
        fail(f"these settings cannot work:\n  {error}")
    configure(LogLevel.ERROR, settings.log_format)  # the findings say it all
    findings = asyncio.run(_findings(settings))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        console().print(_table(findings))
    raise typer.Exit(any(finding.verdict is Verdict.FAILED for finding in findings))


async def _findings(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", Verdict.OK, "every value is allowed")]
    findings += [finding async for finding in redis_findings(settings)]
    findings.append(await _core(settings))
    findings += [finding async for finding in model_findings(settings)]
    findings.append(_image_folder(settings))
    return findings


async def _core(settings: Settings) -> Finding:
    core = CoreApiClient(
        settings.core_api_url, token=settings.core_api_token.get_secret_value(), timeout_s=5
    )
    try:
        await core.ping()
    except Snooze as error:
        return Finding("core", Verdict.FAILED, str(error), error.fix)
    except Halt as error:
        return Finding("core", Verdict.FAILED, str(error), "correct CORE_API_URL")
    except JobError as error:
        return Finding("core", Verdict.FAILED, str(error), "it fails by itself: see Core's log")
    finally:
        await core.close()
    return Finding("core", Verdict.OK, f"{settings.core_api_url} answers")


def _image_folder(settings: Settings) -> Finding:
    folder = settings.image_storage_path
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        return Finding("image folder", Verdict.OK, str(folder))
    found = "may not be read" if folder.is_dir() else "is not there"
    fix = "mount it, or correct IMAGE_STORAGE_PATH (only image_tag and document need it)"
    return Finding("image folder", Verdict.WARNING, f"{folder} {found}", fix)


def _table(findings: list[Finding]) -> Grid:
    colours = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
    table = grid("", "what", "found", "what to do")
    for finding in findings:
        mark = f"[{colours[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(mark, *map(shown, (finding.what, finding.found, finding.fix)))
    return table
