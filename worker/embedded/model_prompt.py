"""What a prompt holds: its untrusted texts, and the date its message was written on.

The worker sets untrusted text apart, with or without a label and a nonce:

    <<<DATA 3f9a
    Lunch tomorrow?
    DATA 3f9a>>>
"""

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OPENING = "<<<DATA"
_MESSAGE_DATE = re.compile(
    r"^Message date:\s*(\S+)(?:\s*\((?:[^,()\n]*,\s*)?([^,()\n]+)\))?", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """One untrusted text, and the words that announce it."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class PromptView:
    """A user message taken apart."""

    whole: str
    frame: str
    """The message without its untrusted texts."""
    blocks: tuple[Block, ...]
    """Never empty: a message without marks is one block."""

    @property
    def text(self) -> str:
        """All the untrusted texts."""
        return "\n\n".join(block.text for block in self.blocks)

    def block(self, word: str) -> Block:
        """The text announced by a word (`message`, `memory`); the last one if none is."""
        named = [block for block in self.blocks if word in block.heading.lower()]
        return named[0] if named else self.blocks[-1]

    def message_date(self, now: datetime) -> datetime:
        """When the message was written, in its reader's zone; `now` if it does not say."""
        match = _MESSAGE_DATE.search(self.frame)
        if match is None:
            return now
        try:
            written = datetime.fromisoformat(match.group(1))
        except ValueError:
            return now
        zone = _zone(match.group(2)) or written.tzinfo or now.tzinfo
        return written.replace(tzinfo=zone) if written.tzinfo is None else written.astimezone(zone)


def view_prompt(message: str) -> PromptView:
    """Find the marked texts of a user message."""
    blocks: list[Block] = []
    frame: list[str] = []
    lines = message.split("\n")
    at = 0
    while at < len(lines):
        end = _closing_line(lines, at)
        if end is None:
            frame.append(lines[at])
            at += 1
            continue
        label = lines[at].strip().removeprefix(_OPENING)
        announced = next((line for line in reversed(frame) if line.strip()), "")
        blocks.append(Block(f"{announced} {label}", "\n".join(lines[at + 1 : end])))
        frame.append("")
        at = end + 1
    return PromptView(message, "\n".join(frame), tuple(blocks) or (Block("", message),))


def _closing_line(lines: list[str], start: int) -> int | None:
    """Where the text that begins at `start` ends; a foreign nonce in the text does not end it."""
    opening = lines[start].strip()
    if not opening.startswith(_OPENING):
        return None
    label = opening.removeprefix(_OPENING).split()
    closings = {f"DATA {' '.join(label)}>>>", f"DATA {label[-1]}>>>"} if label else {"DATA>>>"}
    for at in range(start + 1, len(lines)):
        if " ".join(lines[at].split()) in closings:
            return at
    return None


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
