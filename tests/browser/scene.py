"""A fleet in the middle of its day: what the views are looked at with."""

from time import time
from urllib.parse import quote

from shared import JobEntry, JobType, publish
from tests.browser.desk import Desk
from tests.process.bench import log_lines, until
from worker.embedded.samples import samples
from worker.operations.pausing import PauseNote, pause

WHY = "the mailboxes are being moved"
_NOTES = (
    "Booked the ferry to Naxos for June, cabin on deck 7",
    "Grandmother's lemon cake: four eggs, two lemons, no butter",
    "The plumber comes on Tuesday between nine and eleven",
    "Lent the drill to Kostas, wants it back before Easter",
    "Library books are due on the third of December",
)
_TENANTS = ("aegean", "bakery", "aegean", "import", "bakery")


async def paused_mail(desk: Desk, waiting: int = 12) -> None:
    """A type that somebody has paused, and what waits there."""
    keys, client = desk.bench.keys, desk.bench.redis.commands
    note = PauseNote("maria", time() - 1_260, WHY)
    await pause(client, keys, [f"type:{JobType.EMAIL_EXTRACT}"], note)

    async def heard() -> bool:
        return bool(log_lines(desk.worker, "paused_by_operator"))

    await until(heard, what="the worker's word that it has heard of it")
    payload = next(s.payload for s in samples() if s.job_type is JobType.EMAIL_EXTRACT)
    for number in range(waiting):
        entry = JobEntry(f"mail-{2041 + number}", payload, user_id=42, tenant="import")
        await publish(client, keys, JobType.EMAIL_EXTRACT, entry)


async def notes(desk: Desk) -> None:
    """Jobs that have completed."""
    keys, client = desk.bench.keys, desk.bench.redis.commands
    for number, (text, tenant) in enumerate(zip(_NOTES, _TENANTS, strict=True)):
        payload = {"memory_id": f"m{number}", "content": text}
        entry = JobEntry(f"note-{118 + number}", payload, user_id=42 + number, tenant=tenant)
        await publish(client, keys, JobType.TEXT_TAG, entry)
    await desk.bench.ended(*(f"note-{118 + number}" for number in range(len(_NOTES))))


async def deaths(desk: Desk) -> None:
    """Letters of several reasons."""
    for name in ("harbour", "receipt", "garden"):
        await desk.bury(f"photo-{name}", image_path=f"2026/11/{name}.jpg")
    keys, client = desk.bench.keys, desk.bench.redis.commands
    late = JobEntry("note-131", {"memory_id": "m9", "content": _NOTES[2]}, deadline=time() - 90)
    await publish(client, keys, JobType.TEXT_TAG, late)
    await desk.letter_of("note-131")
    await desk.bench.enqueue("note-132", {"memory_id": "m10"})
    await desk.letter_of("note-132")


async def busy(desk: Desk, many: int = 320) -> None:
    """More to do than there is room for, and some of it done."""
    keys, client = desk.bench.keys, desk.bench.redis.commands
    for number in range(many):
        text = _NOTES[number % len(_NOTES)]
        payload = {"memory_id": f"m{200 + number}", "content": text}
        tenant = _TENANTS[number % len(_TENANTS)]
        entry = JobEntry(f"note-{200 + number}", payload, user_id=42, tenant=tenant)
        await publish(client, keys, JobType.TEXT_TAG, entry)
    await desk.bench.ended(*(f"note-{200 + number}" for number in range(many // 8)))


async def fill(desk: Desk) -> list[str]:
    """All of it; returns the views there are to look at, as an address has them."""
    await paused_mail(desk)
    await notes(desk)
    await deaths(desk)
    letter = await desk.letter_of("photo-harbour")
    return [
        "/",
        "/dead",
        "/dead?reason=invalid_image",
        "/dead?id=nothing-is-called-so",
        f"/dead/{letter}",
        f"/dead/{letter}/purge",
        "/dead/replay?reason=invalid_image",
        "/dead/purge?type=image_tag",
        "/job",
        "/job?id=note-118",
        "/job?id=photo-harbour",
        "/job?id=" + quote("nobody knows this one"),
        "/no-such-page",
    ]
