"""Writes a GGUF file, the model format of llama.cpp: a header, metadata, tensors.

Just what a tiny model needs, so that no package is needed for it: version 3, little-endian, all
tensors 32-bit floats, each aligned to 32 bytes.
"""

import struct
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

Value = bool | int | float | str | list[int] | list[float] | list[str]

_VERSION = 3
_ALIGNMENT = 32
_F32_TENSOR = 0
# The types of metadata values.
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9


@dataclass(frozen=True, slots=True)
class Tensor:
    """A matrix of `rows` times `columns` floats, row by row; a vector has one row.

    Raises:
        ValueError: the values do not fill it.
    """

    name: str
    rows: int
    columns: int
    values: "array[float]"

    def __post_init__(self) -> None:
        if self.values.typecode != "f" or len(self.values) != self.rows * self.columns:
            raise ValueError(f"{self.name}: {self.rows} times {self.columns} floats are needed")

    @property
    def data(self) -> bytes:
        """The values as they lie in the file, padding included."""
        raw = struct.pack(f"<{len(self.values)}f", *self.values)
        return raw + bytes(-len(raw) % _ALIGNMENT)


def write_gguf(path: Path, metadata: Mapping[str, Value], tensors: list[Tensor]) -> None:
    """Write the file; the same arguments give the same bytes."""
    head = struct.pack("<4sIQQ", b"GGUF", _VERSION, len(tensors), len(metadata))
    head += b"".join(_text(key) + _tagged(value) for key, value in metadata.items())
    head += b"".join(_tensor_infos(tensors))
    with path.open("wb") as file:
        file.write(head + bytes(-len(head) % _ALIGNMENT))
        file.writelines(tensor.data for tensor in tensors)


def _tensor_infos(tensors: list[Tensor]) -> Iterator[bytes]:
    offsets = accumulate((len(tensor.data) for tensor in tensors), initial=0)
    for tensor, offset in zip(tensors, offsets, strict=False):
        # The innermost dimension comes first.
        shape = [tensor.columns] if tensor.rows == 1 else [tensor.columns, tensor.rows]
        dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        yield _text(tensor.name) + dimensions + struct.pack("<IQ", _F32_TENSOR, offset)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _tagged(value: Value) -> bytes:
    if isinstance(value, list):
        # Single numbers are read as unsigned and lists as signed ones; ours fit both.
        kind = _INT32 if isinstance(value[0], int) else _kind(value[0])
        items = b"".join(_plain(item) for item in value)
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + items
    return struct.pack("<I", _kind(value)) + _plain(value)


def _kind(value: bool | float | str) -> int:
    match value:
        case bool():
            return _BOOL
        case int():
            return _UINT32
        case float():
            return _FLOAT32
        case str():
            return _STRING


def _plain(value: bool | float | str) -> bytes:
    match value:
        case bool():
            return struct.pack("<?", value)
        case int():
            return struct.pack("<I", value)
        case float():
            return struct.pack("<f", value)
        case str():
            return _text(value)
