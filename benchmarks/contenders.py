"""Who is measured, and which Python runs them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_ARQ_PYTHON = _ROOT / ".venv-bench-arq" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those who are measured.

    Attributes:
        name: as the table says it.
        module: in `benchmarks/peers/`.
        package: whose version the table's header tells; none for our own.
        python: who runs it.
        daemon: the command line of its worker, where that is not the module's `work`.
    """

    name: str
    module: str
    package: str = ""
    python: str = sys.executable
    daemon: Sequence[str] = ()


OURS = Contender("llm-worker", "ours", daemon=("-m", "worker"))
IDEAL = Contender("ideal loop", "ideal")
PEERS = (
    Contender("arq", "arq", "arq", python=str(_ARQ_PYTHON)),
    Contender("SAQ", "saq", "saq"),
    Contender("streaq", "streaq", "streaq"),
    Contender("taskiq-redis", "taskiq", "taskiq-redis"),
    Contender("docket", "docket", "pydocket"),
    Contender("FastStream", "faststream", "faststream"),
    Contender("dramatiq", "dramatiq", "dramatiq"),
)
