"""Every metric there is: its name, kind and labels, and the one sentence that says what it means.

The numbers are counted elsewhere, where these names lead to; docs/metrics.md is made of this:
`make metrics-docs`. Base units (seconds, bytes, tokens). Labels are few and of fixed words:
settings, job types, causes (`observability/words.py` sees to that); never anything from a payload
or from a model's answer.
"""

from worker.observability.catalogue import core, doing, fleet, jobs, model, process
from worker.observability.catalogue.metric import Group

OF_WORKER: tuple[Group, ...] = (
    fleet.GROUP,
    jobs.GROUP,
    doing.GROUP,
    model.GROUP,
    core.GROUP,
    process.OF_PROCESS,
)
"""What each worker exposes."""
GROUPS = (*OF_WORKER, process.OF_PARENT)
"""All of them, in the order of the documentation."""
