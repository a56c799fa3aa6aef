"""The servers we know how to speak to: one preset each over the same wire.

What differs between "compatible" servers is small and decides everything: how an answer gets its
shape, which fields are refused, where health is asked. `LLM_PROVIDER` names a preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from worker.llm_config import ProviderName, StructureName

NO_LENGTHS = frozenset({"minLength", "maxLength"})
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Provider:
    """How one kind of server is spoken to.

    Attributes:
        base_url: where it is, unless the settings say otherwise.
        structure: how its answers get their shape.
        object_schema: whether `json_object` may carry the schema, and then holds it.
        health_path: what to GET to see that it lives, from the server's root; None: nothing.
        load_path: where it tells its queue, from its root, under vLLM's names; None: nowhere.
        context_tokens: what its models take at least, where the server itself does not say.
        lists_models: whether `GET /models` names what it has.
        names_exact: whether it answers any name with the model it has, so that only its list tells;
            others say themselves what they do not have, and some take short forms.
        tokens_field: what the limit of an answer is called.
        temperature: sent with every call; None where models refuse any but their own.
        headers: sent with every call.
        extra: further fields of the body.
        unknown_keywords: JSON Schema keywords that it refuses; pydantic still checks them.
        longest_repeat: the largest maxLength and maxItems that its grammars survive, if any.
        fragile_grammar: whether quotes in names and patterns break its grammars; the schema is then
            put into words.
        image_ids: whether a picture may carry the id under which the server caches it.
        request_ids: whether any text may stand in `X-Request-Id`.
        priorities: whether its server may be one that knows requests of low priority.
    """

    name: ProviderName
    base_url: str
    structure: StructureName = StructureName.JSON_SCHEMA
    object_schema: bool = False
    health_path: str | None = None
    load_path: str | None = None
    context_tokens: int | None = None
    lists_models: bool = True
    names_exact: bool = False
    tokens_field: str = "max_tokens"
    temperature: float | None = 0.1
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    extra: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    unknown_keywords: frozenset[str] = frozenset()
    longest_repeat: int | None = None
    fragile_grammar: bool = False
    image_ids: bool = False
    request_ids: bool = True
    priorities: bool = False


PROVIDERS: Mapping[ProviderName, Provider] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Provider(
                ProviderName.VLLM,
                "http://localhost:8080/v1",
                health_path="/health",
                load_path="/metrics",
                image_ids=True,
                priorities=True,
            ),
            Provider(ProviderName.OLLAMA, "http://localhost:11434/v1", health_path="/api/version"),
            Provider(
                # The server of llama-cpp-python; each oddity here was met on a real one (0.3).
                ProviderName.LLAMA_CPP,
                "http://localhost:8000/v1",
                structure=StructureName.JSON_OBJECT,
                object_schema=True,
                # Its list of models waits behind whatever it is generating; this does not.
                health_path="/openapi.json",
                longest_repeat=1_000,
                fragile_grammar=True,
                request_ids=False,  # 400 for all but UUIDs
                names_exact=True,  # any other name is answered by the model that is loaded
            ),
            Provider(
                ProviderName.OPENAI,
                "https://api.openai.com/v1",
                # Reasoning models know only the newer name, and no temperature but their own.
                tokens_field="max_completion_tokens",
                context_tokens=128_000,
                temperature=None,
                unknown_keywords=NO_LENGTHS,
            ),
            Provider(
                ProviderName.OPENROUTER,
                "https://openrouter.ai/api/v1",
                headers=MappingProxyType({"X-Title": "llm-worker"}),
                # Else a call may go to a server behind it that ignores the schema.
                extra=MappingProxyType({"provider": {"require_parameters": True}}),
                unknown_keywords=NO_LENGTHS,
            ),
            Provider(
                ProviderName.GOOGLE,
                "https://generativelanguage.googleapis.com/v1beta/openai",
                context_tokens=1_000_000,
                unknown_keywords=NO_LENGTHS,
            ),
            Provider(
                ProviderName.ANTHROPIC,
                "https://api.anthropic.com/v1",
                # Its OpenAI endpoint ignores response_format with a 200; a forced tool call holds.
                structure=StructureName.TOOL,
                lists_models=False,
                context_tokens=200_000,
            ),
            Provider(
                ProviderName.MOCK,
                "http://localhost:8080/v1",
                health_path="/health",
                load_path="/metrics",
                priorities=True,
            ),
        )
    }
)
"""Every preset by its name."""
