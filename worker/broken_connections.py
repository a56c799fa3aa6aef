"""Why there is no connection, in the words of the system and not of a library."""

import os
import re
import socket
from collections.abc import Iterator

import aiohttp

NOT_TAKEN = "it does not take connections: it hangs, or something on the way drops them"
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "no address is found for this name"),
    (socket.gaierror, "no address is found for this name"),
    (aiohttp.ClientSSLError, "its certificate, or its TLS, is not accepted"),
    (aiohttp.ServerDisconnectedError, "the connection broke off"),
    (aiohttp.ClientPayloadError, "the connection broke off"),
    (aiohttp.ClientResponseError, "what answers there does not speak HTTP"),
    (TimeoutError, NOT_TAKEN),
)


def why_broken(error: BaseException) -> str:
    """In a few words, such as `connection refused`; empty where there are none to be found.

    Args:
        error: with what caused it; libraries wrap one another.
    """
    return next((why for link in _causes(error) if (why := _why(link))), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _why(error: BaseException) -> str:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return _of_the_system(error) if isinstance(error, OSError) else ""


def _of_the_system(error: OSError) -> str:
    number = error.errno
    if number is None and (found := _ERRNO.search(str(error))):
        number = int(found[1])  # of a name with several addresses: none has answered
    return os.strerror(number).lower() if number and number > 0 else ""
