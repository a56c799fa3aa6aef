"""What was done, in a sentence: said on the page that one is led to afterwards. Pure.

The address names the sentence, and a number at most: what a stranger writes into a link says
nothing of its own here.
"""

from collections.abc import Mapping

from worker.operations.cancelling import Cancelled

_SAID = {
    "paused": "Paused: no worker takes its jobs; what runs goes on to its end.",
    "was-paused": "It was paused already.",
    "resumed": "Resumed: its jobs are taken again.",
    "was-resumed": "It was not paused.",
    "replayed": "Replayed: {n} put back on the stream.",
    "replayed-part": "{n} put back; then it took too long. The rest is still here.",
    "too-late": "Somebody else was quicker: the letter is gone.",
    "purged": "Purged: {n} thrown away.",
    "signed-out": "Signed out.",
    "replayed-none": "Nothing was put back: somebody else was quicker.",
    f"cancel-{Cancelled.WAITING}": "Cancelled: it waits, and ends when its turn comes.",
    f"cancel-{Cancelled.RUNNING}": "Cancelled: its worker lets go of it.",
    f"cancel-{Cancelled.PERHAPS}": "Not found, and cancelled in case it is there.",
    f"cancel-{Cancelled.TOO_LATE}": "It cannot be cancelled: its answer is written down.",
    f"cancel-{Cancelled.ENDED}": "It has ended already.",
    f"cancel-{Cancelled.UNKNOWN}": "There is no such job.",
}


def notice(query: Mapping[str, str]) -> str:
    """The sentence for what was done; empty where nothing was."""
    number = query.get("n", "0")
    is_number = number.isascii() and number.isdecimal() and len(number) < 9
    return _SAID.get(query.get("done", ""), "").format(n=f"{int(number):,}" if is_number else "?")
