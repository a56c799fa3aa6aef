"""task_match: which of a user's open tasks a memory shows to be done, if any."""

import re
from collections import Counter
from collections.abc import Sequence
from math import fsum
from typing import Literal

from pydantic import BaseModel

from shared.enums import FailureReason, JobType
from shared.schemas import Confidence, TaskMatchPayload, TaskMatchResult, TaskResponse
from worker.errors import Reject, Retryable, Service
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked, one_line
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import Completed, completed

MOST_OFFERED = 20
TASK_SHOWN_CHARS = 300
SYSTEM = f"""You keep a to-do list in step with what its owner writes down.
{DATA_RULE}
You get open tasks, each behind a short name such as T1, and a note.
Answer with one JSON object. Its field task is the name of the one task that the note shows to be \
finished, or none. A plan, a wish or a related topic finishes nothing: when in doubt, none. Its \
field confidence says from 0 to 1 how sure you are."""

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
    """The tasks that share most with a memory, best first, Core's order among equals.

    A shared word counts the less the more tasks have it, so that "the" decides nothing.
    """
    words = [_words(task.description) for task in tasks]
    spread = Counter(word for of_task in words for word in of_task)
    seen = _words(memory)
    # fsum: the same to the last bit in whatever order a set gives its words.
    fit = [fsum(1 / spread[word] for word in of_task & seen) for of_task in words]
    best = sorted(range(len(tasks)), key=lambda at: -fit[at])
    return [tasks[at] for at in best[:MOST_OFFERED]]


async def match_task(payload: TaskMatchPayload, tools: Tools) -> Completed:
    """Find the task that is done; without open tasks the model is not asked.

    Raises:
        Reject: nobody knows whose tasks to look at.
        Retryable: the model named a task that was not offered.
    """
    if tools.user_id is None:
        raise Reject(FailureReason.INVALID_PAYLOAD, "task_match needs user_id: whose tasks?")
    tasks = await tools.core.open_tasks(tools.user_id)
    offered = {
        f"T{number}": task
        for number, task in enumerate(shortlist(tasks, payload.memory_content), 1)
    }
    nothing = completed(TaskMatchResult(memory_id=payload.memory_id, task_id=None))
    if not offered:
        return nothing
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, _request(offered, payload.memory_content)))
    if answer.task == "none":
        return nothing
    task = offered.get(answer.task)
    if task is None:
        message = f"the model chose {answer.task} of {len(offered)} tasks"
        raise Retryable(message, reason=FailureReason.INVALID_ANSWER)
    return completed(
        TaskMatchResult(
            memory_id=payload.memory_id,
            task_id=task.id,
            task_description=task.description,
            confidence=answer.confidence,
        )
    )


def _request(offered: dict[str, TaskResponse], memory: str) -> str:
    lines = "\n".join(
        f"{alias}: {one_line(task.description)[:TASK_SHOWN_CHARS]}"
        for alias, task in offered.items()
    )
    return f"The open tasks:\n{marked(lines)}\n\nThe note:\n{marked(memory)}"


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


HANDLER = Handler(
    JobType.TASK_MATCH, TaskMatchPayload, match_task, needs=(Service.CORE, Service.MODEL)
)
