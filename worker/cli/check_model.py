"""What `llm-worker check` finds at the model servers.

One that is not there, one that takes connections and says nothing, and one that works and is slow
are to be mended differently; a call that failed looks much the same for all of them.
"""

from collections.abc import AsyncIterator

from worker.broken_connections import NOT_TAKEN
from worker.cli.finding import Finding, Verdict
from worker.config import Settings
from worker.errors import Halt, JobError
from worker.llm.causes import Cause, http_cause
from worker.llm.model_http import CONNECT_TIMEOUT_S
from worker.llm.observing import Unlimited
from worker.llm.preflight import CANARY_TIMEOUT_S
from worker.llm.replica import Replica
from worker.llm.router import Router, Upstream
from worker.llm_config import StructureName
from worker.model_side import build_llm, build_preflight

_SILENT_AFTER_S = CONNECT_TIMEOUT_S + 3
"""Longer than a connection may take: who is silent for so long has one."""
_START = "start the model server, or correct LLM_BASE_URL or LLM_PROVIDER"
_FAILS = "it answers, and cannot do it: see its log; or correct LLM_BASE_URL or LLM_PROVIDER"
_NOT_READY = "wait while it loads its model; if that lasts, see its log"
_BEHIND = "a proxy answers in its place: start the model server behind it"
_FIXES = {
    Cause.TIMEOUT: "it hangs: see its log and its graphics card, and restart it",
    http_cause(429): "it has too much to do, or too little was paid for: see its load and limits",
    http_cause(502): _BEHIND,
    http_cause(503): _NOT_READY,
    http_cause(504): _BEHIND,
    http_cause(529): "it has too much to do: see its load",
}
"""What to do, by what has become of asking for its health."""


async def model_findings(settings: Settings) -> AsyncIterator[Finding]:
    """One for each server that the settings name."""
    router = build_llm(settings)
    try:
        for upstream in router.upstreams:
            for replica in upstream.replicas:
                yield await server_finding(settings, replica)
    finally:
        await router.close()


async def server_finding(settings: Settings, replica: Replica) -> Finding:
    """What the daemon looks at when it starts, for one server by itself; its health first."""
    what = f"model server {replica.provider} {replica.server}"
    is_there = False
    try:
        await replica.client.ping(_SILENT_AFTER_S)
        is_there = True
        await build_preflight(settings, _alone(replica)).check(replica)
    except Halt as error:
        return Finding(what, Verdict.FAILED, str(error), "correct the settings it names")
    except JobError as error:
        found, fix = _trouble(error, is_there=is_there)
        return Finding(what, Verdict.FAILED, found, fix)
    asked = settings.llm_structure
    shaped = replica.client.structure
    models = ", ".join(dict.fromkeys(replica.models.values()))
    if asked is StructureName.AUTO and shaped is not replica.preset.structure:
        fix = "its answers are checked all the same; see LLM_STRUCTURE"
        return Finding(what, Verdict.WARNING, f"{models}: output is not constrained", fix)
    return Finding(what, Verdict.OK, f"{models}, structure: {shaped}")


def _alone(replica: Replica) -> Router:
    only = Upstream(replica.provider, replica.models, [replica])
    return Router([only], Unlimited(), lambda: 0.0)


def _trouble(error: JobError, *, is_there: bool) -> tuple[str, str]:
    """What was found, and what to do about it."""
    if error.cause == Cause.TIMEOUT and is_there:
        found = f"it is there, but did not answer a short question within {CANARY_TIMEOUT_S:g} s"
        return found, "it is slow, or has too much to do: see its load and its log"
    if error.cause == Cause.TIMEOUT:
        found = f"it takes the connection and says nothing within {_SILENT_AFTER_S:g} s"
        return found, _FIXES[Cause.TIMEOUT]
    if NOT_TAKEN in str(error):
        return str(error), _FIXES[Cause.TIMEOUT]
    other = _START if error.cause == Cause.CONNECTION_ERROR else _FAILS
    return str(error), _FIXES.get(error.cause, other)
