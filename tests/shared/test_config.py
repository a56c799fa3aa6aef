"""The settings pattern: environment over `.env` over defaults, and a message when it is wrong."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr, field_validator, model_validator

from shared.config import ConfigError, ServiceSettings, load_settings


class Sample(ServiceSettings):
    """A service's settings."""

    sample_size: int = Field(1, ge=1)
    sample_names: list[str] = Field(default_factory=list[str])
    sample_key: SecretStr = SecretStr("")

    @field_validator("sample_key")
    @classmethod
    def _not_short(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 4:
            raise ValueError("is too short")
        return value

    @model_validator(mode="after")
    def _together(self) -> "Sample":
        if self.sample_size == 13:
            raise ValueError("thirteen goes with nothing")
        return self


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of the test's own, where `.env` is looked for."""
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`.env` is honoured, and what is set by hand goes before it."""
    (tmp_path / ".env").write_text("SAMPLE_SIZE=2\nSOMEBODY_ELSES=1\n")
    assert load_settings(Sample).sample_size == 2
    monkeypatch.setenv("SAMPLE_SIZE", "3")
    assert load_settings(Sample).sample_size == 3
    monkeypatch.setenv("SAMPLE_SIZE", "")
    assert load_settings(Sample).sample_size == 2
    assert load_settings(Sample, sample_size=4).sample_size == 4


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SAMPLE_SIZE", "0", "SAMPLE_SIZE='0': Input should be greater than or equal to 1"),
        ("SAMPLE_SIZE", "13", "thirteen goes with nothing"),
        ("SAMPLE_KEY", "abc", "SAMPLE_KEY: is too short"),
    ],
)
def test_a_wrong_value_is_a_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """No type of pydantic's, no traceback, and a secret's value not at all."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(Sample)
    assert str(caught.value) == message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_list_that_is_no_json_names_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot even be read is told as plainly."""
    monkeypatch.setenv("SAMPLE_NAMES", "a,b")
    with pytest.raises(ConfigError, match="sample_names"):
        load_settings(Sample)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """A picture saved as `.env` is a sentence, too."""
    (tmp_path / ".env").write_bytes(b"SAMPLE_SIZE=\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env cannot be read"):
        load_settings(Sample)
