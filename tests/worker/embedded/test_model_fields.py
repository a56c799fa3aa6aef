"""Values found by a property's name."""

from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from worker.embedded.model_fields import Field, find_values

WRITTEN = datetime(2026, 6, 1, 9, tzinfo=UTC)
INVOICE = (
    "Invoice INV-2041 from Blue Star Ferries for Maria Papadopoulou.\n"
    "2 tickets Piraeus-Naxos at €42.50\n"
    "Total: EUR 1,165.50, due on 30 June 2026. Not paid yet. Gate: B12\n"
    "Questions: help@bluestar.example, +30 210 555 1234, https://bluestar.example/help."
)


@pytest.mark.parametrize(
    ("field", "first"),
    [
        (Field("total_amount", "number"), 1165.5),
        (Field("ticketCount", "integer"), 2),
        (Field("price", "string"), "€42.50"),
        (Field("currency", "string"), "EUR"),
        (Field("due_date", "string"), "2026-06-30"),
        (Field("issued", "string", "date-time"), "2026-06-30T00:00:00+00:00"),
        (Field("contactEmail", "string"), "help@bluestar.example"),
        (Field("phone", "string"), "+30 210 555 1234"),
        (Field("website", "string"), "https://bluestar.example/help"),
        (Field("vendor", "string"), "Blue Star Ferries"),
        (Field("customer_name", "string"), "Maria Papadopoulou"),
        (Field("invoice_number", "string"), "INV-2041"),
        (Field("gate", "string"), "B12"),
        (Field("is_paid", "boolean"), False),
    ],
)
def test_value_is_found(field: Field, first: JsonValue) -> None:
    """The best value of an invoice for each of its properties."""
    assert find_values(field, INVOICE, WRITTEN)[0] == first


def test_nothing_is_made_up() -> None:
    """A text without a value has none."""
    for name in ("email", "phone", "due_date", "vendor", "url"):
        assert find_values(Field(name, "string"), "nothing to see here", WRITTEN) == []
    assert find_values(Field("total", "number"), "nothing", WRITTEN) == []
    assert find_values(Field("urgent", "boolean"), "nothing", WRITTEN) == []
    assert find_values(Field("x", "array"), "nothing", WRITTEN) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("€1.234,50", 1234.5), ("$1,234.50", 1234.5), ("1,234 EUR", 1234), ("€42,5", 42.5)],
)
def test_numbers_of_both_habits(text: str, value: float) -> None:
    """Commas and dots are read by where they stand."""
    assert find_values(Field("amount", "number"), text, WRITTEN) == [value]


def test_several_values() -> None:
    """Every address of a text, once each, in its order."""
    text = "a@example.com, b@example.com, a@example.com"
    found = find_values(Field("emails", "string"), text, WRITTEN)
    assert found == ["a@example.com", "b@example.com"]


def test_affirmed_truth() -> None:
    """What the text says without a negation is true."""
    assert find_values(Field("is_paid", "boolean"), "It was paid.", WRITTEN) == [True]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["x", "1", "A", "1 ", "Aa ", "a@", "+1", "\n"])
def test_long_monotony_is_survived(piece: str) -> None:
    """A prompt of the greatest length and no structure does not keep the patterns busy."""
    text = piece * (32_000 // len(piece))
    for name in ("email", "phone", "total", "due_date", "vendor", "reference", "url"):
        for kind in ("string", "number", "boolean"):
            find_values(Field(name, kind), text, WRITTEN)
