"""The stand-in's options for behaving like a batching server."""

import argparse

from worker.embedded.model_batching import Batching
from worker.embedded.model_lengths import LengthProfile
from worker.embedded.model_scheduler import Profile

_PROFILE, _LENGTHS = Profile(), LengthProfile()


def add_batching_options(parser: argparse.ArgumentParser) -> None:
    """Add `--batching` and what belongs to it."""
    group = parser.add_argument_group(
        "a batching server",
        "A step takes STEP + SEQUENCE for each running sequence + PREFILL for each token of a "
        "prompt it reads, and gives each running sequence a token. --latency-ms and --slots have "
        "no meaning then.",
    )
    add = group.add_argument
    add("--batching", action="store_true", help="behave like one; the rest needs it")
    add("--max-num-seqs", type=int, default=_PROFILE.sequences, help="sequences that run at once")
    add("--step-ms", type=float, default=_PROFILE.step_ms, metavar="STEP")
    add("--sequence-ms", type=float, default=_PROFILE.sequence_ms, metavar="SEQUENCE")
    add("--prefill-ms", type=float, default=_PROFILE.prefill_ms, metavar="PREFILL")
    add("--chunk-tokens", type=int, default=_PROFILE.chunk_tokens, help="tokens in a step")
    add("--cache-tokens", type=int, default=_PROFILE.cache_tokens, help="tokens in the KV cache")
    add("--scheduling", choices=("fcfs", "priority"), default="fcfs", help="who is next")
    add("--max-queued", type=int, help="requests waiting and running before others get 503")
    add("--output-tokens", type=float, default=_LENGTHS.median_tokens, help="an answer's median")
    add("--output-sigma", type=float, default=_LENGTHS.sigma, help="log-normal; 0: all the same")
    add("--seed", type=int, default=_LENGTHS.seed, help="of the answers' lengths")
    add("--megapixel-ms", type=float, default=0.0, help="for a picture, one after the other")


def read_batching(options: argparse.Namespace) -> Batching | None:
    """What was chosen; None without `--batching`.

    Raises:
        ValueError: numbers no server could have.
    """
    if not options.batching:
        return None
    return Batching(
        Profile(
            sequences=options.max_num_seqs,
            step_ms=options.step_ms,
            sequence_ms=options.sequence_ms,
            prefill_ms=options.prefill_ms,
            chunk_tokens=options.chunk_tokens,
            cache_tokens=options.cache_tokens,
            by_priority=options.scheduling == "priority",
        ),
        LengthProfile(options.output_tokens, options.output_sigma, options.seed),
        max_queued=options.max_queued,
        megapixel_ms=options.megapixel_ms,
    )
