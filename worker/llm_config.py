"""The settings of the model side that are more than a number: addresses, fallbacks, budgets."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from worker.setting_types import HttpUrl, ModelName, Token


class ProviderName(StrEnum):
    """The presets, see `worker.llm.providers`."""

    VLLM = "vllm"
    OLLAMA = "ollama"
    LLAMA_CPP = "llama_cpp"
    OPENAI = "openai"
    OPENROUTER = "openrouter"
    GOOGLE = "google"
    ANTHROPIC = "anthropic"
    MOCK = "mock"


class StructureName(StrEnum):
    """How an answer gets its shape; `AUTO` is the preset's way."""

    AUTO = "auto"
    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TOOL = "tool"
    PROMPT = "prompt"


def _comma_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = (part.strip().rstrip("/") for part in value.split(","))
    found = tuple(dict.fromkeys(part for part in parts if part))
    if not found:
        raise ValueError("names no address")
    if any(len(part.split()) > 1 for part in found):
        raise ValueError("has a space in an address: several are separated by commas")
    if any("?" in part or "#" in part for part in found):
        raise ValueError("must end before ? and #: paths are put behind it, and keys have settings")
    return found


def _any_case(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


_Provider = Annotated[ProviderName, BeforeValidator(_any_case)]


Addresses = Annotated[
    tuple[HttpUrl, ...], NoDecode, BeforeValidator(_comma_list), Field(min_length=1)
]
"""One base URL, or a comma list of replicas that serve the same models."""


class Fallback(BaseModel):
    """A server to use while those before it are away."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: _Provider
    base_url: Annotated[tuple[HttpUrl, ...], BeforeValidator(_comma_list)] = ()
    """The preset's own address when absent."""
    text_model: ModelName
    vision_model: ModelName
    api_key: Token = SecretStr("not-needed")

    @model_validator(mode="before")
    @classmethod
    def _one_model_for_both(cls, value: Any) -> Any:
        said = dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}
        if "model" not in said:
            return cast("Any", value)
        model = said.pop("model")
        return {"text_model": model, "vision_model": model} | said


def _unshown(value: Any) -> Any:
    """What does not fit is repeated in the message; there are keys in this."""
    return SecretStr(value) if isinstance(value, str) else value


def _json_list(value: Any) -> Any:
    if not isinstance(value, SecretStr):
        return value
    try:
        found = json.loads(value.get_secret_value())
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        entries = cast("list[Any]", found)
        if all(isinstance(entry, dict) for entry in entries):
            return entries
    raise ValueError(
        'must be a JSON list on one line, as [{"provider":"openai","model":"…","api_key":"…"}]'
    )


Fallbacks = Annotated[
    tuple[Fallback, ...], NoDecode, BeforeValidator(_json_list), BeforeValidator(_unshown)
]


def _budgets(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = [part.partition(":") for part in value.split(",") if part.strip()]
    pairs = [(_any_case(name), amount.strip()) for name, _, amount in parts]
    if not all(amount.isascii() and amount.isdecimal() for _, amount in pairs):
        raise ValueError("must be provider:tokens, such as openai:2000000,google:500000")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("names a provider twice")
    return found


TokenBudgets = Annotated[
    Mapping[_Provider, Annotated[int, Field(ge=1)]], NoDecode, BeforeValidator(_budgets)
]
