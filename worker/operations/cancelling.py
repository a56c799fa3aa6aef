"""Cancelling jobs, wherever they are: what has no answer yet will not be answered any more."""

from dataclasses import dataclass
from enum import StrEnum

from shared.redis_streams import Keys, StreamClient
from worker.operations.finding import LOOK_AT
from worker.operations.story import Story, tell_story
from worker.queue.scripts import CANCEL


class Cancelled(StrEnum):
    """What came of it."""

    WAITING = "waiting"
    """It waits; it will end when its turn comes, and nothing is asked for it."""
    RUNNING = "running"
    """A worker has it, and is told to let go."""
    PERHAPS = "perhaps"
    """It was not found where was looked, and not everything was: marked all the same."""
    TOO_LATE = "too_late"
    """Its answer is written down: it will be delivered."""
    ENDED = "ended"
    """It has ended."""
    UNKNOWN = "unknown"
    """There is no such job."""

    @property
    def is_marked(self) -> bool:
        """Whether workers will not run it."""
        return self in {Cancelled.WAITING, Cancelled.RUNNING, Cancelled.PERHAPS}


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What came of cancelling one job; `detail`: where it is, or how it ended."""

    job_id: str
    result: Cancelled
    detail: str


async def cancel_job(
    client: StreamClient, keys: Keys, wanted: str, *, look_at: int = LOOK_AT
) -> Cancellation:
    """Cancel a job by its job id or entry id."""
    story = await tell_story(client, keys, wanted, look_at=look_at)
    result, job_id, detail = judge(story)
    if result.is_marked:
        await CANCEL(client, [keys.cancelled], [keys.control, job_id])
    return Cancellation(job_id, result, detail)


def judge(story: Story) -> tuple[Cancelled, str, str]:
    """Whether a job can be cancelled, under which id, and where it is or how it ended."""
    open_ones = [chapter for chapter in story.chapters if not chapter.entry.recorded]
    if open_ones:
        entry = open_ones[-1].entry
        job_id = entry.job_id or story.wanted
        if entry.where == "waiting":
            return Cancelled.WAITING, job_id, f"on {entry.job_type}"
        return Cancelled.RUNNING, job_id, f"at {entry.holder}"
    if story.chapters:
        entry = story.chapters[-1].entry
        return Cancelled.TOO_LATE, entry.job_id or story.wanted, f"at {entry.holder or 'nobody'}"
    if story.is_known and (story.whole or story.state != "gone"):
        return Cancelled.ENDED, story.wanted, story.state
    if story.whole:
        return Cancelled.UNKNOWN, story.wanted, f"{story.looked:,} places looked at"
    return Cancelled.PERHAPS, story.wanted, f"{story.looked:,} places looked at, and there are more"
