"""What the stand-in has been asked and is doing now: exact numbers, and vLLM's names for them."""

from collections import Counter, deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypedDict

from pydantic import JsonValue

_CALLS_KEPT = 10_000


class Call(TypedDict):
    """One completion that was asked for, whatever came of it."""

    model: str
    schema_name: str | None
    text: str
    """The last user message."""
    request_id: str


class Tally:
    """Counts of one stand-in. Numbers per model are kept in counters by the model's id."""

    def __init__(self, models: tuple[str, ...], token_room: int) -> None:
        self.models = models
        self._token_room = token_room
        self._held_tokens: Counter[str] = Counter()
        self._by_request_id: Counter[str] = Counter()
        self.calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        """The latest calls, oldest first."""
        self.by_model: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.prompt_tokens: Counter[str] = Counter()
        self.generation_tokens: Counter[str] = Counter()
        self.finished: Counter[tuple[str, str]] = Counter()
        """By model and finish reason; `abort` is a client that went away."""

    @property
    def cancelled(self) -> int:
        """Completions whose client went away before the answer."""
        return sum(count for (_, reason), count in self.finished.items() if reason == "abort")

    def cache_use(self, model: str | None = None) -> float:
        """The share, 0 to 1, of the room that prompts of a model hold, or of all models."""
        held = self._held_tokens.total() if model is None else self._held_tokens[model]
        return min(held / self._token_room, 1.0)

    def count_call(self, call: Call) -> None:
        """A completion was asked for."""
        self.calls.append(call)
        self.by_model[call["model"]] += 1
        if call["request_id"]:
            self._by_request_id[call["request_id"]] += 1

    def count_answer(self, model: str, reason: str, tokens_in: int, tokens_out: int) -> None:
        """A completion was given."""
        self.finished[model, reason] += 1
        self.prompt_tokens[model] += tokens_in
        self.generation_tokens[model] += tokens_out

    @contextmanager
    def wait(self, model: str) -> Generator[None]:
        """A request is in the queue for as long as this lasts."""
        self.waiting[model] += 1
        try:
            yield
        finally:
            self.waiting[model] -= 1

    @contextmanager
    def run(self, model: str, tokens: int) -> Generator[None]:
        """A request holds a slot, and its prompt's tokens, for as long as this lasts."""
        self.running[model] += 1
        self._held_tokens[model] += tokens
        try:
            yield
        finally:
            self.running[model] -= 1
            self._held_tokens[model] -= tokens

    def stats(self) -> dict[str, JsonValue]:
        """The body of `GET /stats`."""
        return {
            "calls": self.by_model.total(),
            "by_model": {**self.by_model},
            "by_request_id": {**self._by_request_id},
            "running": self.running.total(),
            "waiting": self.waiting.total(),
            "cancelled": self.cancelled,
        }

    def metrics(self) -> str:
        """The body of `GET /metrics`, in Prometheus' text format."""
        lines: list[str] = []
        gauges = (
            ("vllm:num_requests_running", self.running),
            ("vllm:num_requests_waiting", self.waiting),
        )
        for name, counter in gauges:
            lines.append(f"# TYPE {name} gauge")
            lines += [f'{name}{{model_name="{model}"}} {counter[model]}' for model in self.models]
        lines.append("# TYPE vllm:kv_cache_usage_perc gauge")
        for model in self.models:
            usage = self.cache_use(model)
            lines.append(f'vllm:kv_cache_usage_perc{{model_name="{model}"}} {usage}')
        lines.append("# TYPE vllm:request_success_total counter")
        for model in self.models:
            for reason in ("stop", "length", "abort"):
                labels = f'finished_reason="{reason}",model_name="{model}"'
                count = self.finished[model, reason]
                lines.append(f"vllm:request_success_total{{{labels}}} {count}")
        totals = (
            ("vllm:prompt_tokens_total", self.prompt_tokens),
            ("vllm:generation_tokens_total", self.generation_tokens),
        )
        for name, counter in totals:
            lines.append(f"# TYPE {name} counter")
            lines += [f'{name}{{model_name="{model}"}} {counter[model]}' for model in self.models]
        return "\n".join(lines) + "\n"
