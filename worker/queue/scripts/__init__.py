"""The Lua scripts: every write to a stream begins by asking whether the entry is still ours.

XACK, XDEL and XCLAIM ask nobody; a worker that was frozen past its lease would erase another's
work. The scripts need Redis 6.2 or Valkey 7.2, touch only the keys they are given, and are safe
to send twice.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from shared.redis_streams import StreamClient

Argument = str | bytes | int


class Script:
    """A `.lua` file of this folder, sent by its hash and whole where the server forgot it.

    Others it builds on stand before it: Redis scripts cannot import.

    Attributes:
        source: its text.
        sha: the name the server has for it.
    """

    def __init__(self, name: str, *, after: Sequence[str] = ()) -> None:
        paths = (Path(__file__).parent / f"{part}.lua" for part in (*after, name))
        self.source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(
        self, client: StreamClient, keys: Sequence[str], args: Sequence[Argument]
    ) -> Any:
        """Run it; a restarted or failed-over server, which has lost it, is sent its text."""
        words = (len(keys), *keys, *args)
        try:
            return await client.execute_command("EVALSHA", self.sha, *words)
        except NoScriptError:
            return await client.execute_command("EVAL", self.source, *words)


CLAIM = Script("claim", after=["tickets", "paused"])
ARRIVE = Script("arrive", after=["tickets", "paused"])
MEND = Script("mend", after=["tickets"])
RECLAIM = Script("reclaim", after=["tickets", "paused"])
RENEW = Script("renew")
RECORD = Script("record")
TICK = Script("tick")
SETTLE = Script("settle")
DEAD_LETTER = Script("dead_letter")
RELEASE = Script("release")
LEAVE = Script("leave")
STRAY = Script("stray")
TELL = Script("tell")
REPLAY = Script("replay")
MEET = Script("meet")
BEAT = Script("beat")
CANCEL = Script("cancel")
STREAM_STATE = Script("stream_state")
TICKETS_OF = Script("tickets_of", after=["tickets"])
PLUCK = Script("pluck")
APPEND = Script("append")
