"""What parent and child say to each other, over a real pair of sockets."""

import asyncio
import os
import signal
import socket
from dataclasses import dataclass, field

from tests.process.bench import until
from worker.lifecycle import Shutdown
from worker.processes.line import Line
from worker.processes.obeying import DRAIN, NOW, ParentLine


@dataclass
class Ear:
    """What was heard."""

    words: list[str] = field(default_factory=list[str])
    ends: list[None] = field(default_factory=list[None])

    def line(self, connection: socket.socket) -> Line:
        """A line that is listened to."""
        return Line(connection, self.words.append, lambda: self.ends.append(None))

    async def heard(self, count: int) -> list[str]:
        """The words, once there are so many."""

        async def enough() -> bool:
            return len(self.words) >= count

        await until(enough, what=f"{count} words")
        return self.words

    async def ended(self) -> None:
        """Return once the other side is gone."""

        async def gone() -> bool:
            return bool(self.ends)

        await until(gone, what="the end")


async def test_words_arrive_whole() -> None:
    """In order, however the bytes are cut, and also those that were there before."""
    ours, theirs = socket.socketpair()
    ours.sendall(b"first\nsec")
    ear = Ear()
    line = ear.line(theirs)
    await ear.heard(1)
    ours.sendall("ond\nthïrd\n".encode())
    assert await ear.heard(3) == ["first", "second", "thïrd"]
    line.close()
    ours.close()


async def test_the_end_is_told_once() -> None:
    """Words before it are heard; what is said into it is nobody's error."""
    ours, theirs = socket.socketpair()
    ear = Ear()
    line = ear.line(theirs)
    ours.sendall(b"last\nunfinished")
    ours.close()
    await ear.ended()
    assert (ear.words, len(ear.ends)) == (["last"], 1)
    line.say("too late")
    line.close()


async def test_a_word_without_an_end_is_an_end() -> None:
    """Nobody who speaks our words sends kilobytes without a line break."""
    ours, theirs = socket.socketpair()
    ear = Ear()
    ear.line(theirs)
    ours.sendall(b"x" * 2_000)
    await ear.ended()
    ours.close()


async def test_nobody_listens_for_very_long() -> None:
    """A frozen child does not freeze its parent."""
    ours, theirs = socket.socketpair()
    line = Ear().line(ours)
    for _ in range(100_000):
        line.say("drain")
    line.close()
    theirs.close()


async def test_a_child_obeys_its_parent_and_counts_no_signals() -> None:
    """A signal to every process of a service, and the same by the parent's word, is one request."""
    ours, theirs = socket.socketpair()
    ear, shutdown = Ear(), Shutdown()
    parent, line = ear.line(ours), ParentLine(theirs.detach())
    with line.obeyed(shutdown):
        line.tell_port(1234)
        assert await ear.heard(1) == ["port 1234"]
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(shutdown.drain.wait(), 10)
        os.kill(os.getpid(), signal.SIGTERM)
        parent.say(DRAIN)
        parent.say("what is this")
        parent.say(NOW)
        await asyncio.wait_for(shutdown.now.wait(), 10)
    await ear.ended()


async def test_words_that_do_not_force() -> None:
    """Only one does: neither the same word again nor the parent's death cuts the grace short."""
    ours, theirs = socket.socketpair()
    shutdown = Shutdown()
    line = ParentLine(theirs.detach())
    with line.obeyed(shutdown):
        ours.sendall(b"drain\ndrain\n")
        await asyncio.wait_for(shutdown.drain.wait(), 10)
        ours.close()
        for _ in range(10):  # its end is read in the next turn
            await asyncio.sleep(0)
        assert not shutdown.now.is_set()


async def test_a_child_without_a_parent_drains() -> None:
    """However the parent went."""
    ours, theirs = socket.socketpair()
    shutdown = Shutdown()
    with ParentLine(theirs.detach()).obeyed(shutdown):
        ours.close()
        await asyncio.wait_for(shutdown.drain.wait(), 10)
        assert not shutdown.now.is_set()
