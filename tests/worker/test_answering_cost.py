"""What a job has cost goes into its result."""

from typing import Any

from shared.schemas import UsageReport
from tests.answer_room import AnswerRoom
from tests.builders import claimed, job, tagged
from worker.errors import Retryable
from worker.handlers.handler import Tools
from worker.llm.chat import Completion, Usage
from worker.llm.prices import Price, Prices, usage_report
from worker.outcome import Completed, dump_outcome


async def test_a_result_says_what_it_has_cost() -> None:
    """Every try is in it, also those that came to nothing, at the prices of the list."""

    async def run(_payload: Any, tools: Tools) -> Completed:
        tools.ask.usage.add(Completion("{}", "stop", 1_000, 10, 0, "openai", "gpt"))
        if tools.ask.usage.calls == 1:
            raise Retryable("no luck")
        return tagged("m1")

    cheap = Price.model_validate({"in": 2, "out": 5})
    room = AnswerRoom(run=run, prices=Prices("USD", {"gpt": cheap}))
    outcome = await room.answer(job())
    assert isinstance(outcome, Completed)
    usage = UsageReport.model_validate(outcome.result["usage"])
    assert (usage.calls, usage.tokens_in, usage.cost) == (2, 2_000, 0.0041)
    [only] = usage.models
    assert (only.provider, only.model, only.calls, only.cost) == ("openai", "gpt", 2, 0.0041)


async def test_a_recorded_outcome_keeps_its_cost() -> None:
    """It was paid for by the worker that died, not by the one that carries it on."""
    kept = tagged("m1").costing(usage_report(Usage(calls=3), Prices()))
    assert await AnswerRoom().answer(job(claimed(outcome=dump_outcome(kept)))) == kept
