"""Requests to Core."""

from worker.observability.catalogue.metric import Group

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

GROUP = Group("Core")

CORE_REQUESTS = GROUP.counter(
    "core_requests",
    "Requests to Core by how they ended: ok, http_404 and so on, timeout, connection_error, or "
    "cancelled with their job.",
    "route",
    "outcome",
)
CORE_SECONDS = GROUP.seconds("core_request", "What a request to Core took.", _SECONDS, "route")
