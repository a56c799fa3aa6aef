"""The settings: every one documented, every wrong one a sentence, no secret in any of them."""

from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from shared.config import ConfigError, load_settings
from shared.enums import JobType
from worker.config import LogLevel, Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
FIELDS = Settings.model_fields


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine, and an empty folder to look for `.env` in."""
    for name in FIELDS:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def _refused(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(Settings)
    return str(caught.value)


def test_the_defaults_are_the_promised_ones() -> None:
    """What the README's first lines rely on."""
    settings = load_settings(Settings)
    assert settings.llm_base_url == ("http://localhost:8080/v1",)
    assert (settings.llm_vision_model, settings.llm_text_model) == ("llava", "mistral")
    assert settings.llm_api_key.get_secret_value() == "not-needed"
    assert settings.llm_max_retries == 5
    assert settings.redis_url == "redis://redis:6379"
    assert settings.core_api_url == "http://core:8000"
    assert settings.image_storage_path == Path("/data/images")
    assert (settings.worker_concurrency, settings.worker_health_port) == (64, 8081)
    assert (settings.worker_lease_s, settings.worker_grace_s) == (20, 25)
    assert settings.worker_job_types == tuple(JobType)


def test_the_example_has_every_setting_with_its_default() -> None:
    """Names and order are equal, and a copy of the file changes nothing."""
    names = list(dotenv_values(EXAMPLE))
    assert sorted(names) == sorted(name.upper() for name in FIELDS)
    copied: dict[str, Any] = {"_env_file": EXAMPLE}
    assert load_settings(Settings, **copied) == load_settings(Settings)


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_describes_each_setting(name: str) -> None:
    """The comment above a variable is the setting's own description, a line each."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    [row] = [n for n, line in enumerate(lines) if line.startswith(f"{name.upper()}=")]
    assert FIELDS[name].description
    assert lines[row - 1] == f"# {FIELDS[name].description}"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("LLM_BASE_URL", "localhost:8080", "begins with http:// or https://"),
        ("LLM_BASE_URL", "ftp://x", "begins with http:// or https://"),
        ("CORE_API_URL", "http://", "names a host"),
        ("CORE_API_URL", "http://core:99999", "names a host"),
        ("CORE_API_URL", "http://[", "names a host"),
        ("REDIS_URL", "http://redis", "redis:// or rediss:// or unix://"),
        ("REDIS_URL", "redis://redis?socket_timeout=x", "only db may stand"),
        ("REDIS_URL", "redis://redis?db=x", "db is a number"),
        ("REDIS_URL", "rediss://redis?foo=1", "ssl_ca_certs"),
        ("LLM_TEXT_MODEL", " ", "at least 1 character"),
        ("LLM_MAX_RETRIES", "0", "greater than or equal to 1"),
        ("LLM_MAX_RETRIES", "five", "a valid integer"),
        ("LLM_STREAM_PREFIX", "a b", "should match pattern"),
        ("LLM_TIMEOUT_S", "0", "greater than 0"),
        ("LLM_TIMEOUT_S", "nan", "less than or equal to 3600"),
        ("WORKER_GRACE_S", "inf", "less than or equal to 3600"),
        ("WORKER_CONCURRENCY", "-1", "greater than or equal to 1"),
        ("WORKER_STRAY_AFTER_S", "inf", "less than or equal to 86400"),
        ("WORKER_HEALTH_PORT", "65536", "less than or equal to 65535"),
        ("WORKER_JOB_TYPES", "text_tag,paint", "paint: no such job type; allowed are all, or"),
        ("WORKER_JOB_TYPES", " , ", "allowed are all, or a comma list of image_tag"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'auto', 'console' or 'json'"),
    ],
)
def test_a_wrong_value_is_one_line_for_a_person(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    """The variable's name, what it holds, what is allowed."""
    message = _refused(monkeypatch, **{variable: value})
    assert message.startswith(f"{variable}={value!r}: ")
    assert allowed in message
    assert "\n" not in message


def test_several_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to start it five times."""
    lines = _refused(monkeypatch, LLM_MAX_RETRIES="x", LOG_LEVEL="x", REDIS_URL="x").splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "LLM_MAX_RETRIES",
        "REDIS_URL",
        "LOG_LEVEL",
    ]


def test_a_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file pasted into a variable does not fill the terminal."""
    assert len(_refused(monkeypatch, LOG_LEVEL="x" * 9_999)) < 200


@pytest.mark.parametrize("name", ["LLM_API_KEY", "CORE_API_TOKEN"])
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Neither when it is wrong nor when it is right; what no header can hold is wrong."""
    said = _refused(monkeypatch, **{name: "hunter2\nX-Evil: 1"})
    assert said.startswith(f"{name}: goes into an HTTP header")
    assert "hunter2" not in said
    monkeypatch.setenv(name, "hunter2\n")
    settings = load_settings(Settings)
    assert "hunter2" not in repr(settings) + str(settings.model_dump())
    secret: SecretStr = getattr(settings, name.lower())
    assert secret.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    "url", ["rediss//me:hunter2@redis", "redis://:hunter2@redis:x", "redis://:p@hunter2@h?x=1"]
)
def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What stands before an @ may be one."""
    message = _refused(monkeypatch, REDIS_URL=url)
    assert message.startswith("REDIS_URL='…@")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:pa%40ss@10.0.0.1:6380/2",
        "redis://[::1]:6379?db=3",
        "rediss://redis:6380/0?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_redis_urls_that_work(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """TLS, sockets, users, databases."""
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings(Settings).redis_url == url


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("all", tuple(JobType)),
        ("image_tag", (JobType.IMAGE_TAG,)),
        (" extract , text_tag,", (JobType.EXTRACT, JobType.TEXT_TAG)),
        ("text_tag,text_tag", (JobType.TEXT_TAG,)),
    ],
)
def test_job_types_are_a_comma_list(
    monkeypatch: pytest.MonkeyPatch, value: str, types: tuple[JobType, ...]
) -> None:
    """One deployment does pictures only, another the rest."""
    monkeypatch.setenv("WORKER_JOB_TYPES", value)
    assert load_settings(Settings).worker_job_types == types


def test_weights_name_job_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not named has a weight of one."""
    monkeypatch.setenv("WORKER_WEIGHTS", "image_tag:1, intent_classify : 8,")
    weights = {JobType.IMAGE_TAG: 1, JobType.INTENT_CLASSIFY: 8}
    assert load_settings(Settings).worker_weights == weights


@pytest.mark.parametrize("value", ["image_tag", "image_tag:0", "nope:1", "extract:1,extract:2"])
def test_weights_that_are_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A misspelt job type would keep its share in silence."""
    monkeypatch.setenv("WORKER_WEIGHTS", value)
    with pytest.raises(ConfigError, match="WORKER_WEIGHTS"):
        load_settings(Settings)


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files hand through what nobody has set."""
    unset = load_settings(Settings)
    for name in FIELDS:
        monkeypatch.setenv(name.upper(), "")
    assert load_settings(Settings) == unset


def test_levels_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """`INFO` is what most people type."""
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    assert load_settings(Settings).log_level is LogLevel.WARNING
