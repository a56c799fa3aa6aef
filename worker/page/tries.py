"""How often somebody may be wrong about the token. Pure: time comes in."""

FEW = 5
WINDOW_S = 60.0
KNOWN_MAX = 1_024
"""Addresses that are remembered; of more of them the first are forgotten."""


class Tries:
    """The wrong tries of the last minute, by address."""

    def __init__(self) -> None:
        self._failed: dict[str, list[float]] = {}

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._failed)

    def wait_s(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0: now."""
        times = self._recent(address, now)
        return times[0] + WINDOW_S - now if len(times) >= FEW else 0.0

    def failed(self, address: str, now: float) -> None:
        """This address was wrong."""
        times = [*self._recent(address, now), now][-FEW:]
        self._failed.pop(address, None)
        self._failed[address] = times
        while len(self._failed) > KNOWN_MAX:
            self._failed.pop(next(iter(self._failed)))

    def _recent(self, address: str, now: float) -> list[float]:
        return [at for at in self._failed.get(address, ()) if now - at < WINDOW_S]
