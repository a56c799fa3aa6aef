"""Waiting between tries: without a slot, with the lease, and not a moment into a shutdown."""

import asyncio

from worker.job import HandBack


class Parking:
    """Where jobs wait for their next try."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Whether jobs that wait are to be handed back."""
        return self._closing.is_set()

    def close(self) -> None:
        """Wake everybody who waits, to be handed back."""
        self._closing.set()

    async def park(self, after_s: float) -> None:
        """Wait.

        Raises:
            HandBack: the worker is stopping.
        """
        try:
            async with asyncio.timeout(after_s):
                await self._closing.wait()
        except TimeoutError:
            return
        raise HandBack
