"""Every knob of the daemon: its unit, its bounds, what it is for.

`.env.example` holds the same list, and a test keeps the two equal.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from shared.config import ServiceSettings
from shared.enums import JobType
from worker.llm_config import (
    Addresses,
    Fallbacks,
    ProviderName,
    StructureName,
    TokenBudgets,
)
from worker.log_choices import LogFormat, LogLevel
from worker.queue.redis_address import read_address, shares_slot
from worker.queue.turns import LOOKAHEAD
from worker.setting_types import AdminToken, EventsTold, HttpUrl, ModelName, Token, Weights


def _redis_url(value: str) -> str:
    read_address(value)  # its ValueErrors say what is allowed
    return value


RedisUrl = Annotated[str, AfterValidator(_redis_url)]


class Settings(ServiceSettings):
    """The daemon's settings; a name in capitals is its environment variable."""

    llm_provider: ProviderName = Field(
        ProviderName.VLLM,
        description=f"How the server speaks: {', '.join(ProviderName)}",
    )
    llm_base_url: Addresses = Field(
        ("http://localhost:8080/v1",),
        description="The OpenAI-compatible server, with its /v1; a comma list for replicas",
    )
    llm_vision_model: ModelName = Field("llava", description="The model that sees pictures")
    llm_text_model: ModelName = Field("mistral", description="The model for everything else")
    llm_api_key: Token = Field(
        SecretStr("not-needed"), description="Sent as a bearer token; never logged"
    )
    llm_fallbacks: Fallbacks = Field(
        (),
        description="JSON list of servers to use while the first is away; docs/models.md",
    )
    llm_structure: StructureName = Field(
        StructureName.AUTO,
        description="How answers get their shape: auto, json_schema, json_object, tool, prompt",
    )
    llm_context_tokens: int | None = Field(
        None, ge=512, description="Tokens of prompt and answer, for servers that do not say"
    )
    llm_canary: bool = Field(
        True, description="Ask one tiny question at start: is output really constrained?"
    )
    llm_breaker_min_calls: int = Field(
        10, ge=1, le=1_000, description="Calls to judge a server by, before it is left alone"
    )
    llm_breaker_failure_rate: float = Field(
        0.5, gt=0, le=1, description="Share of failed calls from which a server is left alone"
    )
    llm_breaker_slow_rate: float = Field(
        0.9, gt=0, le=1, description="Share of slow calls from which a server is left alone"
    )
    llm_breaker_slow_s: float = Field(
        0, ge=0, le=3600, description="Seconds that make a call slow; 0: 3/4 of what it may take"
    )
    llm_breaker_open_s: float = Field(
        5, gt=0, le=3600, description="Seconds a server is left alone at first; doubles up to 60"
    )
    llm_breaker_probes: int = Field(
        3, ge=1, le=100, description="Calls at once that try whether a server is back"
    )
    llm_adaptive: bool = Field(
        True, description="Find out how much each server takes; off: WORKER_CONCURRENCY for each"
    )
    llm_limit_floor: int = Field(
        2, ge=1, le=10_000, description="Calls at once that a server is always sent"
    )
    llm_limit_start: int = Field(
        8, ge=1, le=10_000, description="Calls at once that a server is sent at first"
    )
    llm_prices_file: Path | None = Field(
        None, description="JSON: price per million tokens by model; docs/models.md"
    )
    llm_daily_tokens: TokenBudgets = Field(
        {}, description="Tokens a day by provider, such as openai:2000000; then jobs wait"
    )
    record_llm_responses: Path | None = Field(
        None, description="Folder for every request and reply, private texts included; off"
    )
    tag_vocabulary_file: Path | None = Field(
        None, description="The only tags that may be given, one a line; any when unset"
    )
    llm_max_retries: int = Field(
        5, ge=1, le=100, description="Attempts a job has before it is a dead letter"
    )
    llm_stream_prefix: str = Field(
        "llm",
        pattern=r"^[A-Za-z0-9_.:{}-]{1,100}$",
        description="First part of every key; {llm} puts all in one Redis Cluster slot",
    )
    llm_timeout_s: float = Field(
        60, gt=0, le=3600, description="Seconds one call to the text model may take in all"
    )
    llm_vision_timeout_s: float = Field(
        120, gt=0, le=3600, description="Seconds one call to the vision model may take in all"
    )
    redis_url: RedisUrl = Field(
        "redis://redis:6379",
        description="redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://",
    )
    core_api_url: HttpUrl = Field("http://core:8000", description="The Core REST API")
    core_api_token: Token = Field(
        SecretStr(""), description="Bearer token for Core, where it wants one; never logged"
    )
    core_timeout_s: float = Field(
        10, gt=0, le=600, description="Seconds one request to Core may take"
    )
    core_max_retries: int = Field(
        20, ge=1, le=10_000, description="Errors (500) of Core's until a delivery is a dead letter"
    )
    image_storage_path: Path = Field(
        Path("/data/images"), description="The folder pictures are read from, and none outside it"
    )
    image_max_pixels: int = Field(
        1_048_576, ge=4_096, le=100_000_000, description="Pictures are shrunk to about this size"
    )
    image_max_bytes: int = Field(
        20 << 20, ge=1_024, le=1 << 30, description="A picture's file may have this many bytes"
    )
    document_max_bytes: int = Field(
        50 << 20, ge=1_024, le=1 << 30, description="A document's file may have this many bytes"
    )
    document_max_pages: int = Field(
        100, ge=1, le=500, description="Pages of one document that are read at most"
    )
    document_page_pixels: int = Field(
        2_097_152, ge=4_096, le=100_000_000, description="Pages are drawn at about this size"
    )
    worker_concurrency: int = Field(
        64, ge=1, le=10_000, description="Jobs asking the model at once"
    )
    worker_processes: int = Field(
        1, ge=1, le=64, description="Processes that share what the settings allow a worker"
    )
    worker_held_max: int = Field(
        1_000, ge=1, le=100_000, description="Jobs held at once: running, parked, being delivered"
    )
    worker_lease_s: float = Field(
        20, ge=1, le=3600, description="Seconds until a dead worker's jobs go to another"
    )
    worker_grace_s: float = Field(
        25, ge=0, le=3600, description="Seconds running jobs may take to finish on SIGTERM"
    )
    worker_processing_after_s: float = Field(
        1,
        ge=0,
        le=3600,
        description="Seconds until Core hears that a job is processing; 0: at once",
    )
    worker_job_types: Annotated[tuple[JobType, ...], NoDecode] = Field(
        tuple(JobType), description="Comma list of job types to run, or all"
    )
    worker_weights: Weights = Field(
        {}, description="Shares of the job types, such as image_tag:1,intent_classify:8; else 1"
    )
    worker_lookahead: int = Field(
        LOOKAHEAD,
        ge=0,
        le=10_000_000,
        description="Waiting jobs of a type put in order by tenant and deadline; 0: as they come",
    )
    worker_outbox_max: int = Field(
        500, ge=1, le=1_000_000, description="Outcomes waiting for Core until claiming pauses"
    )
    worker_outbox_max_bytes: int = Field(64 << 20, ge=1_024, description="The same in bytes")
    worker_alone_from_deliveries: int = Field(
        3, ge=2, le=1_000, description="Deliveries without an answer until a job runs alone"
    )
    worker_deliveries_max: int = Field(
        10, ge=2, le=1_000, description="Deliveries without an answer until a job is poison"
    )
    worker_payload_max_bytes: int = Field(
        1 << 20, ge=1_024, le=512 << 20, description="A payload may have this many bytes"
    )
    worker_stray_after_s: float = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds until jobs on a stream of no known type are dead letters",
    )
    worker_health_host: str = Field(
        "127.0.0.1", min_length=1, description="Address the health port listens on"
    )
    worker_health_port: int = Field(
        8081,
        ge=0,
        le=65_535,
        description="/live, /ready, /metrics and the page; 0 takes a free port",
    )
    worker_admin_token: AdminToken = Field(
        SecretStr(""),
        description="Opens the page, and lets it change things; without it all may look",
    )
    worker_page_payloads: bool = Field(
        False,
        description="The page shows payloads to who has the token; error messages to all",
    )
    dead_letter_max: int = Field(
        100_000, ge=1, description="About this many dead letters are kept, the newest"
    )
    events_max: int = Field(
        10_000, ge=0, description="About this many lifecycle events are kept; 0 tells none"
    )
    events: EventsTold = Field(
        EventsTold.ALL, description="all lifecycle events, or only ends: completed and dead"
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error")
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="console, json, or auto: colours on a terminal, else JSON"
    )

    @field_validator("llm_provider", "llm_structure", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("worker_job_types", mode="before")
    @classmethod
    def _comma_list(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = [name.strip() for name in value.split(",") if name.strip()]
        if names == ["all"]:
            return tuple(JobType)
        unknown = sorted(set(names) - set(JobType))
        if unknown or not names:
            known = ", ".join(JobType)
            said = f"{', '.join(unknown)}: no such job type; " if unknown else ""
            raise ValueError(f"{said}allowed are all, or a comma list of {known}")
        return tuple(dict.fromkeys(JobType(name) for name in names))

    @field_validator("log_level", "log_format", "events", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_cluster_slot(self) -> Self:
        clustered = read_address(self.redis_url).kind == "cluster"
        if clustered and not shares_slot(self.llm_stream_prefix):
            raise ValueError(
                f"LLM_STREAM_PREFIX={self.llm_stream_prefix!r}: in a Redis Cluster it needs a tag "
                "in braces, such as {llm}, which keeps all keys in one slot"
            )
        return self
