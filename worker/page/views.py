"""What there is to see: each view as a template's name and what stands in it."""

from collections.abc import Callable

from shared.enums import FailureReason, JobType
from worker.operations.cancelling import judge
from worker.operations.finding import is_entry_id
from worker.operations.story import Story
from worker.page.answers import LOCKED, Answer, Asked, Page, Refusal, View
from worker.page.looking import SHOWN_BYTES, Looking
from worker.page.notices import notice
from worker.page.payloads import diffable
from worker.page.wishes import (
    as_query,
    in_words,
    job_id,
    job_query,
    starting_at,
    wanted_letters,
)

A_PAGE = 50
BULK_MOST = 1_000
"""Letters that are put back or thrown away in one go."""
_KNOWN_FIELDS = frozenset({"payload", "job_id", "user_id", "tenant", "deadline"})


class Views:
    """The views; `draining`: whether this worker is on its way out."""

    def __init__(self, looking: Looking, draining: Callable[[], bool]) -> None:
        self._looking = looking
        self._draining = draining

    async def overview(self, asked: Asked) -> Answer:
        """What the fleet is doing, and what is odd."""
        seen = await self._looking.overview()
        facts = {
            "now": seen.snapshot.at,
            "seen": seen.snapshot,
            "recent": seen.recent,
            "away": seen.away,
            "me": self._looking.me,
            "draining": self._draining(),
            "notice": notice(asked.query),
        }
        parts = ("hints", "streams", "workers", "jobs", "deaths")
        return View("overview", "Overview", facts, parts=parts, live="?view=overview")

    async def dead(self, asked: Asked) -> Answer:
        """Dead letters, the newest first."""
        wanted, before = wanted_letters(asked.query), starting_at(asked.query, "before")
        if isinstance(wanted, Refusal):
            return wanted
        if isinstance(before, Refusal):
            return before
        upto = f"({before}" if before else "+"
        found = await self._looking.letters(wanted, upto, A_PAGE)
        letters = await self._looking.deaths()
        types = {*JobType, *(death.job_type for death in letters.deaths), wanted.job_type}
        facts = {
            "wanted": wanted,
            "found": found,
            "letters": letters,
            "before": before,
            "query": as_query(wanted),
            "older": as_query(wanted, before=found.more) if found.more else "",
            "types": sorted(types - {""}),
            "reasons": list(FailureReason),
            "strange": wanted.job_type if wanted.job_type not in {"", *JobType} else "",
            "notice": notice(asked.query),
        }
        live = as_query(wanted, view="dead", before=before)
        return View("dead", "Dead letters", facts, parts=("reasons", "letters"), live=live)

    async def letter(self, asked: Asked) -> Answer:
        """One letter."""
        letter_id = asked.parts["letter"]
        may_read = asked.viewer.may_read
        found = await self._looking.letter(letter_id, whole=may_read)
        if found is None:
            return _no_letter(letter_id)
        letter, size = found
        fields = letter.fields  # what this viewer may not see was not even fetched
        facts = {
            "letter": letter,
            "size": size,
            "too_large": may_read and size > SHOWN_BYTES,
            "payload": diffable(fields["payload"]) if "payload" in fields else None,
            "outcome": diffable(letter.said["outcome"]) if "outcome" in letter.said else None,
            "extra": {n: v for n, v in fields.items() if n not in _KNOWN_FIELDS},
            "is_refused_answer": letter.reason == FailureReason.CORE_REJECTED,
            "notice": notice(asked.query),
        }
        return View("letter", f"Dead letter {letter_id}", facts)

    async def purging_one(self, asked: Asked) -> Answer:
        """Asks whether to throw a letter away."""
        letter_id = asked.parts["letter"]
        if not asked.viewer.may_steer:
            return Refusal(403, LOCKED)
        found = await self._looking.letter(letter_id, whole=False)
        if found is None:
            return _no_letter(letter_id)
        facts = {"letter": found[0], "notice": ""}
        return View("purge", f"Purge dead letter {letter_id}?", facts)

    def asking(self, verb: str) -> Page:
        """A view that asks whether to do this to all letters of a filter."""

        async def view(asked: Asked) -> Answer:
            wanted = wanted_letters(asked.query)
            if not asked.viewer.may_steer:
                return Refusal(403, LOCKED)
            if isinstance(wanted, Refusal):
                return wanted
            found = await self._looking.letters(wanted, "+", BULK_MOST)
            facts = {
                "verb": verb,
                "wanted": wanted,
                "found": found,
                "said": in_words(wanted),
                "upto": found.letters[0].letter_id if found.letters else "",
                "query": as_query(wanted),
                "most": BULK_MOST,
                "notice": "",
            }
            return View("bulk", f"{verb.capitalize()} dead letters?", facts)

        return view

    async def job(self, asked: Asked) -> Answer:
        """One job's story; a form where no job is asked for."""
        wanted = job_id(asked.query)
        if isinstance(wanted, Refusal):
            return wanted
        if not wanted:
            return View("find", "Find a job", {"notice": ""})
        story = await self._looking.story(wanted)
        facts = {
            "story": story,
            "is_entry_id": is_entry_id(wanted),
            "can_cancel": judge(story)[0].is_marked and story.is_known,
            "payload": await self._payload(story, asked),
            "notice": notice(asked.query),
        }
        live = job_query(wanted, view="job")
        status = 200 if story.is_known else 404
        return View("job", f"Job {wanted}", facts, status, ("story",), live)

    async def _payload(self, story: Story, asked: Asked) -> str | None:
        if asked.live or not (asked.viewer.may_read and story.chapters):
            return None
        text = await self._looking.payload(story.chapters[-1].entry)
        return None if text is None else diffable(text)


def _no_letter(letter_id: str) -> Refusal:
    return Refusal(404, f"there is no dead letter {letter_id}: replayed, or purged, or never there")
