"""A call that has waited has less time: a job's deadline holds for waiting and calling together."""

from dataclasses import replace

from shared.enums import FailureReason
from worker.errors import Reject
from worker.llm.chat import ChatRequest

FAIR_SHARE = 0.5
"""With less than this of its time left, a call that gets no answer in it is not the server's
fault: a full server would be cut, and left alone, for the time that jobs wait for it here."""


def in_time(request: ChatRequest, waited_s: float) -> ChatRequest:
    """A request as it is after waiting: its call ends with the job's deadline at the latest.

    Args:
        request: as it was asked.
        waited_s: seconds since then.

    Raises:
        Reject: the deadline has passed.
    """
    if request.left_s is None:
        return request
    left_s = request.left_s - waited_s
    if left_s <= 0:
        raise Reject(FailureReason.EXPIRED, "the deadline passed while it waited for a server")
    if left_s >= request.timeout_s:
        return request
    hurried = left_s < FAIR_SHARE * request.timeout_s
    return replace(request, timeout_s=left_s, left_s=left_s, hurried=hurried)
