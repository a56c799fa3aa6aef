"""Types that several settings share: addresses, keys, names, weights."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode

from shared.enums import JobType

_ADMIN_TOKEN_CHARS = 16


class EventsTold(StrEnum):
    """Which lifecycle events are told."""

    ENDS = "ends"
    ALL = "all"


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            named, parts = False, urlsplit("")
        if parts.scheme not in schemes or not named:
            allowed = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"must be a URL that begins with {allowed} and names a host")
        return value

    return AfterValidator(check)


def _header_safe(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()  # files that hold a secret end in a line break
    if not (text.isascii() and text.isprintable()):
        raise ValueError("goes into an HTTP header: only printable ASCII characters are allowed")
    return SecretStr(text)


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if 0 < len(secret.get_secret_value()) < _ADMIN_TOKEN_CHARS:
        raise ValueError(f"must have {_ADMIN_TOKEN_CHARS} characters or more")
    return secret


def _without_login(value: str) -> str:
    if "@" in urlsplit(value).netloc:  # it would be in every log line that names the server
        raise ValueError("must have no user and password in it: there are settings for keys")
    return value


HttpUrl = Annotated[str, _url("http", "https"), AfterValidator(_without_login)]
Token = Annotated[SecretStr, AfterValidator(_header_safe)]
AdminToken = Annotated[Token, AfterValidator(_hard_to_guess)]
ModelName = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _weights(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    weights: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition(":"))
        if not weight or name not in set(JobType) or name in weights:
            known = ", ".join(JobType)
            raise ValueError(f"{part!r} is not a job type, once, and its weight; types are {known}")
        weights[name] = weight
    return weights


Weights = Annotated[
    Mapping[JobType, Annotated[int, Field(ge=1, le=1_000)]], NoDecode, BeforeValidator(_weights)
]
"""Job types and their weights, as in `image_tag:1,intent_classify:8`."""
