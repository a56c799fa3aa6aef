"""What can be done from the page; each ends at a view that says what came of it."""

from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError

from worker.clock import Clock
from worker.marks import tenant_field, type_field
from worker.operations import pausing
from worker.operations.cancelling import cancel_job
from worker.operations.graveyard import glance, leaf, purge_all, replay_each
from worker.operations.pausing import PauseNote
from worker.operations.words import printable
from worker.page.answers import Answer, Asked, Refusal, SeeOther
from worker.page.looking import STORY_LOOKS_AT, Looking
from worker.page.views import BULK_MOST
from worker.page.wishes import TEXT_CHARS, job_id, job_query, job_type, starting_at, wanted_letters
from worker.queue.dead_letters import DeadLetter, DeadLetters
from worker.queue.redis_clients import describe

log = structlog.get_logger(__name__)

_WHY_CHARS = 500
_BULK_S = 15.0
"""No browser waits much longer; what is not done then is said."""
_SEARCH_S = 20.0


class Deeds:
    """The deeds, at the Redis that the page reads."""

    def __init__(self, looking: Looking, clock: Clock) -> None:
        self._looking = looking
        self._clock = clock
        self._client, self._keys = looking.client, looking.keys
        self._letters = DeadLetters(looking.client, looking.keys)

    async def pause(self, asked: Asked) -> Answer:
        """Have no worker take a job type's jobs."""
        name = job_type(asked.form)
        if isinstance(name, Refusal):
            return name
        why = asked.form.get("why", "").strip()[:_WHY_CHARS]
        note = PauseNote(by=f"the page, from {asked.viewer.address}", at=self._clock.now(), why=why)
        work = pausing.pause(self._client, self._keys, [type_field(name)], note)
        new = await self._looking.in_time(work)
        return self._done(asked, "/?done=paused" if new else "/?done=was-paused", job_type=name)

    async def resume(self, asked: Asked) -> Answer:
        """Have a job type's or a tenant's jobs be taken again."""
        tenant = asked.form.get("tenant", "").strip()
        if len(tenant) > TEXT_CHARS:
            return Refusal(400, f"a tenant's name has {TEXT_CHARS} characters at most")
        name = "" if tenant else job_type(asked.form)
        if isinstance(name, Refusal):
            return name
        marked = tenant_field(tenant) if tenant else type_field(name)
        found = await self._looking.in_time(pausing.resume(self._client, self._keys, [marked]))
        where = "/?done=resumed" if found else "/?done=was-resumed"
        return self._done(asked, where, mark=marked)

    async def cancel(self, asked: Asked) -> Answer:
        """Have a job end without an answer."""
        wanted = job_id(asked.form)
        if isinstance(wanted, Refusal):
            return wanted
        if not wanted:
            return Refusal(400, "the field 'id' is missing: whose job is not wanted any more?")
        work = cancel_job(self._client, self._keys, wanted, look_at=STORY_LOOKS_AT)
        done = await self._looking.in_time(work, _SEARCH_S)
        where = "/job" + job_query(wanted, done=f"cancel-{done.result}")
        return self._done(asked, where, job_id=done.job_id, result=str(done.result))

    async def replay(self, asked: Asked) -> Answer:
        """Put one letter's job back on its stream."""
        letter_id = asked.parts["letter"]
        found = await self._looking.in_time(glance(self._client, self._keys, letter_id))
        if found is None:
            return SeeOther("/dead?done=too-late")
        letter = found[0]
        ask_again = asked.form.get("ask") == "yes"
        entry_id = await self._looking.in_time(self._letters.replay(letter, ask_again=ask_again))
        if entry_id is None:
            return SeeOther("/dead?done=too-late")
        where = "/job" + job_query(
            letter.fields.get("job_id", "") or entry_id, done="replayed", n="1"
        )
        return self._done(asked, where, letter=letter_id, entry_id=entry_id, ask_again=ask_again)

    async def purge(self, asked: Asked) -> Answer:
        """Throw one letter away."""
        letter_id = asked.parts["letter"]
        gone = await self._looking.in_time(self._letters.purge([letter_id]))
        where = "/dead?done=purged&n=1" if gone else "/dead?done=too-late"
        return self._done(asked, where, letter=letter_id, letters=gone)

    async def replay_many(self, asked: Asked) -> Answer:
        """Put back what matches a filter, up to a bound."""
        chosen = await self._chosen(asked)
        if isinstance(chosen, Refusal):
            return chosen
        count, ends_at = 0, self._clock.elapsed() + _BULK_S
        ask_again = asked.form.get("ask") == "yes"
        try:
            async for _ in replay_each(self._letters, chosen, ask_again=ask_again):
                count += 1
                if self._clock.elapsed() > ends_at:
                    break
        except (RedisError, OSError) as error:
            log.warning("page_replay_broken_off", letters=count, error=describe(error))
            return Refusal(503, f"{count:,} were put back; then Redis did not answer")
        finally:
            self._looking.lately.forget()
        whole = self._clock.elapsed() <= ends_at
        done = "replayed-none" if not count else "replayed" if whole else "replayed-part"
        where = f"/dead?done={done}&n={count}"
        return self._done(asked, where, letters=count, ask_again=ask_again)

    async def purge_many(self, asked: Asked) -> Answer:
        """Throw away what matches a filter, up to a bound."""
        chosen = await self._chosen(asked)
        if isinstance(chosen, Refusal):
            return chosen
        gone = await self._looking.in_time(purge_all(self._letters, chosen))
        return self._done(asked, f"/dead?done=purged&n={gone}", letters=gone)

    async def _chosen(self, asked: Asked) -> Sequence[DeadLetter] | Refusal:
        """The letters that were counted when it was asked, not those that have died since."""
        wanted, upto = wanted_letters(asked.form), starting_at(asked.form, "upto")
        if isinstance(wanted, Refusal):
            return wanted
        if isinstance(upto, Refusal):
            return upto
        if not upto:
            return Refusal(400, "the field 'upto' is missing: up to which letter?")
        work = leaf(self._client, self._keys, wanted, upto=upto, most=BULK_MOST)
        return (await self._looking.in_time(work)).letters

    def _done(self, asked: Asked, where: str, **facts: str | int) -> SeeOther:
        """Lead there, and leave a trace of who did what."""
        self._looking.lately.forget()
        # Ids and names of others: a log on a terminal is not steered by them either.
        said = {n: printable(v) if isinstance(v, str) else v for n, v in facts.items()}
        log.warning("page_steered", address=asked.viewer.address, led_to=where, **said)
        return SeeOther(where)
