"""One module per job type; each is listed here, and nowhere else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from shared.enums import JobType
from worker.handlers import (
    document,
    email_extract,
    extract,
    followup,
    image_tag,
    intent_classify,
    task_match,
    text_tag,
)
from worker.handlers.handler import Handler

ALL_HANDLERS: tuple[Handler[Any], ...] = (
    image_tag.HANDLER,
    text_tag.HANDLER,
    email_extract.HANDLER,
    task_match.HANDLER,
    intent_classify.HANDLER,
    followup.HANDLER,
    extract.HANDLER,
    document.HANDLER,
)
HANDLERS: Mapping[JobType, Handler[Any]] = MappingProxyType(
    {handler.job_type: handler for handler in ALL_HANDLERS}
)
"""Who answers which job type."""
