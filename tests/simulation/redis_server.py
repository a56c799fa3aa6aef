"""Redis: the real scripts on fakeredis, at virtual time, with outages of every kind."""

import hashlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import fakeredis
from fakeredis._socket import FakeSocket

from shared.redis_streams import GROUP
from tests.simulation.network import Reply
from tests.simulation.virtual_loop import VirtualLoop, VirtualTime
from worker.queue import scripts
from worker.queue.scripts import Argument, Script

EPOCH_S = 1_700_000_000
_READS_CLOCK = (
    "_helpers",
    "model._stream",
    "_socket._base",
    "_core._server",
    "commands_mixins.server_mixin",
)
_SCRIPTS = {
    name.lower(): script for name, script in vars(scripts).items() if isinstance(script, Script)
}
SCRIPT_NAMES = {script.sha: name for name, script in _SCRIPTS.items()}
Words = tuple[Any, ...]
_NOBODY = "nobody"
_NOTHING_PENDING: Mapping[str, tuple[Any, ...]] = {"reclaim": ([], 0, [], 0), "mend": (b"", 0)}
"""What scripts answer when there is nothing to be found; asked for in every idle minute."""


@contextmanager
def at_virtual_time(time: VirtualTime) -> Generator[None]:
    """Let fakeredis read the virtual clock: entry ids, idle times and expiry follow it."""
    clock = SimpleNamespace(time=lambda: EPOCH_S + time.now, monotonic=lambda: time.now)
    with ExitStack() as stack:
        for name in _READS_CLOCK:
            module = sys.modules[f"fakeredis.{name}"]
            stack.enter_context(mock.patch.object(module, "time", clock))
        stack.enter_context(mock.patch.object(FakeSocket, "_lua_redis_pcall", pcall))
        yield


def pcall(self: Any, lua: Any, expected: Any, op: bytes, *args: Any) -> Any:
    """As fakeredis's own, whose errors reach Lua as something that is no string."""
    try:
        return self._lua_redis_call(lua, expected, op, *args)
    except Exception as error:
        return lua.table_from({b"err": str(error).encode()})


def verb(words: Words) -> str:
    """What a command is about: the script's name, or the command's."""
    if words[0] == "EVALSHA":
        return SCRIPT_NAMES.get(words[1], "script")
    if words[0] == "EVAL":
        return SCRIPT_NAMES.get(
            hashlib.sha1(words[1].encode(), usedforsecurity=False).hexdigest(), "eval"
        )
    return str(words[0]).lower()


@dataclass(frozen=True, slots=True)
class _Direct:
    """A client that waits for nothing."""

    execute: Callable[..., Any]

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        return self.execute(*args, **options)


@dataclass(eq=False, slots=True)
class _Blocked:
    """A reader that waits for a new entry."""

    reader_id: int
    words: Words
    reply: Reply


class RedisServer:
    """One server for all.

    Attributes:
        refuses: while it is set, every command is answered with this error.
        stalled_until: before that time nothing is answered; what arrives is done afterwards,
            though its sender may have given up by then.
        after_command: told of each command that was carried out, with who sent it.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.refuses: Exception | None = None
        self.stalled_until = 0.0
        self.after_command: Callable[[str, str], None] = _nothing
        self._loop = loop
        self._server = fakeredis.FakeServer(version=(7, 0))
        fake = fakeredis.FakeRedis(
            server=self._server, single_connection_client=True, protocol=2, legacy_responses=False
        )
        self._execute = cast("Callable[..., Any]", fake.execute_command)
        self._connection = cast("Any", fake).connection
        self._blocked: list[_Blocked] = []
        self._delayed: list[tuple[str, Words, Reply, int]] = []
        self._appended = 0
        self._has_paused = False
        self._nothing_new: dict[Words, tuple[int, Any]] = {}
        self.load_scripts()

    # ---------------------------------------------------------------- for workers

    def serve(self, who: str, words: Words, reply: Reply, reader_id: int = 0) -> None:
        """Take a command that has arrived."""
        if self._loop.time() < self.stalled_until:
            if not self._delayed:
                self._loop.post_at(self.stalled_until + 1e-6, self._catch_up)
            self._delayed.append((who, words, reply, reader_id))
        elif self.refuses is not None:
            reply(self.refuses)
        elif words[:2] == ("CLIENT", "UNBLOCK"):
            reply(self.unblock(words[2]))
        elif "BLOCK" in words:
            self._read_blocked(who, words, reply, reader_id)
        else:
            reply(self._carry_out(who, words))

    def unblock(self, reader_id: int, answer: object = None) -> int:
        """End a blocked read; returns how many there were."""
        found = [blocked for blocked in self._blocked if blocked.reader_id == reader_id]
        for blocked in found:
            self._blocked.remove(blocked)
            if not isinstance(answer, BrokenPipeError):
                blocked.reply(answer)
        return len(found)

    def disconnect(self, reader_id: int) -> None:
        """The reader has hung up: nothing will be given to it."""
        self.unblock(reader_id, BrokenPipeError())

    # ---------------------------------------------------------------- for the world

    def ask(self, *words: Any) -> Any:
        """A command of an operator, whom nothing keeps out."""
        return self._execute(*words)

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> None:
        """A script of an operator's."""
        calling = script(_Direct(self._execute), keys, args)
        with suppress(StopIteration):
            calling.send(None)

    def append(self, *words: Any) -> str:
        """XADD: what waits for entries is served, in the order it came."""
        entry_id = cast("bytes", self._execute("XADD", *words)).decode()
        self._appended += 1
        for blocked in list(self._blocked):
            answer = self._carry_out(_NOBODY, _without_block(blocked.words))
            if answer:
                self._blocked.remove(blocked)
                blocked.reply(answer)
        return entry_id

    def pause(self, key: str, field: str, *, ends: bool) -> None:
        """An operator pauses or resumes something."""
        words = ("HDEL", key, field) if ends else ("HSET", key, field, "{}")
        self._execute(*words)
        self._has_paused = True
        self._appended += 1

    def load_scripts(self) -> None:
        """Have all scripts in the cache, as a server that has run for a while."""
        for script in _SCRIPTS.values():
            self._execute("SCRIPT", "LOAD", script.source)

    def restart(self) -> None:
        """Serve again after an outage, with the data and without the scripts."""
        self._execute("SCRIPT", "FLUSH")
        self.refuses = None

    def stall(self, seconds: float) -> None:
        """Answer nothing for a while, and then everything that has come in meanwhile."""
        self.stalled_until = max(self.stalled_until, self._loop.time() + seconds)

    def stop_serving(self, error: Exception | None) -> None:
        """Answer everything with an error from now on, or serve again."""
        self.refuses = error
        if error is not None:
            for blocked in list(self._blocked):
                self.unblock(blocked.reader_id, error)

    def pending(self, stream: str) -> dict[str, tuple[str, int]]:
        """Who holds which entry, and since when (server milliseconds).

        Looks into the stand-in's own tables: XPENDING after every command would be half the cost
        of a simulation.
        """
        found = self._group(stream)
        if found is None:
            return {}
        return {
            f"{key.ts}-{key.seq}": (entry.consumer_name.decode(), entry.time_read)
            for key, entry in found.pel.items()
        }

    # ---------------------------------------------------------------- steps

    def _holds_anything(self, words: Words) -> bool:
        """Whether anything is pending in the streams of a script, or one has no group yet."""
        streams = words[3 : 2 + words[2] : 4]
        return any(self._group(stream) is None or self._group(stream).pel for stream in streams)

    def _group(self, stream: str) -> Any:
        item = cast("Any", self._server.dbs[0]).get(stream.encode())
        return None if item is None else item.value.group_get(GROUP.encode())

    def _catch_up(self) -> None:
        delayed, self._delayed = self._delayed, []
        for item in delayed:
            self.serve(*item)

    def _read_blocked(self, who: str, words: Words, reply: Reply, reader_id: int) -> None:
        answer = self._carry_out(who, _without_block(words))
        if answer:
            reply(answer)
            return
        blocked = _Blocked(reader_id, words, reply)
        self._blocked.append(blocked)
        block_s = words[words.index("BLOCK") + 1] / 1_000
        self._loop.post_at(self._loop.time() + block_s, self._time_out, blocked)

    def _time_out(self, blocked: _Blocked) -> None:
        if blocked in self._blocked:
            self._blocked.remove(blocked)
            blocked.reply(None)

    def _run(self, words: Words) -> Any:
        if words[0] == "EVALSHA":  # the client's own part would be a fifth of the time
            self._connection.send_command(*words)
            return self._connection.read_response()
        answer = self._execute(*words)
        # An answer to XREADGROUP is made what the worker's own clients have.
        return dict(answer) if words[0] == "XREADGROUP" else answer

    def _carry_out(self, who: str, words: Words) -> object:
        # Most of an idle hour is workers asking for entries again and again: the answer stays
        # the same until one is appended or has its ticket back.
        what = verb(words)
        reads_new = what in {"xreadgroup", "claim"}
        if reads_new:
            appended, answer = self._nothing_new.get(words, (-1, None))
            if appended == self._appended:
                return answer
        elif what in _NOTHING_PENDING and not self._holds_anything(words):
            return list(_NOTHING_PENDING[what])
        try:
            answer = self._run(words)
        except Exception as error:
            return error
        if what == "reclaim" and self._has_paused:
            self._appended += 1  # it may have called somebody back
        if what == "mend" and answer != list(_NOTHING_PENDING[what]):
            self._appended += 1
        if reads_new and not (answer and (what == "xreadgroup" or any(answer))):
            self._nothing_new[words] = (self._appended, answer)
        self.after_command(who, what)
        return answer


def _without_block(words: Words) -> Words:
    place = words.index("BLOCK")
    return words[:place] + words[place + 2 :]


def _nothing(_who: str, _verb: str) -> None:
    """Nobody listens."""
