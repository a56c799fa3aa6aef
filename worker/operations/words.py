"""How values look to people, on a terminal and on the page: ages, counts, texts of others. Pure."""

from datetime import UTC, datetime


def printable(text: str) -> str:
    """Text that steers nothing that shows it: control and bidi characters become their escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def age(seconds: float | None) -> str:
    """A span of time, as short as it can be told."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def over(seconds: float) -> str:
    """Within what span several things were, to go on a sentence; empty for one moment."""
    return f" in {age(seconds)}" if seconds >= 1 else ""


def moment(at: float) -> str:
    """A moment in UTC, to the second; of what is no moment there is nothing to tell."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return "?"


def count(number: int) -> str:
    """A number; nothing to see where it is nought."""
    return f"{number:,}" if number else "-"


def of_limit(used: int, limit: int) -> str:
    """How much of a limit is used: `7/9`; after it was lowered more may be: `16 (limit 9)`."""
    return f"{used:,}/{limit:,}" if used <= limit else f"{used:,} (limit {limit:,})"


def called(service: str) -> str:
    """A service, as it stands in a sentence."""
    return "Core" if service == "core" else f"the {service}"


def amount(number: int, of: str) -> str:
    """So many of something, in a sentence: `1 job`, `12 jobs`."""
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def waits(number: int, of: str = "job") -> str:
    """That so many of something wait: `1 job waits`, `12 jobs wait`."""
    return f"{amount(number, of)} {'waits' if number == 1 else 'wait'}"
