"""Ask the application itself, in this process and without a network."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

from benchmarks.load import WrongAnswer


class InProcess:
    """Asks the application itself, as a server would call it."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        key: str | None = None,
        body: bytes = b"",
        signature: str | None = None,
    ) -> bytes:
        """The body of the answer. Raises WrongAnswer for any status but 200 and 201."""
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        if signature:
            headers["Stripe-Signature"] = signature
        given: dict[str, Any] = {"data": body} if body else {"json": json}
        environ = EnvironBuilder(
            path=path, method=method, headers=list(headers.items()), **given
        ).get_environ()
        environ["REMOTE_ADDR"] = "127.0.0.1"
        status, came = answered(self.app, environ)
        if status not in (200, 201):
            raise WrongAnswer(f"{method} {path}: {status} {came[:2000].decode()}")
        return came


def answered(app: Flask, environ: Any) -> tuple[int, bytes]:
    """One request through the application; what is sampled is below this function."""
    came: list[str] = []

    def start(status: str, headers: Any, error: Any = None) -> Any:
        came.append(status)

    answer = app.wsgi_app(environ, start)
    try:
        body = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return int(came[0].split()[0]), body
