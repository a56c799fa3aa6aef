"""What in an email is its writer's own: without quoted replies and signature. Pure."""

import re

from worker.untrusted.trimming import left_out

# A line of a mail program before what it quotes, or the headers it puts there. Forwarded mails
# are not among them: what they bring is what they are about.
_REPLIED = re.compile(
    r"-{2,}\s*(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original|Messaggio originale|Αρχικό μήνυμα)\s*-{2,}",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|έγραψε|escreveu|napisał|schreef)", re.IGNORECASE
)
_SIGNATURE = "--"
_SIGNATURE_LINES = 30
"""A line of two hyphens with more behind it is a rule between parts of the text."""
_LINE_CHARS = 300


def own_words(email: str) -> str:
    """The email without quotes and signature, a line in place of each; all of it if that is all.

    Args:
        email: plain text.
    """
    lines = email.split("\n")
    kept: list[str] = []
    gone = 0
    for at, line in enumerate(lines):
        if _REPLIED.fullmatch(line.strip()[:_LINE_CHARS]):
            gone += sum(map(len, lines[at:]))
            break
        if line.rstrip() == _SIGNATURE and len(lines) - at <= _SIGNATURE_LINES:
            gone += sum(map(len, lines[at:]))
            break
        if line.startswith(">") or _introduces_quote(lines, at):
            gone += len(line)
            continue
        if gone and not line.strip():
            continue
        if gone:
            kept.append(left_out(gone))
            gone = 0
        kept.append(line)
    if not any(line.strip() and not line.startswith("[…") for line in kept):
        return email
    return "\n".join([*kept, left_out(gone)] if gone else kept)


def _introduces_quote(lines: list[str], at: int) -> bool:
    """Whether this is the line `On Monday, Ann wrote:` of a quote that follows."""
    line = lines[at].strip()
    if not line.endswith(":") or len(line) > _LINE_CHARS or not _WROTE.search(line):
        return False
    following = next((after for after in lines[at + 1 : at + 4] if after.strip()), "")
    return following.startswith(">")
