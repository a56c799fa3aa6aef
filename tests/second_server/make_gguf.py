"""Makes a tiny llama with random weights, so that a real server has something to serve.

What it says is noise, and different noise for every prompt, but every byte can be said and every
answer comes to an end: closing marks are a little likelier than the rest. The same seed gives the
same file. `python -m tests.second_server.make_gguf FILE`.
"""

import sys
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

from tests.second_server.gguf_file import Tensor, Value, write_gguf

MODEL = "tiny-random"
CONTEXT = 4_096
"""Tokens that prompt and answer may have together."""
SEED = 4

_HIDDEN, _FEED_FORWARD, _LAYERS, _HEADS = 64, 128, 2, 4
_WEIGHT = 0.1
"""Standard deviation of the inner weights."""
_NOISE = 0.01
"""Of the last matrix: small, so that a low temperature still leaves a choice."""
# How much likelier a token is made, in logits. Numbers between 0 and 1 start with 0.
_LEANINGS = {'"': 0.45, "]": 0.3, "}": 0.4, "0": 0.7, "n": 0.2, "nu": 0.4, "no": 0.4, "</s>": 0.4}

_UNKNOWN, _BEGIN, _END = "<unk>", "<s>", "</s>"
_ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
_NORMAL, _NO_TOKEN, _CONTROL, _BYTE = 1, 2, 3, 6
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"
_SPACE = "▁"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}</s>{% endfor %}"
    "<|assistant|>"
)


def main(arguments: list[str]) -> int:
    """Write the model to the file that is named."""
    if len(arguments) != 1:
        print("usage: python -m tests.second_server.make_gguf FILE", file=sys.stderr)
        return 2
    make_model(Path(arguments[0]))
    return 0


def make_model(path: Path, seed: int = SEED) -> None:
    """Write the model; some 600 KB."""
    vocabulary = dict(_vocabulary())
    metadata = _shape() | _tokenizer(vocabulary)
    write_gguf(path, metadata, list(_tensors(list(vocabulary), Random(seed))))


def _vocabulary() -> Iterator[tuple[str, int]]:
    """Every token with its type: specials, all bytes, printable ASCII, pairs of letters."""
    yield _UNKNOWN, _NO_TOKEN
    yield from ((name, _CONTROL) for name in (_BEGIN, _END, *_ROLES))
    yield from ((f"<0x{byte:02X}>", _BYTE) for byte in range(256))
    yield from ((chr(code), _NORMAL) for code in range(ord("!"), ord("~") + 1))
    yield _SPACE, _NORMAL
    # Half as many tokens for a prompt as it has letters.
    yield from ((_SPACE + letter, _NORMAL) for letter in _VOWELS + _CONSONANTS)
    yield from ((first + then, _NORMAL) for first in _CONSONANTS for then in _VOWELS)
    yield from ((first + then, _NORMAL) for first in _VOWELS for then in _CONSONANTS)


def _shape() -> dict[str, Value]:
    return {
        "general.architecture": "llama",
        "general.name": MODEL,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": _HIDDEN,
        "llama.feed_forward_length": _FEED_FORWARD,
        "llama.block_count": _LAYERS,
        "llama.attention.head_count": _HEADS,
        "llama.attention.head_count_kv": _HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _HIDDEN // _HEADS,
    }


def _tokenizer(vocabulary: Mapping[str, int]) -> dict[str, Value]:
    tokens = list(vocabulary)
    return {
        "tokenizer.ggml.model": "llama",  # SentencePiece with bytes for what has no token
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(place) for place in range(len(tokens))],
        "tokenizer.ggml.token_type": list(vocabulary.values()),
        "tokenizer.ggml.unknown_token_id": tokens.index(_UNKNOWN),
        "tokenizer.ggml.bos_token_id": tokens.index(_BEGIN),
        "tokenizer.ggml.eos_token_id": tokens.index(_END),
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def _tensors(tokens: list[str], random: Random) -> Iterator[Tensor]:
    def noise(name: str, rows: int, columns: int, spread: float = _WEIGHT) -> Tensor:
        values = array("f", (random.gauss(0, spread) for _ in range(rows * columns)))
        return Tensor(name, rows, columns, values)

    # The first number of every token is 1 and no layer adds to it: what the last matrix has in
    # its first column is a constant for each token.
    yield _fixed_column(noise("token_embd.weight", len(tokens), _HIDDEN, 1.0), [1.0] * len(tokens))
    for layer in range(_LAYERS):
        yield from _layer(f"blk.{layer}", noise)
    yield _ones("output_norm.weight")
    leanings = [_LEANINGS.get(token, 0.0) for token in tokens]
    yield _fixed_column(noise("output.weight", len(tokens), _HIDDEN, _NOISE), leanings)


def _layer(name: str, noise: Callable[[str, int, int], Tensor]) -> Iterator[Tensor]:
    yield _ones(f"{name}.attn_norm.weight")
    yield from (noise(f"{name}.attn_{part}.weight", _HIDDEN, _HIDDEN) for part in "qkv")
    yield _deaf_row(noise(f"{name}.attn_output.weight", _HIDDEN, _HIDDEN))
    yield _ones(f"{name}.ffn_norm.weight")
    yield noise(f"{name}.ffn_gate.weight", _FEED_FORWARD, _HIDDEN)
    yield noise(f"{name}.ffn_up.weight", _FEED_FORWARD, _HIDDEN)
    yield _deaf_row(noise(f"{name}.ffn_down.weight", _HIDDEN, _FEED_FORWARD))


def _ones(name: str) -> Tensor:
    return Tensor(name, 1, _HIDDEN, array("f", [1.0] * _HIDDEN))


def _fixed_column(tensor: Tensor, first: list[float]) -> Tensor:
    tensor.values[:: tensor.columns] = array("f", first)
    return tensor


def _deaf_row(tensor: Tensor) -> Tensor:
    tensor.values[: tensor.columns] = array("f", bytes(4 * tensor.columns))
    return tensor


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
