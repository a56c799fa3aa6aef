"""A closed list of tags: what may be given, and nothing else."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from shared.enums import FailureReason
from worker.errors import Reject
from worker.untrusted.framing import marked, one_line

TAG_MAX_CHARS = 60
MOST_TAGS = 500
_FILE_MAX_BYTES = 65_536
_HYPHENS = re.compile(r"[\s_\u2010-\u2015-]+")


class Vocabulary:
    """The tags that may be given, each in its own spelling.

    Attributes:
        lines: the tags, one a line, in an order that does not depend on who listed them: the
            prompt stays the same, and with it the server's cache.
    """

    def __init__(self, tags: Iterable[str]) -> None:
        found: dict[str, str] = {}
        for tag in tags:
            found.setdefault(folded(tag), one_line(tag))
        found.pop("", None)
        self._spelling = dict(sorted(found.items()))
        self.lines = "\n".join(self._spelling.values())

    def hold(self, said: Iterable[str]) -> list[str]:
        """Those of the tags that are in it, in its spelling, each once, in the order said."""
        known = (self._spelling.get(folded(tag)) for tag in said)
        return list(dict.fromkeys(tag for tag in known if tag is not None))


def folded(tag: str) -> str:
    """What two spellings of a tag have in common; no stems and no plurals, which would be a guess.

    Width and form of the characters, case, white space and hyphens, a `#` before it and
    punctuation behind it do not count.
    """
    plain = unicodedata.normalize("NFKC", one_line(tag)).casefold()
    return _HYPHENS.sub(" ", plain).lstrip("# ").rstrip(" .,;:!?…。、")


def only_these(lines: str) -> str:
    """How a prompt lists the allowed tags; nothing where every tag is."""
    return f"The allowed tags:\n{marked(lines, steady=True)}\n\n" if lines else ""


def in_force(asked: tuple[str, ...] | None, usual: tuple[str, ...] | None) -> Vocabulary | None:
    """The list that holds for a job: the payload's own, else the worker's, else none.

    Raises:
        Reject: there is a list, but no tag in it.
    """
    tags = usual if asked is None else asked
    if tags is None:
        return None
    vocabulary = Vocabulary(tags)
    if not vocabulary.lines:
        raise Reject(FailureReason.INVALID_PAYLOAD, "the vocabulary has no usable tag in it")
    return vocabulary


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """Read `TAG_VOCABULARY_FILE`: a tag a line; empty lines and those that begin with `#` are none.

    Raises:
        ValueError: it cannot be read, or is no list of 1 to 500 tags of at most 60 characters.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if len(raw) > _FILE_MAX_BYTES:
        raise ValueError(f"{path} is longer than {_FILE_MAX_BYTES} bytes")
    tags: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        tag = one_line(line)
        if tag and not tag.startswith("#"):
            if len(tag) > TAG_MAX_CHARS or not folded(tag):
                raise ValueError(
                    f"{path}, line {number}: no tag of 1 to {TAG_MAX_CHARS} characters"
                )
            tags.setdefault(folded(tag), tag)
    if not 1 <= len(tags) <= MOST_TAGS:
        raise ValueError(f"{path} has {len(tags)} tags; 1 to {MOST_TAGS} are possible")
    return tuple(tags.values())
