"""The settings pattern all services share: environment over `.env` over defaults, checked once.

A wrong value is a message for a person: the variable's name, what it holds, what is allowed.
"""

from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

S = TypeVar("S", bound="ServiceSettings")
_SHOWN_CHARS = 60


class ServiceSettings(BaseSettings):
    """Base of a service's settings: `LLM_BASE_URL` in the environment is `llm_base_url` here.

    An empty variable counts as unset, as compose files and `.env` templates leave them.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )


class ConfigError(Exception):
    """Settings that cannot work; `str()` is one line for each, ready to print."""


def load_settings(cls: type[S], **overrides: Any) -> S:
    """Read a service's settings.

    Raises:
        ConfigError: one or more values are wrong.
    """
    try:
        return cls(**overrides)
    except ValidationError as error:
        raise ConfigError("\n".join(_line(cls, dict(item)) for item in error.errors())) from None
    except SettingsError as error:
        raise ConfigError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f".env cannot be read: {error}") from None


def _line(cls: type[ServiceSettings], item: dict[str, Any]) -> str:
    where = [str(part) for part in item["loc"]]
    message = str(item["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    name = where[0].upper()
    field = cls.model_fields.get(where[0].lower())
    if field is not None and field.annotation is SecretStr:
        return f"{name}: {message}"
    if any(not part.isdecimal() for part in where[1:]):
        # Inside a structure: the place tells enough, and what stands there may be a key.
        return f"{name}: at {'.'.join(where[1:])}: {message}"
    if isinstance(item["input"], SecretStr):
        return f"{name}: {message}"
    shown = repr(item["input"])
    if "@" in shown:  # what stands before it in a URL may be a password
        shown = "'…@" + shown.rpartition("@")[2]
    if shown.startswith("'http") and "?" in shown:  # and what follows a question mark, a key
        shown = shown.partition("?")[0] + "?…'"
    if len(shown) > _SHOWN_CHARS:
        shown = shown[:_SHOWN_CHARS] + "…"
    return f"{name}={shown}: {message}"
