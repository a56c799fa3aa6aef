"""A set and what has come of it so far: complete or not, it can be reported at any time."""

from dataclasses import dataclass, field

from worker.evaluation.dataset import Dataset
from worker.evaluation.metrics import metric_of
from worker.evaluation.report import CaseOutcome, SetReport
from worker.llm.chat import LLM, ChatRequest, Completion, ModelRole


@dataclass(slots=True)
class Sheet:
    """One set, filled in while it runs.

    Attributes:
        prompts: the wordings that were used.
        models: who answered, as `provider/model`.
    """

    dataset: Dataset
    outcomes: list[CaseOutcome] = field(default_factory=list[CaseOutcome])
    prompts: set[str] = field(default_factory=set[str])
    models: set[str] = field(default_factory=set[str])

    def report(self) -> SetReport:
        """What there is, in the order of the set."""
        order = {case.case_id: at for at, case in enumerate(self.dataset.cases)}
        done = sorted(self.outcomes, key=lambda each: (order.get(each.id, 0), each.run))
        about = self.dataset.about
        return SetReport(
            name=self.dataset.name,
            kind=about.kind,
            job_type=about.job_type,
            metric=metric_of(about).name,
            cases_there=len(self.dataset),
            prompts=tuple(sorted(self.prompts)),
            models=tuple(sorted(self.models)),
            cases=tuple(done),
        )


@dataclass(frozen=True, slots=True)
class Witnessed:
    """An LLM whose calls are noted on a sheet."""

    llm: LLM
    sheet: Sheet

    async def complete(self, request: ChatRequest) -> Completion:
        """As the LLM does."""
        if request.prompt.version:
            self.sheet.prompts.add(request.prompt.version)
        completion = await self.llm.complete(request)
        self.sheet.models.add(f"{completion.provider}/{completion.model}")
        return completion

    def context_tokens(self, role: ModelRole) -> int | None:
        """As the LLM says."""
        return self.llm.context_tokens(role)
