"""The line between the shop and the provider, with a fault in it where a test wants one."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "host"}


class Line(ThreadingHTTPServer):
    """Carries calls to the provider; what `swallows` names is never answered.

    `swallows` is (method, beginning of the path, whether the provider gets it nevertheless).
    """

    daemon_threads = True

    def __init__(self, bank_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Carrier)
        self.bank = urlsplit(bank_url).netloc
        self.swallows: tuple[str, str, bool] | None = None
        self.swallowed = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def takes(self, method: str, path: str) -> bool:
        """Whether this answer is swallowed; the next one is not."""
        if self.swallows is None or method != self.swallows[0]:
            return False
        if not path.startswith(self.swallows[1]):
            return False
        self.swallowed += 1
        return True


class _Carrier(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Line

    def do_GET(self) -> None:
        self._carry()

    def do_POST(self) -> None:
        self._carry()

    def _carry(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        lost = self.server.takes(self.command, self.path)
        delivered = not lost or (self.server.swallows or ("", "", False))[2]
        if lost:
            self.server.swallows = None
        came = self._asked(body) if delivered else None
        if lost or came is None:
            self.connection.recv(1)  # until the shop's patience ends, and it hangs up
            self.close_connection = True
            return
        status, headers, text = came
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        line = http.client.HTTPConnection(self.server.bank, timeout=30)
        try:
            headers = {
                name: value for name, value in self.headers.items() if name.lower() != "host"
            }
            line.request(self.command, self.path, body=body or None, headers=headers)
            came = line.getresponse()
            return came.status, came.getheaders(), came.read()
        finally:
            line.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def line_to(bank_url: str) -> Iterator[Line]:
    line = Line(bank_url)
    serving = threading.Thread(target=line.serve_forever)
    serving.start()
    try:
        yield line
    finally:
        line.shutdown()
        serving.join()
        line.server_close()
