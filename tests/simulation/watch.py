"""Watches the rules that only show while it happens: whose lease is taken, and by whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.redis_streams import HANDED_BACK, WAITING, Keys
from tests.simulation.jobs import TYPES
from tests.simulation.redis_server import EPOCH_S, RedisServer
from tests.simulation.virtual_loop import VirtualLoop

_Held = Mapping[str, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A lease that ran out, or was handed back, and went to another consumer."""

    at_s: float
    stream: str
    entry_id: str
    loser: str
    idle_s: float
    """Since it was claimed or renewed; a day for one that was handed back."""


@dataclass(slots=True)
class Watch:
    """Compares what is pending before and after each command.

    Attributes:
        wrongs: commands that changed what was not their sender's.
        takeovers: leases that changed hands by the rules.
        on_takeover: told of each.
        on_taken: told of each entry that a script gives to a worker: who, stream, entry id.
    """

    server: RedisServer
    keys: Keys
    loop: VirtualLoop
    lease_s: float
    wrongs: list[str] = field(default_factory=list[str])
    takeovers: list[Takeover] = field(default_factory=list[Takeover])
    on_takeover: Callable[[Takeover], None] = lambda _: None
    on_taken: Callable[[str, str, str], None] = lambda _who, _stream, _entry_id: None
    _before: dict[str, _Held] = field(default_factory=dict[str, _Held])

    def look(self, who: str, verb: str) -> None:
        """Look at what the last command has changed."""
        for stream in map(self.keys.stream, TYPES):
            after = self.server.pending(stream)
            if verb in {"claim", "reclaim"}:
                self._tell_taken(who, stream, after)
            for entry_id, (name, since_ms) in self._before.get(stream, {}).items():
                now, owner = after.get(entry_id), name.removeprefix(HANDED_BACK)
                if now != (name, since_ms) and owner not in {who, WAITING}:
                    self._judge(who, verb, (stream, entry_id, owner, since_ms), now is None)
            self._before[stream] = after

    def _tell_taken(self, who: str, stream: str, after: _Held) -> None:
        before = self._before.get(stream, {})
        for entry_id, (owner, _) in after.items():
            if owner == who and before.get(entry_id, ("", 0))[0] != who:
                self.on_taken(who, stream, entry_id)

    def _judge(self, who: str, verb: str, was: tuple[str, str, str, int], is_gone: bool) -> None:
        stream, entry_id, owner, since_ms = was
        what = f"{verb} by {who} on {stream} {entry_id}, which {owner} held"
        idle_s = EPOCH_S + self.loop.time() - since_ms / 1_000
        if is_gone:
            self.wrongs.append(f"taken off the stream: {what}")
        elif idle_s < self.lease_s:
            self.wrongs.append(f"lease taken {idle_s:.1f} s after its renewal: {what}")
        else:
            takeover = Takeover(self.loop.time(), stream, entry_id, owner, idle_s)
            self.takeovers.append(takeover)
            self.on_takeover(takeover)
