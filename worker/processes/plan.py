"""What the parent of several processes is told: no setting that it does not need, and no key."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from worker.log_choices import LogFormat, LogLevel


@dataclass(frozen=True, slots=True)
class Plan:
    """How many processes, and what each is to do.

    Attributes:
        shares: for each process the environment variables in which it differs from its parent.
        grace_s: what running jobs may take on a drain, as each process knows it too.
    """

    shares: tuple[Mapping[str, str], ...]
    health_host: str
    health_port: int
    grace_s: float
    log_level: LogLevel
    log_format: LogFormat

    def to_json(self) -> str:
        """As one word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` has written.

        Raises:
            ValueError: something else has.
        """
        try:
            said = json.loads(text)
            levels = {"log_level": LogLevel(said["log_level"])}
            formats = {"log_format": LogFormat(said["log_format"])}
            return cls(**said | {"shares": tuple(said["shares"])} | levels | formats)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a plan: {error}") from None
