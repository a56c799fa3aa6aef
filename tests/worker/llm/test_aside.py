"""Work beside the event loop."""

import threading

import pytest

from worker.llm.aside import aside


async def test_it_runs_in_a_thread_and_gives_what_it_gives() -> None:
    """The caller only waits."""

    def work(number: int, *, more: int) -> tuple[int, bool]:
        return number + more, threading.current_thread() is threading.main_thread()

    assert await aside(work, 1, more=2) == (3, False)


async def test_it_raises_what_is_raised() -> None:
    """An error crosses over unchanged."""
    error = ValueError("no")

    def work() -> None:
        raise error

    with pytest.raises(ValueError, match="no") as caught:
        await aside(work)
    assert caught.value is error
