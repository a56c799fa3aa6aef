"""What calls cost, and price lists that cannot be used."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.chat import Completion, Tokens, Usage
from worker.llm.prices import NO_PRICES, Price, Prices, read_prices, usage_report

LIST = """{"currency": "EUR", "models": {
    "gpt": {"in": 0.25, "out": 2.0, "cached": 0.025},
    "openrouter/gpt": {"in": 1, "out": 1},
    "vllm/*": {"in": 0, "out": 0},
    "vllm/big-*": {"in": 3, "out": 3},
    "mist*": {"in": 4, "out": 4}}}"""
MILLION = Tokens(calls=1, tokens_in=1_000_000)


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    """The list above, read from its file."""
    file = tmp_path / "prices.json"
    file.write_text(LIST)
    return read_prices(file)


def spent(*answered: tuple[str, str, int, int, int], **more: Any) -> Usage:
    """A usage with completions: provider, model, tokens in, out, cached."""
    usage = Usage(**more)
    for provider, model, read, written, cached in answered:
        usage.add(Completion("{}", "stop", read, written, cached, provider, model))
    return usage


@pytest.mark.parametrize(
    ("provider", "model", "wanted"),
    [
        ("openai", "gpt", "0.25"),
        ("openrouter", "gpt", "1"),  # a longer name goes first
        ("vllm", "gpt", "0.25"),  # a whole name goes before one with a star
        ("vllm", "other", "0"),
        ("vllm", "big-7", "3"),
        ("vllm", "mistral", "0"),
        ("ollama", "mistral", "4"),
        ("openai", "gpt-5", None),  # no name is a beginning by itself
        ("", "", None),
    ],
)
def test_the_price_that_fits_best(
    prices: Prices, provider: str, model: str, wanted: str | None
) -> None:
    """Another model's price is worse than none."""
    found = prices.cost(provider, model, MILLION)
    assert found == (None if wanted is None else Decimal(wanted))


def test_cached_tokens_have_their_own_price(prices: Prices) -> None:
    """They are part of those read; without a price of their own they cost what those cost."""
    tokens = Tokens(1, tokens_in=1_000, tokens_out=100, tokens_cached=600)
    assert prices.cost("openai", "gpt", tokens) == Decimal("0.000315")
    assert prices.cost("openrouter", "gpt", tokens) == Decimal("0.0011")


def test_more_cached_than_read_costs_what_was_read(prices: Prices) -> None:
    """An odd count of a server's makes no negative cost."""
    tokens = Tokens(1, tokens_in=100, tokens_cached=999)
    assert prices.cost("openai", "gpt", tokens) == Decimal("0.0000025")


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_many_small_costs_make_the_sum(parts: list[int]) -> None:
    """Nothing is lost in rounding on the way."""
    price = Price.model_validate({"in": "0.0375", "out": "0.3"})
    prices = Prices("USD", {"m": price})
    costs = [prices.cost("p", "m", Tokens(1, part, part)) for part in parts]
    whole = prices.cost("p", "m", Tokens(1, sum(parts), sum(parts)))
    assert sum(cost for cost in costs if cost is not None) == whole


def test_a_report_tells_each_model_and_the_sum(prices: Prices) -> None:
    """Calls and re-asks are the job's, tokens and cost also each model's."""
    usage = spent(
        ("openai", "gpt", 1_000, 10, 0),
        ("openai", "gpt", 1_000, 10, 500),
        ("vllm", "x", 7, 1, 0),
        calls=4,
        reasks=1,
        llm_s=1.23456,
    )
    assert usage_report(usage, prices).model_dump() == {
        "calls": 4,
        "reasks": 1,
        "tokens_in": 2_007,
        "tokens_out": 21,
        "tokens_cached": 500,
        "cost": 0.0004275,
        "llm_s": 1.235,
        "models": [
            {
                "provider": "openai",
                "model": "gpt",
                "calls": 2,
                "tokens_in": 2_000,
                "tokens_out": 20,
                "tokens_cached": 500,
                "cost": 0.0004275,
            },
            {
                "provider": "vllm",
                "model": "x",
                "calls": 1,
                "tokens_in": 7,
                "tokens_out": 1,
                "tokens_cached": 0,
                "cost": 0.0,
            },
        ],
    }


def test_a_model_without_a_price_leaves_no_sum(prices: Prices) -> None:
    """A part of the cost would pass for the whole."""
    report = usage_report(spent(("openai", "gpt", 9, 9, 0), ("openai", "new", 1, 1, 0)), prices)
    assert report.cost is None
    assert [model.cost is None for model in report.models] == [False, True]


def test_a_job_without_a_call_costs_nothing(prices: Prices) -> None:
    """Nought where there is a list, nothing to say where there is none."""
    assert usage_report(Usage(), prices).cost == 0.0
    assert usage_report(Usage(), NO_PRICES).cost is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file: Invalid JSON"),
        ("[]", "the file: Input should be an object"),
        ('{"models": {}}', "currency: Field required"),
        ('{"currency": "$", "models": {}}', "currency: must be three capitals"),
        ('{"currency": "USD", "models": {"m": {"in": 1}}}', "models.m.out: Field required"),
        ('{"currency": "USD", "models": {"m": {"in": -1, "out": 1}}}', "models.m.in: Input should"),
        ('{"currency": "USD", "models": {"m": {"in": NaN, "out": 1}}}', "models.m.in: Input"),
        ('{"currency": "USD", "models": {"m": {"in": 1, "out": 1, "x": 1}}}', "models.m.x: Extra"),
        ('{"currency": "USD", "models": {"": {"in": 1, "out": 1}}}', "models"),
    ],
)
def test_a_wrong_list_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    """With the setting, the file and the place in it."""
    file = tmp_path / "prices.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="LLM_PRICES_FILE=") as caught:
        read_prices(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_at_all(tmp_path: Path) -> None:
    """One that is named has to be there; none has to be named."""
    assert read_prices(None) is NO_PRICES
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_prices(tmp_path / "none.json")
