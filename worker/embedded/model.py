"""`python -m worker.embedded.model`: serve the model stand-in until SIGTERM or Ctrl-C.

It answers by rules and is no model; it is for the demo, the tests and the benchmarks.

`--replay FOLDER` makes it give recorded replies again (`RECORD_LLM_RESPONSES=FOLDER` of a worker):
start it, point a worker with `LLM_PROVIDER=mock` and `LLM_BASE_URL` at it, and enqueue the job that
went wrong; whatever was not recorded gets an answer by the rules. The worker's own settings have to
be the recorded one's where they are part of the prompt, and `LLM_STRUCTURE` has to be `auto`.

`--batching` makes it take the time of a batching server; `model_options` has what belongs to it.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from worker.embedded.model_api import ModelConfig, run_model
from worker.embedded.model_options import add_batching_options, read_batching
from worker.embedded.model_replay import Replay, load_replay

_MAX_MODEL_LEN = 8192


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and serve; the exit code is 1 for what is of no use."""
    options = _parser().parse_args(arguments)
    try:
        replay = None if options.replay is None else load_replay(options.replay)
        batching = read_batching(options)
    except ValueError as error:
        sys.stderr.write(f"model stand-in: {error}\n")
        return 1
    config = ModelConfig(
        models=tuple(name.strip() for name in options.models.split(",") if name.strip()),
        max_model_len=options.max_model_len or _recorded_len(replay) or _MAX_MODEL_LEN,
        latency_s=options.latency_ms / 1_000,
        slots=options.slots,
        api_key=options.api_key,
        replay=replay,
        batching=batching,
    )
    try:
        asyncio.run(_serve(config, options.host, options.port))
    except OSError as error:
        sys.stderr.write(f"model stand-in: {error}\n")
        return 1
    return 0


async def _serve(config: ModelConfig, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run_model(config, host, port) as model:
        models = ", ".join(config.models)
        known = "" if config.replay is None else f", replaying {len(config.replay)} recorded calls"
        line = f"model stand-in, not a real model: {model.url}/v1 as {models}{known}\n"
        sys.stdout.write(line)
        sys.stdout.flush()
        await stop.wait()


def _recorded_len(replay: Replay | None) -> int | None:
    return None if replay is None else replay.max_model_len


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m worker.embedded.model",
        description="An OpenAI-compatible stand-in that answers by rules; it is no model.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--models", default="mistral,llava", help="ids to serve, by commas")
    parser.add_argument("--latency-ms", type=float, default=150.0, help="what an answer takes")
    parser.add_argument(
        "--max-model-len", type=int, help=f"tokens in a prompt; {_MAX_MODEL_LEN}, or as recorded"
    )
    parser.add_argument("--slots", type=int, default=256, help="completions at once")
    parser.add_argument("--api-key", default=None, help="ask for it, as `vllm serve` does")
    parser.add_argument(
        "--replay", type=Path, metavar="FOLDER", help="give again what RECORD_LLM_RESPONSES wrote"
    )
    add_batching_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
