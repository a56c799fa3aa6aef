"""`python -m worker.processes PLAN`: the parent of several processes, and nothing else.

`llm-worker run` becomes it where there is to be more than one process. It takes no part in any job.
"""

import asyncio
import sys

import aiohttp
import structlog

from worker.clock import Clock
from worker.lifecycle import ExitCode, Shutdown, listening
from worker.observability.health_server import HealthServer
from worker.observability.logs import configure
from worker.processes.family import Family
from worker.processes.plan import Plan
from worker.processes.relay import Relay
from worker.processes.whole import Whole

log = structlog.get_logger("worker.processes")

_ASK_S = 5.0
"""More than a process gives a service that `/ready` asks for."""


def main() -> ExitCode:
    """Run the family of a plan; what the process ends with."""
    plan = Plan.from_json(sys.argv[1])
    configure(plan.log_level, plan.log_format)
    try:
        return asyncio.run(_run(plan))
    except OSError as error:
        taken = f"is WORKER_HEALTH_PORT={plan.health_port} taken?"
        print(f"llm-worker: cannot start: {error}; {taken}", file=sys.stderr)
        return ExitCode.MISCONFIGURED
    except Exception:
        log.exception("crashed")
        return ExitCode.CRASHED


async def _run(plan: Plan) -> ExitCode:
    shutdown = Shutdown()
    family = Family(plan.shares, plan.grace_s, shutdown, Clock())
    timeout, jar = aiohttp.ClientTimeout(total=_ASK_S), aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as session:
        whole = Whole(family.children, family.deaths, session, shutdown.drain.is_set)
        relay = Relay(family.children, session)
        host, port = plan.health_host, plan.health_port
        server = HealthServer(whole.pages(), host, port, relay.routes())
        with listening(shutdown.ask):
            port = await server.start()
            log.info("processes_started", processes=len(plan.shares), health_port=port)
            try:
                code = await family.run(session)
            finally:
                await server.stop()
    log.info("stopped", exit_code=int(code))
    return code


if __name__ == "__main__":
    sys.exit(main())
