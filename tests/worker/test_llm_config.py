"""The settings of the model side: what is understood, and that a mistake is told without a key."""

from typing import Any

import pytest

from shared.config import ConfigError, load_settings
from worker.config import Settings
from worker.llm_config import ProviderName

SECRET = "sk-SECRET-1234"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def said(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What a person is told about these settings."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(Settings)
    return str(caught.value)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """The settings that these variables make."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(Settings)


def test_one_server_is_one_replica_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two breakers before one server would each see half of it."""
    urls = "http://a/v1, http://a/v1/ ,http://b/v1,,http://a/v1"
    settings = loaded(monkeypatch, LLM_BASE_URL=urls)
    assert settings.llm_base_url == ("http://a/v1", "http://b/v1")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (" , ", "names no address"),
        ("a/v1", "begins with http:// or https://"),
        ("http://a/v1,ftp://b", "begins with http:// or https://"),
        ("http://a/v1 http://b/v1", "separated by commas"),
        ("http://a/v1?api-version=2", "must end before ?"),
        ("http://a/v1#x", "must end before ?"),
        ("http://a:99999/v1", "names a host"),
        ("http://me:pw@a/v1", "no user and password"),
    ],
)
def test_wrong_addresses(value: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, and what is allowed."""
    line = said(monkeypatch, LLM_BASE_URL=value)
    assert line.startswith("LLM_BASE_URL")
    assert part in line
    assert "pw" not in line


def test_an_unknown_provider_is_told_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them."""
    line = said(monkeypatch, LLM_PROVIDER="foo")
    assert line.startswith("LLM_PROVIDER='foo'")
    assert all(str(name) in line for name in ProviderName)


@pytest.mark.parametrize(
    "value",
    [
        f'{{"provider":"openai","api_key":"{SECRET}","model":"m"}}',
        f'[{{"api_key":"{SECRET}","provider":"openai","model":"m"',
        f'["{SECRET}"]',
        f'"{SECRET}"',
        f'[{{"provider":"foo","model":"m","api_key":"{SECRET}"}}]',
        f'[{{"provider":"openai","model":"m","key":"{SECRET}"}}]',
        f'[{{"provider":"openai","api_key":"{SECRET}"}}]',
        f'[{{"provider":"openai","model":"m","api_key":["{SECRET}"]}}]',
        f'[{{"provider":"openai","model":"m","api_key":"{SECRET}é"}}]',
        f'[{{"provider":"vllm","model":"m","base_url":"http://me:{SECRET}@x/v1"}}]',
        "[null]",
        "[" * 50_000,
    ],
)
def test_wrong_fallbacks_are_told_without_their_keys(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with them: start messages end in the logs of whatever starts workers."""
    line = said(monkeypatch, LLM_FALLBACKS=value)
    assert line.startswith("LLM_FALLBACKS")
    assert "SECRET" not in line


def test_fallbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model for both, or one each; a provider in any case; the key is not shown."""
    entries = (
        f'[{{"provider":" OpenAI","model":"m","api_key":"{SECRET}"}},'
        '{"provider":"vllm","model":"m","text_model":"t","base_url":"http://x/v1/,http://y/v1"}]'
    )
    settings = loaded(monkeypatch, LLM_FALLBACKS=entries)
    first, second = settings.llm_fallbacks
    assert (first.provider, first.text_model, first.vision_model) == ("openai", "m", "m")
    assert first.api_key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert (second.text_model, second.vision_model) == ("t", "m")
    assert second.base_url == ("http://x/v1", "http://y/v1")


def test_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces, capitals and a comma at the end are no mistakes."""
    settings = loaded(monkeypatch, LLM_DAILY_TOKENS=" OpenAI : 5 ,google:7, ")
    assert settings.llm_daily_tokens == {"openai": 5, "google": 7}


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("openai", "provider:tokens"),
        ("openai:", "provider:tokens"),
        ("openai:5:6", "provider:tokens"),
        ("openai:-5", "provider:tokens"),
        ("openai:1e6", "provider:tokens"),
        ("openai:١٢", "provider:tokens"),
        ("openai:0", "greater than or equal to 1"),
        ("foo:5", "'vllm'"),
        (":5", "'vllm'"),
        ("openai:5,OpenAI:7", "twice"),
    ],
)
def test_wrong_budgets(value: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was meant is never guessed."""
    line = said(monkeypatch, LLM_DAILY_TOKENS=value)
    assert line.startswith("LLM_DAILY_TOKENS")
    assert part in line
