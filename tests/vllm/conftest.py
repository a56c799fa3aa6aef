"""The bench of the process tests, here with a real model server."""

from tests.process.conftest import benches

__all__ = ["benches"]
