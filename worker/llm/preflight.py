"""Looking at the model servers before they are needed: there, with our models, holding a schema?

Some servers take `response_format` with a 200 and ignore it. One tiny question tells: asked for a
story, a server that constrains its output can only name a colour.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from worker.errors import Halt, JobError, Reject
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, ModelRole, Prompt
from worker.llm.errors import unknown_model
from worker.llm.json_text import extract_json
from worker.llm.replica import Replica
from worker.llm.router import Router
from worker.llm_config import StructureName

log = structlog.get_logger(__name__)

CANARY = "canary"
"""The schema name, and first part of the request id, of the question."""
CANARY_TIMEOUT_S = 30.0
LOOK_EVERY_S = 5.0
FIRST_LOOK_S = 40.0
"""Less than it takes until the worker is thought to be stuck: jobs may wait, the start may not."""
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
_SONG = ChatRequest(
    prompt=Prompt("You are a storyteller.", "Tell me a story about the sea."),
    schema_name=CANARY,
    schema=_SCHEMA,
    max_tokens=64,
    timeout_s=CANARY_TIMEOUT_S,
    request_id=CANARY,
    priority=1,  # a server that does not take one shows it now, and not with a job
)
_FITTING = {f'{{"colour":"{colour}"}}' for colour in ("red", "green", "blue")}


class Preflight:
    """Checks every server once, and again while it is away.

    Args:
        router: whose servers.
        canary: whether to ask the tiny question.
        roles: which models are needed.
        structure: what the settings say; anything but `AUTO` is kept, whatever the canary finds.
    """

    def __init__(
        self,
        router: Router,
        roles: Sequence[ModelRole],
        *,
        canary: bool,
        structure: StructureName,
    ) -> None:
        self._router = router
        self._roles = tuple(roles)
        self._canary = canary
        self._structure = structure

    async def start(self) -> None:
        """Look at all of them at once; those that are away are left alone from the start.

        Raises:
            Halt: the only server is set up wrongly.
        """
        await asyncio.gather(*(self._first_look(replica) for replica in self._router.replicas))

    async def watch(self) -> None:
        """Look again, now and then, at those that have not been well; never returns."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for replica in self._router.replicas:
                due = replica.broken is not None or not replica.breaker.due_in_s
                if due and not replica.checked:
                    await self._look(replica)

    async def _first_look(self, replica: Replica) -> None:
        # Later it is jobs that tell whether a server can be used, and not a question of ours.
        well = False
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                well = await self._look(replica)
        if not well:
            replica.breaker.trip()
            replica.tell()

    async def _look(self, replica: Replica) -> bool:
        """Whether the server could be looked at; a broken one could."""
        replica.checked = False
        try:
            await self.check(replica)
        except Halt as error:
            if not self._router.set_aside(replica, error):
                raise
        except JobError as error:
            log.warning(
                "model_server_away", server=replica.server, cause=error.cause, why=str(error)
            )
            return False
        else:
            replica.checked, replica.broken = True, None
            replica.breaker.reset()
            replica.tell()
        return True

    async def check(self, replica: Replica) -> None:
        """Look at one server; we learn its context from that, and what it does not hold or take.

        Raises:
            Retryable, Snooze, Reject, Halt: what is wrong with it.
        """
        await replica.client.ping()
        replica.client.takes_priority = replica.preset.priorities
        offered = await _offered(replica)
        for model, roles in self._wanted(replica).items():
            try:
                if offered and model not in offered:
                    self._not_listed(replica, model)
                if self._canary:
                    await self._sing(replica, model)
            except Halt as error:
                raise Halt(_explained(error, roles, offered), cause=error.cause) from None

    def _not_listed(self, replica: Replica, model: str) -> None:
        if replica.preset.names_exact:
            raise unknown_model(replica.url, model)
        # Some servers answer to short forms of what they list: asking tells.
        if not self._canary:
            log.warning("model_not_listed", server=replica.server, model=model)

    def _wanted(self, replica: Replica) -> dict[str, list[ModelRole]]:
        """The models that are needed, and what for."""
        wanted: dict[str, list[ModelRole]] = {}
        for role in self._roles:
            wanted.setdefault(replica.models[role], []).append(role)
        return wanted

    async def _sing(self, replica: Replica, model: str) -> None:
        try:
            completion = await replica.client.ask(_SONG, model)
        except Reject:
            if not await self._sings_in_words(replica, model):
                raise
            holds = False
        else:
            # One that thinks first may have used up its tokens for that: it has shown nothing.
            unsaid = completion.finish_reason == "length" and not completion.text.strip()
            holds = unsaid or _holds(completion.text)
        if holds:
            return
        if self._structure is StructureName.AUTO:
            replica.client.structure = StructureName.PROMPT
        log.warning(
            "output_not_constrained",
            server=replica.server,
            model=model,
            structure=str(replica.client.structure),
            what="answers are checked all the same, but more of them will be unusable",
        )

    async def _sings_in_words(self, replica: Replica, model: str) -> bool:
        """Whether a server that refused the question takes it without a schema."""
        before = replica.client.structure
        if self._structure is not StructureName.AUTO or before is StructureName.PROMPT:
            return False
        replica.client.structure = StructureName.PROMPT
        try:
            await replica.client.ask(_SONG, model)
        except BaseException as error:
            replica.client.structure = before
            if isinstance(error, Reject):
                return False
            raise
        return True


async def _offered(replica: Replica) -> list[str]:
    """The models that the server lists, and what it says of ours."""
    if not replica.client.lists_models:
        return []
    cards = await replica.client.models()
    ours = set(replica.models.values())
    replica.context.update(
        {c.name: c.context_tokens for c in cards if c.name in ours and c.context_tokens is not None}
    )
    return sorted(card.name for card in cards)


def _explained(error: Halt, roles: Sequence[ModelRole], offered: Sequence[str]) -> str:
    if error.cause != Cause.UNKNOWN_MODEL:
        return str(error)
    there = f"; it has {', '.join(offered[:8])}" if offered else ""
    needed = " and ".join(roles)
    return f"{error}{there}; or leave the job types out of WORKER_JOB_TYPES that need {needed}"


def _holds(text: str) -> bool:
    try:
        return "".join(extract_json(text).split()) in _FITTING
    except ValueError:
        return False
