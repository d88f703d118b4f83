"""Input that no honest client sends: a clear problem naming the place, never a failure of ours."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from flask import Flask

DEEP = 100_000

BODIES: dict[str, tuple[bytes, str]] = {
    "not closed": (b"{", "unexpected end"),
    "half a character": (b'{"email": "\\ud800"}', "surrogate"),
    "half a character as a name": (b'{"\\ud800": 1}', "surrogate"),
    "not UTF-8": (b'{"email": "\xff"}', "utf-8"),
    "UTF-16": ('{"email": "x"}'.encode("utf-16"), "utf-8"),
    "a number that is none": (b'{"email": NaN}', "json"),
    "arrays without end": (b"[" * DEEP, "json"),
    "objects without end": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "json"),
    "a name twice": (b'{"email": "a", "email": "b"}', "'email' stands twice"),
    "a name twice, further in": (b'{"email": {"a": 1, "a": 2}}', "'a' stands twice"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_json_is_named_so(app: Flask, case: str) -> None:
    body, why = BODIES[case]
    refused: Any = app.test_client().post(
        "/api/v1/session", data=body, content_type="application/json"
    )
    assert refused.status_code == 400
    assert refused.content_type == "application/problem+json"
    assert why in refused.json["errors"]["body"][0].lower()


def test_a_long_list_of_names_is_read_quickly(app: Flask) -> None:
    names = ",".join(f'"n{number}": 1' for number in range(60_000))
    refused: Any = app.test_client().post(
        "/api/v1/session",
        data="{" + names + ', "n59999": 2}',
        content_type="application/json",
    )
    assert refused.status_code == 400
    assert "'n59999' stands twice" in refused.json["errors"]["body"][0]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_type_is_refused_as_such(app: Flask, kind: str | None) -> None:
    refused: Any = app.test_client().post(
        "/api/v1/session", data=b'{"email": "x"}', content_type=kind
    )
    assert (refused.status_code, refused.json["code"]) == (415, "unsupported_media_type")
    assert refused.json["errors"] == {"Content-Type": ["Must be application/json."]}


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_named(app: Flask, body: bytes) -> None:
    refused: Any = app.test_client().post(
        "/api/v1/session", data=body, content_type="application/json"
    )
    assert refused.status_code == 422
    assert list(refused.json["errors"]) == ["body"]


def test_a_body_that_is_too_large_is_told_the_limit(app: Flask) -> None:
    refused: Any = app.test_client().post(
        "/api/v1/session", data=b" " * (2**20 + 1), content_type="application/json"
    )
    assert refused.status_code == 413
    assert "at most 1048576 bytes" in refused.json["errors"]["body"][0]


SOME = str(uuid.uuid4())
CURSORS: dict[str, tuple[str, list[Any]]] = {
    "a number for an id": ("name", ["x", 5]),
    "an object for an id": ("name", ["x", {}]),
    "half a character": ("name", ["\ud800", SOME]),
    "a NUL": ("name", ["\x00", SOME]),
    "more than an integer holds": ("price", [str(10**60), SOME]),
    "a JSON number": ("price", [5, SOME]),
    "no number": ("price", ["NaN", SOME]),
    "a part too few": ("name", [SOME]),
    "nothing": ("name", []),
}


@pytest.mark.parametrize("case", CURSORS)
def test_a_cursor_of_ones_own_making_is_refused(app: Flask, case: str) -> None:
    sort, parts = CURSORS[case]
    after = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
    refused: Any = app.test_client().get(f"/api/v1/products?sort={sort}&after={after}")
    assert (refused.status_code, refused.json["code"]) == (422, "bad_cursor")
    assert list(refused.json["errors"]) == ["after"]


@pytest.mark.parametrize("path", ["/api/v1/products/a%00b", "/products/%00", "/confirm/%00"])
def test_nothing_has_an_address_with_a_nul(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 404


def test_a_page_refuses_a_nul_in_its_address_or_form(app: Flask) -> None:
    page: Any = app.test_client()
    headers = {"Accept": "application/json"}
    for refused in (
        page.get("/?q=a%00b", headers=headers),
        page.post("/sign-in", data={"q": "a\x00b"}, headers=headers),
    ):
        assert (refused.status_code, refused.json["code"]) == (422, "unreadable")
        assert list(refused.json["errors"]) == ["q"]
