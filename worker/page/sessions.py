"""Who is signed in: values that only somebody with the admin token can have made. Pure.

Nothing is kept but who signed out early (endings.py): every worker with the same token reads what
another has signed, also after a restart, and a new token makes worthless what was signed before.
"""

import hmac
import re

LASTS_S = 12 * 3_600
"""So long a session lasts; then one signs in again."""
NONCE_BYTES = 16
_VALUE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


class Sessions:
    """What is signed with one admin token.

    Attributes:
        cookie: the cookie's name. A browser keeps one jar for all ports of a machine: workers with
            different tokens would sign each other out.
    """

    def __init__(self, token: str) -> None:
        self._token = _bytes(token)
        self._key = hmac.digest(self._token, b"llm-worker page", "sha256")
        self.cookie = f"llm-worker-{self._signed('name', '')[:8]}"

    def takes(self, token: str) -> bool:
        """Whether this is the admin token; takes as long whatever is wrong with it."""
        return hmac.compare_digest(_bytes(token), self._token)

    def begin(self, now: float, nonce: bytes) -> str:
        """A session's value.

        Args:
            now: Unix seconds.
            nonce: `NONCE_BYTES` that nobody can guess.
        """
        said = f"{int(now) + LASTS_S}.{nonce.hex()}"
        return f"{said}.{self._signed('session', said)}"

    def knows(self, value: str, now: float) -> bool:
        """Whether this is a session that was begun here, or where the token is the same."""
        found = _VALUE.fullmatch(value)
        if found is None or not now < int(found[1]) <= now + LASTS_S + 60:
            return False
        return hmac.compare_digest(found[3], self._signed("session", f"{found[1]}.{found[2]}"))

    @staticmethod
    def named(value: str) -> tuple[str, float]:
        """A session's name, which opens nothing, and until when it lasts, in Unix seconds.

        Args:
            value: one that is known.
        """
        until, name, _ = value.split(".")
        return name, float(until)

    def form_key(self, value: str) -> str:
        """What the forms of a session carry, and those of no other site can."""
        return self._signed("form", value)

    def is_form_key(self, key: str, value: str) -> bool:
        """Whether a form is of this session."""
        return hmac.compare_digest(_bytes(key), _bytes(self.form_key(value)))

    def _signed(self, what: str, said: str) -> str:
        return hmac.digest(self._key, f"{what}\n{said}".encode(), "sha256").hex()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # headers of others may hold anything
