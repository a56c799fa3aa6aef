"""Every request and reply in a file of its own, so that a bug from production becomes a test.

    20261121T062204.123456Z-000017-<request id>.json
    images/<sha-256>.jpeg

For a while and on purpose only: the files hold whole prompts and answers. They are replayed by
`python -m worker.embedded.model --replay FOLDER`, with a worker of `LLM_PROVIDER=mock` before it.
"""

import asyncio
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import Full, Queue
from threading import Thread

import structlog

from worker.clock import Clock
from worker.errors import JobError
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole, PreparedImage
from worker.llm.records import (
    Record,
    dump_record,
    image_digest,
    recorded_error,
    recorded_reply,
    recorded_request,
    replay_key,
)

log = structlog.get_logger(__name__)

BACKLOG_MAX = 100
"""Calls that wait to be written; with a slower disk the newest are left out."""
IMAGES = "images"
_CLOSE_S = 5.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class CallNote:
    """A call that has ended, not yet written down.

    Attributes:
        at: Unix seconds when it began.
        context_tokens: the room that the server had told of then.
        came: the reply, or the failure.
    """

    at: float
    seconds: float
    request: ChatRequest
    context_tokens: int | None
    came: Completion | JobError


class RecordFolder:
    """Writes records, for nobody's eyes but its owner's.

    Args:
        path: made with the first record, where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = count(1)

    def write(self, note: CallNote) -> Path:
        """Write a call down, and its picture if that is new; gives the record's file.

        Raises:
            OSError: it could not be written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        image = note.request.prompt.image
        if image is not None:
            self._keep_image(image)
        began = datetime.fromtimestamp(note.at, tz=UTC)
        safe = _UNSAFE.sub("_", note.request.request_id)[:_NAME_CHARS]
        name = f"{began:%Y%m%dT%H%M%S.%fZ}-{next(self._numbers):06d}-{safe}.json"
        file = self.path / name
        _write_private(file, dump_record(_record(note, began)))
        return file

    def _keep_image(self, image: PreparedImage) -> None:
        folder = self.path / IMAGES
        kind = _UNSAFE.sub("_", image.media_type.rpartition("/")[2])
        file = folder / f"{image_digest(image)}.{kind}"
        if not file.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            _write_private(file, image.data)


class RecordingLLM:
    """An `LLM` whose calls are written down, by a thread that no job ever waits for.

    Args:
        llm: who really answers.
        folder: where to; says loudly that it does.
    """

    def __init__(self, llm: LLM, folder: Path, clock: Clock | None = None) -> None:
        self._llm = llm
        self._folder = RecordFolder(folder)
        self._clock = clock or Clock()
        self._notes: Queue[CallNote | None] = Queue(BACKLOG_MAX)
        self._failing = False
        # A daemon thread: a disk that hangs must not keep the worker from ending.
        self._thread = Thread(target=self._write_all, name="recorder", daemon=True)
        self._thread.start()
        log.warning(
            "recording_every_prompt_and_answer",
            folder=str(folder.absolute()),
            what="private texts included; unset RECORD_LLM_RESPONSES to stop it",
        )

    async def complete(self, request: ChatRequest) -> Completion:
        """Ask, and note what came of it.

        Raises:
            Retryable, Snooze, Reject, Halt: as the other did.
        """
        at, started = self._clock.now(), self._clock.elapsed()
        try:
            completion = await self._llm.complete(request)
        except JobError as error:
            self._note(at, started, request, error)
            raise
        self._note(at, started, request, completion)
        return completion

    def context_tokens(self, role: ModelRole) -> int | None:
        """As the other says."""
        return self._llm.context_tokens(role)

    async def close(self) -> None:
        """Write what is left, for some seconds at most."""
        await asyncio.to_thread(self._end)

    def _note(
        self, at: float, started: float, request: ChatRequest, came: Completion | JobError
    ) -> None:
        context = self.context_tokens(request.prompt.role)
        try:
            self._notes.put_nowait(
                CallNote(at, self._clock.elapsed() - started, request, context, came)
            )
        except Full:
            self._failed("the disk is too slow")

    # ---------------------------------------------------------------------- in the thread

    def _write_all(self) -> None:
        while (note := self._notes.get()) is not None:
            try:
                self._folder.write(note)
            except Exception as error:
                why = error.strerror if isinstance(error, OSError) else None
                self._failed(why or type(error).__name__)
            else:
                self._failing = False

    def _failed(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            log.error("not_recorded", folder=str(self._folder.path), why=why)

    def _end(self) -> None:
        with suppress(Full):
            self._notes.put(None, timeout=_CLOSE_S)
            self._thread.join(_CLOSE_S)


def _record(note: CallNote, began: datetime) -> Record:
    prompt, came = note.request.prompt, note.came
    digest = image_digest(prompt.image)
    return Record(
        at=began.isoformat(),
        request_id=note.request.request_id,
        key=replay_key(prompt.system, prompt.user, digest, note.request.schema),
        seconds=round(note.seconds, 3),
        request=recorded_request(note.request, note.context_tokens),
        reply=recorded_reply(came) if isinstance(came, Completion) else None,
        error=recorded_error(came) if isinstance(came, JobError) else None,
    )


def _write_private(file: Path, data: bytes) -> None:
    """Write a file that only its owner may read; it is there as a whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    part.replace(file)
