"""The model side: calls, answers, servers, limits, what they cost."""

from worker.observability.catalogue.metric import Group

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""A tag is a fraction of a second, a page of a document the best part of a minute."""

GROUP = Group("The model")

CALLS = GROUP.counter(
    "llm_calls", "Calls to model servers, by how they ended.", "provider", "model", "outcome"
)
CALL_SECONDS = GROUP.seconds(
    "llm_call",
    "What a call to a model server took, whatever came of it.",
    _SECONDS,
    "provider",
    "model",
)
FINISHES = GROUP.counter(
    "llm_finishes",
    "Answers by how the server says they ended; words that nobody knows are other.",
    "provider",
    "model",
    "finish_reason",
)
FAULTS = GROUP.counter(
    "llm_faults",
    "Answers that could not be used, by the check they failed: truncated, invalid_json, "
    "schema_mismatch, ungrounded and so on.",
    "job_type",
    "cause",
)
REASKS = GROUP.counter(
    "llm_reasks", "Questions asked once more: the answer could not be used.", "job_type"
)
REPAIRED = GROUP.counter(
    "llm_repaired", "Answers whose JSON had to be mended before it could be read.", "job_type"
)
DROPPED = GROUP.counter(
    "llm_dropped", "Parts of answers left out because they did not hold.", "job_type"
)
TOKENS = GROUP.counter(
    "llm_tokens",
    "Tokens that ended jobs used: read (in), of those from the server's cache (cached), "
    "written (out).",
    "job_type",
    "provider",
    "model",
    "kind",
)
COST = GROUP.counter(
    "llm_cost",
    "What ended jobs have cost, where LLM_PRICES_FILE names the model.",
    "job_type",
    "provider",
    "model",
    "currency",
)
BREAKER = GROUP.gauge(
    "llm_breaker_state",
    "Whether a model server is used (0), being tried (1) or left alone (2).",
    "provider",
    "server",
)
BREAKER_OPENINGS = GROUP.counter(
    "llm_breaker_openings", "Times that a model server was left alone.", "provider", "server"
)
BROKEN = GROUP.gauge(
    "llm_server_broken",
    "Whether a model server is set up so that it can never work (1): a wrong key or model.",
    "provider",
    "server",
)
IN_USE = GROUP.gauge(
    "llm_provider_in_use",
    "Whether calls go to this provider (1); of several, the first one that is well.",
    "provider",
)
LIMIT = GROUP.gauge(
    "llm_limit", "Calls that a model server is sent at once.", "provider", "server", "role"
)
LIMIT_REASON = GROUP.gauge(
    "llm_limit_reason",
    "Why a limit is what it is: 1 beside the reason.",
    "provider",
    "server",
    "role",
    "reason",
)
CALLS_IN_FLIGHT = GROUP.gauge(
    "llm_in_flight",
    "Calls that a model server has of this worker now.",
    "provider",
    "server",
    "role",
)
SERVER_WAITING = GROUP.gauge(
    "llm_server_waiting",
    "Requests in a model server's own queue, as it told.",
    "provider",
    "server",
    "role",
)
