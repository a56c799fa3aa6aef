"""`llm-worker job ID`: one job's whole story."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from worker.cli.at_redis import Opened, at_redis
from worker.cli.settings import fail
from worker.cli.status import JsonOption
from worker.cli.words import age, as_json, console, grid, moment, shown
from worker.lifecycle import ExitCode
from worker.operations.story import Chapter, Story, at, tell_story
from worker.operations.streams import appended_at


def job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="A job's id, or an entry's.")],
    json_: JsonOption = False,
) -> None:
    """Tell where a job is, what was tried, and how it ended.

    A job is looked for in streams, dead letters and events; with the entry's id that is quick.

    Exit codes: 0 found, 1 not found, or Redis is away or refuses, 2 the settings are wrong.
    """

    async def work(redis: Opened) -> Story:
        return await tell_story(redis.client, redis.keys, job_id)

    story = at_redis(work)
    if json_:
        typer.echo(as_json({"state": story.state, "story": story}))
    elif story.is_known:
        table = grid("", "")
        table.show_header = False
        for name, value in _lines(story):
            table.add_row(name, value)
        console().print(table)
    if not story.is_known:
        looked = f"{story.looked:,} entries, letters and events"
        more = "" if story.whole else "; there are more"
        fail(f"there is no job {job_id!r} among {looked}{more}", ExitCode.CRASHED)


def _lines(story: Story) -> Iterator[tuple[str, str]]:
    yield "job", shown(story.wanted)
    yield "now", f"[bold]{shown(story.state)}[/]"
    if story.cancelled_at is not None:
        yield "cancelled", moment(story.cancelled_at)
    for chapter in story.chapters:
        yield from _chapter(chapter)
    for letter in story.letters:
        yield from _letter(letter.entry_id, letter.fields)
    for event in story.events:
        yield moment(at(event)), shown(", ".join(_event(event.fields)))


def _event(said: Mapping[str, str]) -> Iterator[str]:
    why = ", ".join(filter(None, (said.get("reason"), said.get("cause"))))
    yield said.get("event", "?") + (f" of {why}" if why else "")
    yield f"attempt {said.get('attempt', '?')}"
    if "worker" in said:
        yield f"at {said['worker']}"
    for name, words in (
        ("wait_ms", "waited {} ms"),
        ("llm_ms", "model {} ms"),
        ("deliver_ms", "Core {} ms"),
        ("after_ms", "another try after {} ms"),
    ):
        if name in said:
            yield words.format(said[name])


def _chapter(chapter: Chapter) -> Iterator[tuple[str, str]]:
    entry = chapter.entry
    yield "stream", shown(f"{entry.job_type}, entry {entry.entry_id}")
    yield "appended", moment(appended_at(entry.entry_id))
    for name in ("user_id", "tenant", "deadline"):
        if value := getattr(entry, name):
            yield name.removesuffix("_id"), shown(value)
    if chapter.waits_because:
        yield "waits because", shown(chapter.waits_because)
    yield from _holder(chapter)
    if chapter.next_try:
        yield "next try", shown(chapter.next_try)
    if entry.recorded:
        yield "answer", "written down; it is on its way to Core"


def _holder(chapter: Chapter) -> Iterator[tuple[str, str]]:
    entry, told = chapter.entry, chapter.told
    if entry.holder:
        silent = " [red](silent)[/]" if chapter.silent else ""
        yield "worker", shown(entry.holder) + silent
        yield "deliveries", str(entry.deliveries)
        yield "lease renewed", f"{age(entry.idle_s)} ago"
    if told is not None:
        yield "stage", shown(told.stage)
        yield "attempts", str(told.attempts)
        if told.trouble:
            yield "last error", shown(told.trouble)


def _letter(letter_id: str, said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    reason = ", ".join(filter(None, (said.get("dead_reason"), said.get("dead_cause"))))
    yield "dead letter", shown(letter_id)
    yield "died", f"{moment(appended_at(letter_id))} of {shown(reason)}"
    yield "error", shown(said.get("dead_error", ""))
    yield "attempts", shown(said.get("dead_attempts", "?"))
    yield "deliveries", shown(said.get("dead_deliveries", "?"))
    yield "again", f"llm-worker dead replay {shown(letter_id)}"
