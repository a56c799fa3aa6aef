"""The bench of the process tests, here with a model server that nobody of ours wrote."""

from tests.process.conftest import benches

__all__ = ["benches"]
