"""The model side as the settings describe it: which servers, in which order, how judged."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from shared.enums import JobType
from worker.config import Settings
from worker.handlers import HANDLERS
from worker.llm.breaker import Breaker, BreakerLimits
from worker.llm.chat import ModelRole
from worker.llm.client import OpenAIChat
from worker.llm.limit import AdaptiveLimit, Bounds
from worker.llm.load_watch import LoadWatch
from worker.llm.observing import Budgets, CallObserver, Unlimited, Unobserved, Watchers
from worker.llm.peers import Alone, Peers
from worker.llm.preflight import Preflight
from worker.llm.providers import PROVIDERS
from worker.llm.replica import Replica
from worker.llm.returning import ReturnWatch
from worker.llm.router import Router, Upstream
from worker.llm.silence import SilenceWatch
from worker.llm_config import Fallback, ProviderName, StructureName

SPARE_CONNECTIONS = 8
"""For health and the canary, beside one for each call."""


@dataclass(frozen=True, slots=True)
class Around:
    """What counts, and what time and chance are; each may be left as it is."""

    observer: CallObserver = Unobserved()  # noqa: RUF009 - it has no state
    budgets: Budgets = Unlimited()  # noqa: RUF009 - it has no state
    elapsed: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


def build_llm(settings: Settings, around: Around | None = None) -> Router:
    """The model servers that the settings describe, none of them asked yet.

    Raises:
        Halt: a key cannot be sent, or an address cannot be read.
    """
    around = around or Around()
    upstreams = [_upstream(settings, entry, around) for entry in _entries(settings)]
    return Router(upstreams, around.budgets, around.chance)


def build_preflight(settings: Settings, router: Router) -> Preflight:
    """What looks at these servers before they are needed."""
    return Preflight(
        router, _roles(settings), canary=settings.llm_canary, structure=settings.llm_structure
    )


def build_load_watch(
    settings: Settings, router: Router, resize: Callable[[int], None], peers: Peers | None = None
) -> LoadWatch:
    """Give each server its limits, as the settings say, and what finds them out.

    Args:
        settings: whether and within which bounds.
        router: whose servers; none of them has limits without this.
        resize: told how many calls there may be at once, now and whenever that changes.
        peers: the other workers that use these servers.
    """
    cap = settings.worker_concurrency
    if settings.llm_adaptive:
        bounds = Bounds(settings.llm_limit_floor, cap, settings.llm_limit_start)
        for replica in router.replicas:
            measured = replica.preset.load_path is not None
            replica.limits = {role: AdaptiveLimit(bounds, measured=measured) for role in ModelRole}
        router.follow(lambda room: resize(min(room, cap)), _roles(settings))
    return LoadWatch(router.replicas, time.monotonic, random.random, peers or Alone())


def build_return_watch(router: Router, back: Callable[[], None]) -> ReturnWatch:
    """What sees these servers come back; `back` is told when one may be tried again."""
    return ReturnWatch(router.replicas, random.random, back)


def build_silence_watch(
    settings: Settings, router: Router, away: Callable[[str], None]
) -> SilenceWatch:
    """What sees these servers hang; `away` is told why when none is left that may be asked."""

    def left() -> None:
        if why := router.away:
            away(why)

    stall_s = settings.llm_timeout_s / 2
    return SilenceWatch(router.replicas, time.monotonic, random.random, stall_s, left)


def priorities(weights: Mapping[JobType, int]) -> dict[str, int]:
    """What each job type is sent with to a server that has a queue by priority: 0 is the soonest.

    The heaviest has what interactive traffic has that says nothing. The others come after it, in
    classes: one that weighs less than half as much as another is behind it.
    """
    heavy = {job_type: weights.get(job_type, 1) for job_type in JobType}
    heaviest = max(heavy.values())
    return {str(job_type): heaviest // weight - 1 for job_type, weight in heavy.items()}


def _roles(settings: Settings) -> list[ModelRole]:
    """The kinds of calls that the job types need."""
    return list(dict.fromkeys(HANDLERS[name].role for name in settings.worker_job_types))


def _entries(settings: Settings) -> Iterator[Fallback]:
    """The first provider and those to fall back on, all in one form."""
    said = "llm_base_url" in settings.model_fields_set or settings.llm_provider is ProviderName.VLLM
    yield Fallback(
        provider=settings.llm_provider,
        base_url=settings.llm_base_url if said else (),
        text_model=settings.llm_text_model,
        vision_model=settings.llm_vision_model,
        api_key=settings.llm_api_key,
    )
    yield from settings.llm_fallbacks


def _upstream(settings: Settings, entry: Fallback, around: Around) -> Upstream:
    name = str(entry.provider)
    models = {ModelRole.TEXT: entry.text_model, ModelRole.VISION: entry.vision_model}
    urls = entry.base_url or (PROVIDERS[entry.provider].base_url,)
    watchers = Watchers(
        around.observer, around.budgets, around.elapsed, settings.llm_breaker_slow_s
    )
    replicas = [
        Replica(
            url=url,
            preset=PROVIDERS[entry.provider],
            models=models,
            client=_client(settings, entry, url, models),
            breaker=Breaker(_limits(settings), around.elapsed),
            watchers=watchers,
            context=_context(settings, entry),
        )
        for url in urls
    ]
    return Upstream(name, models, replicas)


def _client(
    settings: Settings, entry: Fallback, url: str, models: dict[ModelRole, str]
) -> OpenAIChat:
    client = OpenAIChat(
        url,
        entry.api_key.get_secret_value(),
        models,
        max_connections=settings.worker_concurrency + SPARE_CONNECTIONS,
        provider=PROVIDERS[entry.provider],
    )
    if settings.llm_structure is not StructureName.AUTO:
        client.structure = settings.llm_structure
    return client


def _context(settings: Settings, entry: Fallback) -> dict[str, int]:
    """What is taken for the models' room until a server has said it itself."""
    tokens = settings.llm_context_tokens or PROVIDERS[entry.provider].context_tokens
    return dict.fromkeys((entry.text_model, entry.vision_model), tokens) if tokens else {}


def _limits(settings: Settings) -> BreakerLimits:
    return BreakerLimits(
        min_calls=settings.llm_breaker_min_calls,
        failure_rate=settings.llm_breaker_failure_rate,
        slow_rate=settings.llm_breaker_slow_rate,
        open_s=settings.llm_breaker_open_s,
        probes=settings.llm_breaker_probes,
    )
