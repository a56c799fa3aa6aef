"""Where a request comes from, by what a browser says of it. Pure.

A page of another site can have a browser send anything to `127.0.0.1`, but for two headers: `Host`,
the name that the browser has looked up (by changing what its name stands for a site can pass for
this one, and is still known by the name), and `Origin`.
"""

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def is_own_name(host: str, names: Collection[str]) -> bool:
    """Whether nobody else can have made this `Host` lead here: an address, or a name of ours."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in {"localhost", *(known.lower() for known in names)}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_form(headers: Mapping[str, str]) -> bool:
    """Whether a browser sends this from a page of ours; a program that is none says nothing."""
    site = headers.get("Sec-Fetch-Site", "same-origin")
    if site != "same-origin":
        return False
    origin = headers.get("Origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("Host", "").lower() != ""
    except ValueError:
        return False
