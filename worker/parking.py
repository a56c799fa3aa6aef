"""Waiting, for the next try or for a service to come back: without a slot, with the lease, and not
a moment into a shutdown.
"""

import asyncio

from worker.job import HandBack


class Parking:
    """Where jobs wait."""

    def __init__(self) -> None:
        self._places: set[asyncio.Future[None]] = set()
        self._closing = False

    @property
    def closing(self) -> bool:
        """Whether jobs that wait are to be handed back."""
        return self._closing

    def close(self) -> None:
        """Send away everybody who waits, now and from now on: the worker is stopping."""
        self._closing = True
        self.clear()

    def clear(self) -> None:
        """Send away everybody who waits: their entries go back to the stream."""
        for place in self._places:
            if not place.done():
                place.set_exception(HandBack())

    async def park(self, after_s: float | None, place: asyncio.Future[None] | None = None) -> None:
        """Wait until the time is over or somebody sets the result of `place`.

        Raises:
            HandBack: the job is to be handed back instead.
        """
        if self._closing:
            raise HandBack
        if place is None:
            place = asyncio.get_running_loop().create_future()
        self._places.add(place)
        try:
            async with asyncio.timeout(after_s):
                await place
        except TimeoutError:
            if place.done() and not place.cancelled():
                place.result()  # sent away, or woken, in the moment the time was over
        finally:
            self._places.discard(place)
