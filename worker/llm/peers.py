"""The other workers that use the same servers, as far as the model side knows of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Peers(Protocol):
    """Where workers tell each other what they use."""

    async def meet(self, server: str, using: Mapping[str, float]) -> Sequence[Mapping[str, float]]:
        """Tell what this worker uses of a server, and hear what each of the others does.

        Args:
            server: its address; only those who use the same words for it meet.
            using: calls at once by kind, of the kinds it could use more of.

        Returns:
            The same of each other worker, none where they cannot be heard; nothing is raised.
        """
        ...


class Alone:
    """Nobody else, as far as one hears."""

    async def meet(self, server: str, using: Mapping[str, float]) -> Sequence[Mapping[str, float]]:
        """Hear nothing."""
        del server, using
        return ()
