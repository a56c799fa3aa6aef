"""`llm-worker check`: everything the worker needs, each finding with what to do about it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, cast

import typer
from redis.exceptions import BusyLoadingError, RedisError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.config import ConfigError
from shared.redis_streams import Keys
from worker.cli.settings import fail, printable, settings_or_exit
from worker.config import LogLevel, Settings
from worker.core_api_client import CoreApiClient
from worker.core_errors import CoreAway
from worker.errors import Halt, JobError
from worker.llm.observing import Unlimited
from worker.llm.replica import Replica
from worker.llm.router import Router, Upstream
from worker.llm_config import StructureName
from worker.model_side import build_llm, build_preflight
from worker.observability.logs import configure
from worker.operations.refused_writes import RefusedWrites, refused_writes, remedy
from worker.outside import read_files
from worker.queue.redis_capabilities import extras
from worker.queue.redis_clients import FATAL, CommandClient, connect, describe
from worker.queue.redis_connections import NotNow


class Verdict(StrEnum):
    """How a finding stands."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    fix: str = ""


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
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
        Console().print(_table(findings))
    raise typer.Exit(any(finding.verdict is Verdict.FAILED for finding in findings))


async def _findings(settings: Settings) -> list[Finding]:
    findings = [Finding("settings", Verdict.OK, "every value is allowed")]
    findings += [finding async for finding in _redis(settings)]
    findings.append(await _core(settings))
    findings += [finding async for finding in _models(settings)]
    findings.append(_image_folder(settings))
    return findings


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    keys = Keys(settings.llm_stream_prefix)
    clients = connect(settings.redis_url, key=keys.dead)
    try:
        info = cast("Mapping[str, Any]", await clients.commands.execute_command("INFO"))
        yield _version(info)
        refused = await refused_writes(clients.commands, keys)
        yield _writes(refused)
        for name, good, fix in (
            ("maxmemory-policy", ("noeviction",), "else streams vanish when memory is full"),
            ("appendonly", ("yes",), "else a crash of Redis loses the queue"),
        ):
            yield await _option(clients.commands, name, good, fix)
        if refused is None:  # they are asked for with what could be writes
            yield await _extras(clients.commands, keys)
    except (RedisError, OSError) as error:
        yield Finding("redis", Verdict.FAILED, describe(error), _redis_fix(error))
    finally:
        await clients.close()


def _redis_fix(error: Exception) -> str:
    if isinstance(error, FATAL):
        return "correct the login in REDIS_URL, or the rights of its user (docs/redis.md)"
    if isinstance(error, BusyLoadingError):
        return "wait: it reads its files, and answers when it has"
    if isinstance(error, NotNow):
        return remedy(str(error).partition(" ")[0])
    return "start Redis, or correct REDIS_URL"


def _writes(refused: RefusedWrites | None) -> Finding:
    """Whether workers can write down what they have done."""
    if refused is None:
        return Finding("redis writes", Verdict.OK, "taken")
    return Finding("redis writes", Verdict.FAILED, refused.found, refused.fix)


def _version(info: Mapping[str, Any]) -> Finding:
    if "valkey_version" in info:
        return Finding("redis", Verdict.OK, f"Valkey {info['valkey_version']} answers")
    version = str(info.get("redis_version", "0"))
    major, minor = (int(part) for part in (version + ".0").split(".")[:2])
    if (major, minor) < (6, 2):
        return Finding("redis", Verdict.FAILED, f"Redis {version}", "upgrade to 6.2 or newer")
    return Finding("redis", Verdict.OK, f"Redis {version} answers")


async def _extras(client: CommandClient, keys: Keys) -> Finding:
    there = [name for name, present in (await extras(client, keys)).items() if present]
    return Finding("newer commands", Verdict.OK, f"{', '.join(there) or 'none'} (none is needed)")


async def _option(client: CommandClient, name: str, good: tuple[str, ...], why: str) -> Finding:
    try:
        reply = cast("Sequence[bytes]", await client.execute_command("CONFIG", "GET", name))
    except RedisError:
        return Finding(name, Verdict.WARNING, "this user may not read it", f"check it, {why}")
    value = reply[1].decode() if len(reply) > 1 else "?"  # name and value, side by side
    if value in good:
        return Finding(name, Verdict.OK, value)
    return Finding(name, Verdict.WARNING, value, f"CONFIG SET {name} {good[0]}: {why}")


async def _core(settings: Settings) -> Finding:
    core = CoreApiClient(
        settings.core_api_url, token=settings.core_api_token.get_secret_value(), timeout_s=5
    )
    try:
        await core.ping()
    except CoreAway as error:
        return Finding("core", Verdict.FAILED, str(error), error.fix)
    except Halt as error:
        return Finding("core", Verdict.FAILED, str(error), "correct CORE_API_URL")
    except JobError as error:
        return Finding("core", Verdict.FAILED, str(error), "it fails by itself: see Core's log")
    finally:
        await core.close()
    return Finding("core", Verdict.OK, f"{settings.core_api_url} answers")


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    router = build_llm(settings)
    try:
        for upstream in router.upstreams:
            for replica in upstream.replicas:
                yield await _server(settings, replica)
    finally:
        await router.close()


async def _server(settings: Settings, replica: Replica) -> Finding:
    """What the daemon looks at when it starts, for one server by itself."""
    what = f"model server {replica.provider} {replica.server}"
    only = Upstream(replica.provider, replica.models, [replica])
    alone = Router([only], Unlimited(), lambda: 0.0)
    try:
        await build_preflight(settings, alone).check(replica)
    except Halt as error:
        return Finding(what, Verdict.FAILED, str(error), "correct the settings it names")
    except JobError as error:
        fix = "start the model server, or correct LLM_BASE_URL or LLM_PROVIDER"
        return Finding(what, Verdict.FAILED, str(error), fix)
    asked = settings.llm_structure
    shaped = replica.client.structure
    models = ", ".join(dict.fromkeys(replica.models.values()))
    if asked is StructureName.AUTO and shaped is not replica.preset.structure:
        fix = "its answers are checked all the same; see LLM_STRUCTURE"
        return Finding(what, Verdict.WARNING, f"{models}: output is not constrained", fix)
    return Finding(what, Verdict.OK, f"{models}, structure: {shaped}")


def _image_folder(settings: Settings) -> Finding:
    folder = settings.image_storage_path
    if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
        return Finding("image folder", Verdict.OK, str(folder))
    found = "may not be read" if folder.is_dir() else "is not there"
    fix = "mount it, or correct IMAGE_STORAGE_PATH (only image_tag and document need it)"
    return Finding("image folder", Verdict.WARNING, f"{folder} {found}", fix)


def _table(findings: list[Finding]) -> Table:
    colours = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for finding in findings:
        mark = f"[{colours[finding.verdict]}]{finding.verdict}[/]"
        found, fix = (escape(printable(text)) for text in (finding.found, finding.fix))
        table.add_row(mark, finding.what, found, fix)
    return table
