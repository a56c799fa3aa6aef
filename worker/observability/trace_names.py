"""The names in our traces, all of them here.

OpenTelemetry semantic conventions 1.44.0 for messaging, HTTP, servers and errors. Those for GenAI
have moved to a repository of their own and are in development; the names are those that
opentelemetry-semantic-conventions 0.66b2 has, a test holds them to it. What no convention names
begins with `llm_worker.`
"""

from collections.abc import Mapping
from types import MappingProxyType

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
TRACER = "llm-worker"

MODEL, SERVER, PORT = "gen_ai.request.model", "server.address", "server.port"
OF_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "provider": "gen_ai.provider.name",
        "model": MODEL,
        "server": SERVER,
        "port": PORT,
        "max_tokens": "gen_ai.request.max_tokens",
        "prompt": "gen_ai.prompt.name",
        "tokens_in": "gen_ai.usage.input_tokens",
        "tokens_out": "gen_ai.usage.output_tokens",
        "tokens_cached": "gen_ai.usage.cache_read.input_tokens",
        "finish_reason": "gen_ai.response.finish_reasons",
        "reasks": "llm_worker.reasks",
        "method": "http.request.method",
        "route": "url.template",
        "status": "http.response.status_code",
    }
)
"""The words of `worker.tracing.Said`."""

PROVIDERS: Mapping[str, str] = MappingProxyType({"google": "gcp.gemini"})
"""Providers that the conventions call by another name than we do."""

OPERATION, OUTPUT_TYPE = "gen_ai.operation.name", "gen_ai.output.type"
CHAT: Mapping[str, str] = MappingProxyType({OPERATION: "chat", OUTPUT_TYPE: "json"})
"""What every question to a model is."""

SYSTEM, DESTINATION = "messaging.system", "messaging.destination.name"
OPERATION_NAME, OPERATION_TYPE = "messaging.operation.name", "messaging.operation.type"
GROUP, MESSAGE, CLIENT = (
    "messaging.consumer.group.name",
    "messaging.message.id",
    "messaging.client.id",
)
REDIS = "redis"

ERROR = "error.type"
SERVICE, INSTANCE = "service.name", "service.instance.id"

JOB_ID, JOB_TYPE = "llm_worker.job.id", "llm_worker.job.type"
ATTEMPT, DELIVERIES = "llm_worker.attempt", "llm_worker.deliveries"
OUTCOME, REASON, RETRY_AFTER = "llm_worker.outcome", "llm_worker.reason", "llm_worker.retry_after_s"
CALLS, WAIT = "llm_worker.llm.calls", "llm_worker.wait_s"
EARLIER = "llm_worker.link"
"""On a link: which earlier try it leads to, `retry` or `redelivery`."""
