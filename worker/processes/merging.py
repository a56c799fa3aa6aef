"""The metrics of several processes as one text, each sample with its process: pure.

Nothing is added up: a process that is restarted begins at nought, and Prometheus sees a reset of
its own series, not a dip in a sum. What is the fleet's is there once and without a process: each
has read it out of the same Redis, and a sum over them would have it many times.
"""

import re
from collections.abc import Mapping

from worker.observability.catalogue.metric import FLEET, Metric
from worker.observability.catalogue.process import PROCESS_DEATHS, PROCESS_UP

_SAMPLE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(\{?)(.*)", re.DOTALL)
_FAMILY = re.compile(r"^(?=# HELP )", re.MULTILINE)
_OF_FLEET = f"# HELP {FLEET}"
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
            samples = lines[len(head) :]
            name = " ".join(head[:1])
            family = families.setdefault(name, (head, []))[1]
            if not name.startswith(_OF_FLEET):
                family.extend(labelled(line, process) for line in samples)
            elif not family:
                family.extend(samples)
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
        *_head(PROCESS_UP),
        *(f'{PROCESS_UP.name}{{process="{n}"}} {int(is_up)}' for n, is_up in up.items()),
        *_head(PROCESS_DEATHS),
        *(f'{PROCESS_DEATHS.name}{{process="{n}"}} {count}' for n, count in deaths.items()),
    ]
    return "".join(line + "\n" for line in lines)


def _head(metric: Metric) -> tuple[str, str]:
    return f"# HELP {metric.name} {metric.sentence}", f"# TYPE {metric.name} {metric.kind}"
