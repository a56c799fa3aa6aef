"""What the daemon leans on: three services, the files it reads, and what is counted on the way.

Opened once at the start and closed in the opposite order at the end.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from shared.config import ConfigError
from shared.redis_streams import Keys
from worker.config import Settings
from worker.consumer import Report
from worker.core_api_client import CoreApiClient
from worker.files.documents import DocumentFolder, DocumentLimits
from worker.files.images import ImageFolder
from worker.handlers.vocabulary import read_vocabulary
from worker.llm.budget import DailyBudgets
from worker.llm.chat import LLM
from worker.llm.prices import Prices, read_prices
from worker.llm.recorder import RecordingLLM
from worker.llm.router import Router
from worker.model_side import Around, build_llm
from worker.observability.metrics import Metrics
from worker.observability.report import report
from worker.queue.redis_clients import RedisClients, connect
from worker.queue.token_ledger import RedisTokenLedger


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that is not the worker itself.

    Attributes:
        router: which model server is asked.
        llm: what handlers ask: the router, or a recorder before it.
        vocabulary: the tags that may be given, where a payload does not say; None: any.
    """

    redis: RedisClients
    core: CoreApiClient
    router: Router
    llm: LLM
    images: ImageFolder
    documents: DocumentFolder
    budgets: DailyBudgets
    prices: Prices
    vocabulary: tuple[str, ...] | None
    metrics: Metrics

    @property
    def report(self) -> Report:
        """Who is told of each job's end."""
        return partial(report, prices=self.prices)


async def open_outside(settings: Settings, stack: AsyncExitStack) -> Outside:
    """Open what the settings describe; nothing is asked yet.

    Raises:
        ConfigError: a file that a setting names cannot be used.
        Halt: a key or an address cannot be.
    """
    prices, vocabulary = read_files(settings)
    metrics = Metrics(prices)
    clients = connect(settings.redis_url, key=Keys(settings.llm_stream_prefix).dead)
    stack.push_async_callback(clients.close)
    core = CoreApiClient(
        settings.core_api_url,
        token=settings.core_api_token.get_secret_value(),
        timeout_s=settings.core_timeout_s,
        observed=metrics.core_answered,
    )
    stack.push_async_callback(core.close)
    budgets = _budgets(settings, clients, metrics)
    router = build_llm(settings, Around(metrics, budgets))
    metrics.watch_servers(router)
    stack.push_async_callback(router.close)
    images, documents = build_images(settings), build_documents(settings)
    stack.callback(images.close)
    stack.callback(documents.close)
    return Outside(
        redis=clients,
        core=core,
        router=router,
        llm=_recorded(settings, router, stack),
        images=images,
        documents=documents,
        budgets=budgets,
        prices=prices,
        vocabulary=vocabulary,
        metrics=metrics,
    )


def read_files(settings: Settings) -> tuple[Prices, tuple[str, ...] | None]:
    """The price list and the vocabulary that settings name.

    Raises:
        ConfigError: one of them cannot be used.
    """
    try:
        prices = read_prices(settings.llm_prices_file)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    path = settings.tag_vocabulary_file
    try:
        return prices, None if path is None else read_vocabulary(path)
    except ValueError as error:
        raise ConfigError(f"TAG_VOCABULARY_FILE: {error}") from None


def build_images(settings: Settings) -> ImageFolder:
    """The picture folder that the settings describe."""
    return ImageFolder(
        settings.image_storage_path,
        max_file_bytes=settings.image_max_bytes,
        max_pixels=settings.image_max_pixels,
    )


def build_documents(settings: Settings) -> DocumentFolder:
    """The same folder, for documents."""
    limits = DocumentLimits(
        file_bytes=settings.document_max_bytes,
        pages=settings.document_max_pages,
        pixels=settings.document_page_pixels,
    )
    return DocumentFolder(settings.image_storage_path, limits)


def _budgets(settings: Settings, clients: RedisClients, metrics: Metrics) -> DailyBudgets:
    limits = {str(name): tokens for name, tokens in settings.llm_daily_tokens.items()}
    ledger = RedisTokenLedger(clients.commands, Keys(settings.llm_stream_prefix))
    budgets = DailyBudgets(limits, ledger)
    for name, tokens in limits.items():
        metrics.watch_budget(name, tokens, partial(budgets.spent, name))
    return budgets


def _recorded(settings: Settings, router: Router, stack: AsyncExitStack) -> LLM:
    if settings.record_llm_responses is None:
        return router
    try:
        settings.record_llm_responses.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"RECORD_LLM_RESPONSES={settings.record_llm_responses}: {error.strerror}"
        raise ConfigError(message) from None
    recorder = RecordingLLM(router, settings.record_llm_responses)
    stack.push_async_callback(recorder.close)
    return recorder
