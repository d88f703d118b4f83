"""A program of somebody's, with her token; a browser whose forms are sent from their page."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from flask import Flask

from shop.accounts import tokens
from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from tests.people import a_browser


@dataclass(frozen=True)
class Program:
    app: Flask
    secret: str

    def get(self, path: str, **query: str) -> Any:
        return self.app.test_client().get(path, headers=self._headers(), query_string=query)

    def post(self, path: str, json: Any = None, *, key: str | None = None) -> Any:
        """With an Idempotency-Key of its own, unless one is named."""
        headers = self._headers() | {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.app.test_client().post(path, headers=headers, json=json)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def a_program(app: Flask, person: Person) -> Program:
    """Commits."""
    _, secret = tokens.issue(person, name="a test", scopes=None, at=now())
    db.session.commit()
    return Program(app, secret)


class Sheets:
    """A browser of somebody's, whose forms carry the token of the page they stand on."""

    def __init__(self, app: Flask, person: Person) -> None:
        self._browser = a_browser(app, person)
        self._token = ""

    def get(self, path: str, **query: str) -> str:
        answer = self._browser.get(path, query_string=query)
        assert answer.status_code == 200, answer.text
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self._token = found[1]
        return answer.text

    def post(self, path: str, **typed: str) -> Any:
        if not self._token:
            self.get("/account")
        return self._browser.post(path, data=typed | {"csrf_token": self._token})
