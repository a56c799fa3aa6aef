"""What the tests of the model side share."""

from typing import Any

import pytest
import structlog


@pytest.fixture
def lines() -> Any:
    """A function that gives the log lines of an event."""
    with structlog.testing.capture_logs() as captured:

        def found(event: str) -> list[dict[str, Any]]:
            return [dict(line) for line in captured if line["event"] == event]

        yield found
