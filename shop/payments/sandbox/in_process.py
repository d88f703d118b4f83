"""For tests: the real Stripe client, and a person at the hosted page, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
import stripe
from flask import Flask
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug.test import TestResponse

from shop.payments.sandbox.app import DROPPED
from shop.payments.sandbox.cards import PAYS


def in_process(app: Flask) -> stripe.HTTPClient:
    """The library's own client over the application itself; for `StripeGateway(transport=…)`."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(app))
    return stripe.RequestsClient(timeout=(3.0, 20.0), session=session)


class _Adapter(BaseAdapter):
    """Carries a prepared request into a WSGI application and its answer back."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._app = app

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002  the library's own signature
        timeout: Any = None,
        verify: Any = True,  # noqa: FBT002
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        came = self._app.test_client().open(
            request.path_url,
            base_url="http://127.0.0.1",
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=request.body or b"",
        )
        if DROPPED in came.headers:
            raise requests.ReadTimeout("The sandbox lost its answer.", request=request)
        return _response(request, came)

    def close(self) -> None:
        """There is no line to close."""


def _response(request: requests.PreparedRequest, came: TestResponse) -> requests.Response:
    response = requests.Response()
    response.status_code = came.status_code
    response.headers = CaseInsensitiveDict(came.headers.items())
    response.raw = BytesIO(came.get_data())
    response.url = request.url or ""
    response.request = request
    return response


@dataclass(frozen=True)
class Visit:
    """What came of sending a form: where it led, or the page that was shown instead."""

    status: int
    location: str | None
    page: str


class Visitor:
    """A person at the hosted page, who types and presses buttons."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def look(self, url: str) -> Visit:
        return _visit(self._client.get(urlsplit(url).path))

    def pay(
        self,
        url: str,
        *,
        number: str = PAYS,
        exp: str = "12 / 49",
        cvc: str = "123",
        name: str = "Alice Example",
    ) -> Visit:
        """Type a card and press the button."""
        form = {"number": number, "exp": exp, "cvc": cvc, "name": name}
        return _visit(self._client.post(urlsplit(url).path, data=form))

    def authenticate(self, url: str, *, authorise: bool) -> Visit:
        """Answer the bank's question; `url` is the session's page."""
        path = f"{urlsplit(url).path}/authenticate"
        decision = "authorise" if authorise else "refuse"
        return _visit(self._client.post(path, data={"decision": decision}))


def _visit(came: TestResponse) -> Visit:
    return Visit(came.status_code, came.headers.get("Location"), came.get_data(as_text=True))
