"""How long answers are: log-normal, as answers of models are, and the same for the same seed."""

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LengthProfile:
    """The spread of lengths; a `sigma` of 0 gives every answer the median.

    Raises:
        ValueError: the median is below 1 token or the spread below 0.
    """

    median_tokens: float = 64.0
    sigma: float = 0.8
    """Standard deviation of the length's logarithm."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.median_tokens < 1 or not 0 <= self.sigma <= 10:
            raise ValueError("lengths need a median of 1 at least and a sigma of 0 to 10")


class Lengths:
    """Draws the length of one answer after the other."""

    def __init__(self, profile: LengthProfile) -> None:
        self._mu = math.log(profile.median_tokens)
        self._sigma = profile.sigma
        self._dice = random.Random(profile.seed)  # noqa: S311 - no secret, and has to repeat

    def draw(self, most: int) -> int:
        """The next length in tokens, 1 to `most`; every call uses up one draw."""
        drawn = math.exp(self._mu + self._sigma * self._dice.gauss(0.0, 1.0))
        return max(1, min(round(drawn), most))
