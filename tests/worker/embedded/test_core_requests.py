"""Reasons that a person understands."""

import pytest
from pydantic import ValidationError

from shared import EventCreate, LLMJobUpdate, TagsAddRequest
from worker.embedded.core_ledger import Refused
from worker.embedded.core_requests import explain, validate


def test_says_where_and_what() -> None:
    """A refusal names the field and what is wrong with it."""
    with pytest.raises(Refused) as caught:
        validate(TagsAddRequest, {"tags": ["ok", ""]}, at="body")
    assert caught.value.status == 422
    assert caught.value.detail == "body.tags.1: String should have at least 1 character"


def test_says_so_when_the_whole_is_wrong() -> None:
    """A body that is no object is refused without a field's name."""
    with pytest.raises(Refused, match=r"^Input should be a valid dictionary"):
        validate(LLMJobUpdate, ["completed"])


def test_shows_the_first_reasons_only() -> None:
    """A long list of faults is cut, and says so."""
    with pytest.raises(ValidationError) as caught:
        EventCreate.model_validate({"event_time": "soon"})
    assert explain(caught.value).count(";") == 3
    assert explain(caught.value).endswith("and 1 more")
