# SPDX-License-Identifier: Apache-2.0
"""The page's server: the standard library's, with a fixed list of what can be asked for.

No path of a request is ever looked up on the disk: the page's three files and the calls of `answers.py` are entries of
tables, pictures are asked for by random keys. A framework (Starlette and uvicorn) was weighed and left out: what makes
this server safe is the list of checks in `guard.py`, which a framework does not bring; the calls are ten, each body is
one file or one small JSON text, so there is neither multipart nor chunked transfer to parse; one person is served, by
threads that spend their time in NumPy. So nothing is to be installed or kept up to date beside Python itself.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from harmonize_core.errors import ConfigError, HarmonizeError
from harmonize_core.web.answer import Answer
from harmonize_core.web.answers import CALLS
from harmonize_core.web.desk import Desk
from harmonize_core.web.guard import HEADERS, Guard, Refused, told_length

PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in ("page", "calls", "form", "view")},
}
"""All that can be asked for without a call."""

DRAINED = 64 * 2**20
"""Bytes of a refused body that are read and thrown away, so that the browser hears why."""

BLOCK = 2**16


class PageServer(ThreadingHTTPServer):
    """Serves the page and answers its calls until `shutdown`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = sys.platform != "win32"  # there it would let two servers share a port

    def __init__(self, host: str, port: int, guard: Guard, desk: Desk) -> None:
        """Args:
        host: an address of this machine or a name of it; loopback unless others are to use it.
        port: 0 takes a free one.
        guard: who may ask.
        desk: answers the calls.

        Raises:
            ConfigError: the port is taken, or the host is no address of this machine.
        """
        self.guard, self.desk = guard, desk
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"no server can listen at port {port} of {host} ({error}); choose another --port or --host"
            ) from error

    def server_bind(self) -> None:
        """Without asking the network for this machine's full name, as `HTTPServer` does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """What the owner opens, token and all."""
        host, port = self.server_address[:2]
        name = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in str(host) else host
        return f"http://{name}:{port}/?token={self.guard.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: PageServer  # ty: ignore[incompatible-mutable-override]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "harmonize", ""
    timeout = 60

    def do_GET(self) -> None:
        """One of the page's files, or a call that reads."""
        self._reply()

    def do_POST(self) -> None:
        """A call that sends something."""
        self._reply()

    def _reply(self) -> None:
        self._unread = 0
        try:
            answer = self._answer()
        except Refused as error:
            answer = Answer.error(error.status, str(error))
        except HarmonizeError as error:
            answer = Answer.error(422, self.server.desk.words(error))
        except MemoryError:
            answer = Answer.error(422, "this machine has not enough memory for that picture; make it smaller")
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return
        except Exception:
            traceback.print_exc()
            answer = Answer.error(500, "something went wrong inside; the terminal shows what")
        self._send(answer)

    def _answer(self) -> Answer:
        length = told_length(self.headers)
        unclear = "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
        self._unread = length or int(unclear and length is None)
        guard, url = self.server.guard, urlsplit(self.path)
        guard.check_host(self.headers)
        if self.command == "GET" and url.path in PAGE:
            if url.path == "/":
                guard.check_page(url.query)
            name, kind = PAGE[url.path]
            return Answer(files("harmonize_core.web").joinpath(name).read_bytes(), kind)
        guard.check_call(self.headers)
        call = CALLS.get((self.command, url.path))
        if call is None:
            raise Refused(404, "there is nothing of that name here")
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        return call(self.server.desk, query, self.headers, _Body(self))

    def _send(self, answer: Answer) -> None:
        with contextlib.ExitStack() as after:
            after.callback(answer.done)
            length = answer.length
            body = after.enter_context(answer.stream())
            if self._unread:  # a body that nobody read would be taken for the next request
                self.close_connection = True
            self.send_response(answer.status)
            for name, value in {**HEADERS, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(length))
            if self.close_connection:
                self.send_header("Connection", "close")
            with contextlib.suppress(ConnectionError, TimeoutError):
                self.end_headers()
                while block := body.read(BLOCK):
                    self.wfile.write(block)
                self._drain()

    def _drain(self) -> None:
        left = min(self._unread, DRAINED)
        self.connection.settimeout(2)
        while left > 0 and (block := self.rfile.read1(min(BLOCK, left))):
            left -= len(block)
        self.connection.settimeout(self.timeout)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself (other methods, broken requests), in our words and headers."""
        self._unread, self.close_connection = 1, True
        self.request_version = getattr(self, "request_version", "HTTP/1.1")
        self._send(Answer.error(code, f"the request was not understood ({message or HTTPStatus(code).phrase})"))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what goes wrong is told in the page."""


class _Body:
    """What a request sends, read at most once."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def read(self, size: int) -> bytes:
        data = self._handler.rfile.read(size)
        self._handler._unread -= len(data)
        return data
