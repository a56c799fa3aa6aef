"""task_match: which of a user's open tasks a memory shows to be done, if any.

To call a task done that is not costs its owner more than the other way round: a match of which the
model is less than half sure is none. At most 4 calls, see `asking`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import fsum
from typing import Literal

from pydantic import BaseModel

from shared.enums import FailureReason, JobType
from shared.schemas import Confidence, TaskMatchPayload, TaskMatchResult, TaskResponse
from worker.errors import Reject, Service
from worker.handlers.asking import Asking
from worker.handlers.handler import Handler, Tools
from worker.handlers.wording import wording
from worker.llm.structured import Unusable, model_question
from worker.outcome import Completed, completed
from worker.untrusted.framing import marked, one_line, shown

MOST_OFFERED = 20
TASK_SHOWN_CHARS = 300
SURE_FROM = 0.5
"""A match of less confidence is no match."""
WORDING = wording("task_match")

# Short names in a fixed enum: the schema is the same for every job, so the server compiles it
# once, and a model has no long ids to miscopy.
# fmt: off
Alias = Literal[
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10",
    "T11", "T12", "T13", "T14", "T15", "T16", "T17", "T18", "T19", "T20", "none",
]
# fmt: on


class TaskMatch(BaseModel):
    """What the model says."""

    task: Alias
    confidence: Confidence


QUESTION = model_question("task_match", TaskMatch, 64)


def shortlist(tasks: Sequence[TaskResponse], memory: str) -> list[TaskResponse]:
    """The twenty tasks that share most with a memory, in Core's order.

    A shared word counts the less the more tasks have it, so that "the" decides nothing. That order
    is the same for every memory of a user with few tasks, and so is the beginning of the prompt.
    """
    if len(tasks) <= MOST_OFFERED:
        return list(tasks)
    words = [_words(task.description) for task in tasks]
    spread = Counter(word for of_task in words for word in of_task)
    seen = _words(memory)
    # fsum: the same to the last bit in whatever order a set gives its words.
    fit = [fsum(1 / spread[word] for word in of_task & seen) for of_task in words]
    best = sorted(range(len(tasks)), key=lambda at: -fit[at])
    return [tasks[at] for at in sorted(best[:MOST_OFFERED])]


async def match_task(payload: TaskMatchPayload, tools: Tools) -> Completed:
    """Find the task that is done; without open tasks the model is not asked.

    Raises:
        Reject: nobody knows whose tasks to look at.
        Retryable: the model named a task that was not offered, twice.
    """
    if tools.user_id is None:
        raise Reject(FailureReason.INVALID_PAYLOAD, "task_match needs user_id: whose tasks?")
    tasks = await tools.core.open_tasks(tools.user_id)
    memory = await shown(payload.memory_content)
    offered = shortlist(tasks, memory)
    if not offered:
        return completed(TaskMatchResult(memory_id=payload.memory_id, task_id=None))
    lines = "\n".join(f"T{number}: {_shown(task)}" for number, task in enumerate(offered, 1))
    asking = Asking(tools.ask, QUESTION, WORDING, partial(matched, offered=offered))
    asked = await asking.about((lines, memory), _request)
    task, confidence = asked.value
    return completed(
        TaskMatchResult(
            memory_id=payload.memory_id,
            task_id=task and task.id,
            task_description=task and task.description,
            confidence=confidence if task else None,
            truncated_input=asked.cut,
        )
    )


def matched(
    answer: TaskMatch, offered: Sequence[TaskResponse]
) -> tuple[TaskResponse | None, Confidence]:
    """The task that an answer means, if it is sure enough, and how sure it is.

    Raises:
        Unusable: it means one that was not offered.
    """
    if answer.task == "none" or answer.confidence < SURE_FROM:
        return None, answer.confidence
    number = int(answer.task.removeprefix("T"))
    if number > len(offered):
        raise Unusable(f"task must be one of T1 to T{len(offered)}, or none")
    return offered[number - 1], answer.confidence


def _shown(task: TaskResponse) -> str:
    return one_line(task.description)[:TASK_SHOWN_CHARS]


def _request(tasks: str, memory: str) -> str:
    return f"The open tasks:\n{marked(tasks, steady=True)}\n\nThe note:\n{marked(memory)}"


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


HANDLER = Handler(
    JobType.TASK_MATCH, TaskMatchPayload, match_task, needs=(Service.CORE, Service.MODEL)
)
