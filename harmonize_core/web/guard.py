# SPDX-License-Identifier: Apache-2.0
"""Who may ask the page's server for what, and how much they may send.

The page is one person's, on one machine. Other programs of this person's browser are the danger: a strange web page
that sends requests to 127.0.0.1 (answered by the token and the origin), or whose own name has come to mean 127.0.0.1
(DNS rebinding, answered by the Host header: an address in numbers cannot be rebound, and of names only those that were
given count).

Source: Jackson et al., "Protecting Browsers from DNS Rebinding Attacks" (CCS 2007), section 5.2, on checking the Host
header; Fetch Metadata Request Headers (W3C working draft), section 2.4, on Sec-Fetch-Site.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qs, urlsplit

from harmonize_core.errors import HarmonizeError

Headers = Message
"""Of a request, as the standard library reads them."""

MAX_BYTES = 512 * 2**20
"""Of one file that is sent."""

MAX_PIXELS = 64_000_000
"""Of one picture, by its header: 8K twice over."""

MAX_JSON = 64 * 1024
"""Bytes of a request that is no file."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Sent with every answer: nothing from elsewhere is loaded, and nothing is lent to elsewhere."""


class Refused(HarmonizeError):
    """A request that is not answered; `status` is that of HTTP."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Guard:
    """Tells the owner's requests from all others."""

    token: str
    """Random for each start, part of the address that is opened."""
    host: str
    """Where the server listens, as it was given."""

    @classmethod
    def of(cls, host: str) -> Guard:
        """With a new token of 192 bits."""
        return cls(secrets.token_urlsafe(24), host)

    def check_host(self, headers: Headers) -> None:
        """Raises: Refused where the Host header is missing, there twice, or a name that could be anyone's."""
        if len(headers.get_all("Host", [])) > 1:
            raise Refused(400, "the request should name one host")
        name = host_name(headers.get("Host", ""))
        if name is None or not (name in ("localhost", self.host.lower()) or _is_address(name)):
            raise Refused(421, "this server is not known by that name; open the address that the terminal shows")

    def check_page(self, query: str) -> None:
        """Raises: Refused where the page is opened without its token."""
        self._check_token((parse_qs(query).get("token") or [""])[0])

    def check_call(self, headers: Headers) -> None:
        """Raises: Refused where a call comes from another page than ours or without the token."""
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if site not in (None, "same-origin") or origin not in (None, f"http://{headers.get('Host')}"):
            raise Refused(403, "another web page may not use this server")
        self._check_token(headers.get("X-Token", ""))

    def _check_token(self, given: str) -> None:
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refused(403, "open the whole address that the terminal shows: its token is missing or of another run")


def body_length(headers: Headers, limit: int) -> int:
    """How many bytes follow the headers.

    Raises:
        Refused: not told, told twice, or more than `limit`.
    """
    length = told_length(headers)
    if "Transfer-Encoding" in headers or length is None:
        raise Refused(411, "the request should say how long it is in Content-Length")
    if length > limit:
        raise Refused(413, f"the file has {length / 2**20:.0f} MB, and at most {limit / 2**20:.3g} MB are taken")
    return length


def told_length(headers: Headers) -> int | None:
    """What the one Content-Length says, at most a billion gigabytes; None where there is none, or no number."""
    lengths = headers.get_all("Content-Length", [])
    digits = lengths[0] if len(lengths) == 1 else ""
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return int(digits) if len(digits) <= 18 else 10**18  # int() takes no more than some thousand digits


def host_name(header: str) -> str | None:
    """The name or address in a Host header, lower case, without port and brackets; None if there is none."""
    if not header or any(c in header for c in "/@?#\\ "):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def file_name(given: str) -> str:
    """A name that a user's file had, for messages and downloads alone: its last part, printable, at most 80 long."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in last).strip(" .")
    return kept[-80:] or "picture"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
