"""What calls cost: tokens times the price list of `LLM_PRICES_FILE`.

    {"currency": "USD", "models": {
        "gpt-5-mini": {"in": 0.25, "out": 2.0, "cached": 0.025},
        "openrouter/openai/gpt-5-mini": {"in": 0.3, "out": 2.2},
        "vllm/*": {"in": 0, "out": 0}}}

Prices are per million tokens. A key is a model or `provider/model`, and may end in `*`. Of those
that fit, a whole name goes before one with a `*`, and a longer one before a shorter one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from shared.schemas import ModelUsage, UsageReport
from worker.llm.chat import Tokens, Usage

COST_DIGITS = 12
"""Costs are exact sums, rounded once to so many decimal places: one cheap token is not nothing."""
_SECONDS_DIGITS = 3
_MILLION = Decimal(1_000_000)
_Amount = Annotated[Decimal, Field(ge=0, le=1_000_000)]


class Price(BaseModel):
    """What a million tokens of one model cost.

    Attributes:
        tokens_in: read.
        tokens_out: written.
        cached: read from the server's cache; as `tokens_in` where the list does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    tokens_in: _Amount = Field(alias="in")
    tokens_out: _Amount = Field(alias="out")
    cached: _Amount | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """A price list; an empty one knows no price.

    Attributes:
        currency: of every price, such as `USD`; empty in an empty list.
    """

    currency: str = ""
    models: Mapping[str, Price] = field(default_factory=dict[str, Price])

    def cost(self, provider: str, model: str, tokens: Tokens) -> Decimal | None:
        """What these tokens cost, exactly; None where the list does not name the model."""
        price = self._find(provider, model)
        if price is None:
            return None
        cached = min(tokens.tokens_cached, tokens.tokens_in)
        cached_price = price.tokens_in if price.cached is None else price.cached
        fresh = (tokens.tokens_in - cached) * price.tokens_in
        return (fresh + cached * cached_price + tokens.tokens_out * price.tokens_out) / _MILLION

    def _find(self, provider: str, model: str) -> Price | None:
        names = (f"{provider}/{model}", model)
        for name in names:
            if name in self.models:
                return self.models[name]
        open_ended = (key for key in self.models if key.endswith("*"))
        fitting = [key for key in open_ended if any(n.startswith(key[:-1]) for n in names)]
        return self.models[max(fitting, key=len)] if fitting else None


NO_PRICES = Prices()


def read_prices(path: Path | None) -> Prices:
    """The price list in a file; an empty one for None.

    Raises:
        ValueError: it cannot be used; one sentence for a person.
    """
    if path is None:
        return NO_PRICES
    try:
        found = _PriceFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"LLM_PRICES_FILE={path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        item = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, item["loc"])) or "the file"
        message = item["msg"].removeprefix("Value error, ")
        raise ValueError(f"LLM_PRICES_FILE={path}: {where}: {message}") from None
    return Prices(found.currency, found.models)


def usage_report(usage: Usage, prices: Prices) -> UsageReport:
    """What a job has cost, for its result, the log and the metrics.

    The sum has a cost where every model that has answered has a price; both are rounded to
    `COST_DIGITS`, the sum from the exact parts. Seconds are rounded to a thousandth.
    """
    costs = {key: prices.cost(*key, tokens) for key, tokens in usage.answered.items()}
    known = [cost for cost in costs.values() if cost is not None]
    whole = bool(prices.models) and len(known) == len(costs)
    return UsageReport(
        calls=usage.calls,
        reasks=usage.reasks,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        tokens_cached=usage.tokens_cached,
        cost=_rounded(sum(known, Decimal())) if whole else None,
        llm_s=round(usage.llm_s, _SECONDS_DIGITS),
        models=[
            ModelUsage(
                provider=provider,
                model=model,
                calls=tokens.calls,
                tokens_in=tokens.tokens_in,
                tokens_out=tokens.tokens_out,
                tokens_cached=tokens.tokens_cached,
                cost=_rounded(costs[provider, model]),
            )
            for (provider, model), tokens in usage.answered.items()
        ],
    )


def _rounded(cost: Decimal | None) -> float | None:
    return None if cost is None else float(round(cost, COST_DIGITS))


def _three_capitals(currency: str) -> str:
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ValueError("must be three capitals, such as USD")
    return currency


class _PriceFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    currency: Annotated[str, AfterValidator(_three_capitals)]
    models: dict[Annotated[str, StringConstraints(min_length=1)], Price]
