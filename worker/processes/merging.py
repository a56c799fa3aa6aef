"""The metrics of several processes as one text, each sample with its process: pure.

Nothing is added up: a process that is restarted begins at nought, and Prometheus sees a reset of
its own series, not a dip in a sum.
"""

import re
from collections.abc import Mapping

_SAMPLE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(\{?)(.*)", re.DOTALL)
_FAMILY = re.compile(r"^(?=# HELP )", re.MULTILINE)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def merged(texts: Mapping[int, str]) -> str:
    """One exposition of several, by the number of the process.

    A family stands together, under its first process's `# HELP` and `# TYPE`, as the format asks.
    """
    families: dict[str, tuple[list[str], list[str]]] = {}
    for process, text in sorted(texts.items()):
        for block in _FAMILY.split(text):
            lines = [line for line in block.split("\n") if line]  # labels may hold other line ends
            head = [line for line in lines if line.startswith("#")]
            samples = [labelled(line, process) for line in lines[len(head) :]]
            name = " ".join(head[:1])
            families.setdefault(name, (head, []))[1].extend(samples)
    ordered = (line for head, samples in families.values() for line in [*head, *samples])
    return "".join(line + "\n" for line in ordered)


def labelled(sample: str, process: int) -> str:
    """A sample's line with one label more."""
    found = _SAMPLE.fullmatch(sample)
    if found is None:
        return sample
    name, brace, rest = found.groups()
    label = f'process="{process}"'
    if not brace:
        return f"{name}{{{label}}}{rest}"
    return f"{name}{{{label}{'' if rest.startswith('}') else ','}{rest}"


def of_parent(up: Mapping[int, bool], deaths: Mapping[int, int]) -> str:
    """What only the parent knows: which processes are up, and how often each has died."""
    lines = [
        "# HELP llm_worker_process_up Whether a process runs and answers (1) or not (0).",
        "# TYPE llm_worker_process_up gauge",
        *(f'llm_worker_process_up{{process="{n}"}} {int(is_up)}' for n, is_up in up.items()),
        "# HELP llm_worker_process_deaths_total Processes that ended unasked, and were replaced.",
        "# TYPE llm_worker_process_deaths_total counter",
        *(f'llm_worker_process_deaths_total{{process="{n}"}} {d}' for n, d in deaths.items()),
    ]
    return "".join(line + "\n" for line in lines)
