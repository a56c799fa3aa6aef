"""The options of a batching stand-in."""

import argparse

import pytest

from worker.embedded.model import main
from worker.embedded.model_batching import Batching
from worker.embedded.model_lengths import LengthProfile
from worker.embedded.model_options import add_batching_options, read_batching
from worker.embedded.model_scheduler import Profile


def read(*words: str) -> Batching | None:
    """What these words mean."""
    parser = argparse.ArgumentParser()
    add_batching_options(parser)
    return read_batching(parser.parse_args(words))


def test_without_the_word_nothing_batches() -> None:
    """The other options need it; with it alone, the defaults hold."""
    assert read("--max-num-seqs", "8") is None
    assert read("--batching") == Batching()


def test_every_option_arrives() -> None:
    """Each at its place."""
    words = """
        --batching --max-num-seqs 8 --step-ms 1 --sequence-ms 2 --prefill-ms 3 --chunk-tokens 9
        --cache-tokens 10 --scheduling priority --max-queued 11 --output-tokens 12
        --output-sigma 0.5 --seed 13 --megapixel-ms 14
    """
    assert read(*words.split()) == Batching(
        Profile(8, 1, 2, 3, 9, 10, by_priority=True),
        LengthProfile(12, 0.5, 13),
        max_queued=11,
        megapixel_ms=14,
    )


def test_options_of_no_use_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An exit code and a sentence, no traceback."""
    assert main(["--port", "0", "--batching", "--max-num-seqs", "0"]) == 1
    assert capsys.readouterr().err.startswith("model stand-in: sequences")
