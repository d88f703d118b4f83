"""The web layer: problems, headers, cross-site writes, idempotency, paging, fields."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import pytest
from flask import Flask, Response
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.errors import Conflict, NotFound, Refused, TooMany
from shop.web.api import Cents, State, StrictBoolean, Text, Whole


@pytest.fixture
def page(app: Flask) -> Any:
    return app.test_client()


def test_alive_and_ready(page: Any) -> None:
    assert page.get("/healthz").json == {"status": "alive"}
    assert page.get("/readyz").json["checks"] == {
        "database": True,
        "queue": True,
        "sealed_keys": True,
    }


def test_an_unknown_api_path_is_a_problem_and_an_unknown_page_is_a_page(page: Any) -> None:
    problem = page.get("/api/v1/nothing", headers={"X-Request-Id": "request-42"})
    assert problem.status_code == 404
    assert problem.content_type == "application/problem+json"
    assert problem.json["code"] == "not_found"
    assert problem.json["request_id"] == problem.headers["X-Request-Id"] == "request-42"

    shown = page.get("/nothing")
    assert shown.status_code == 404
    assert "This page is not here" in shown.text


def test_a_wrong_method_says_which_are_right(page: Any) -> None:
    refused = page.delete("/api/docs")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]


def test_every_answer_is_protected(page: Any) -> None:
    for path in ("/healthz", "/nothing", "/api/v1/nothing", "/api/docs", "/api/openapi.json"):
        headers = page.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}],
)
def test_a_write_from_another_site_is_refused(page: Any, headers: dict[str, str]) -> None:
    refused = page.post("/api/v1/nothing", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (403, "cross_site")


def test_a_form_without_its_token_is_refused(page: Any) -> None:
    refused = page.post("/nothing", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_token_missing_or_old")


FAMILIES = {
    "not found": (NotFound("Not here."), 404),
    "conflict": (Conflict("Moved on."), 409),
    "refused": (Refused("Against a rule.", fields={"sku": ["Unknown."]}, sku="X"), 422),
    "too many": (TooMany("Slow down.", retry_after=7), 429),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_of_refusal_has_its_status(app: Flask, family: str) -> None:
    from shop.web.problems import from_refusal

    refusal, status = FAMILIES[family]
    with app.test_request_context("/api/v1/x"):
        answer: Response = from_refusal(refusal)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["code"] == refusal.code
    assert answer.json["facts"] == refusal.facts
    assert answer.json["errors"] == refusal.fields
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)


class _Shape(ma.Schema):
    text = Text(longest=5)
    yes = StrictBoolean()
    count = Whole(least=1, most=20)
    cents = Cents()
    state = State()


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"text": "123456"},
        {"text": 5},
        {"yes": 1},
        {"yes": "true"},
        {"count": 0},
        {"count": 21},
        {"count": "3"},
        {"count": 3.0},
        {"count": True},
        {"count": 2**63},
        {"cents": -1},
        {"state": "ca"},
        {"state": "XX"},
    ],
)
def test_what_only_looks_right_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ma.ValidationError) as refused:
        _Shape().load(wrong)
    assert list(refused.value.normalized_messages()) == list(wrong)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=5))
def test_text_that_is_let_through_can_be_stored(text: str) -> None:
    try:
        kept = _Shape().load({"text": text})["text"]
    except ma.ValidationError:
        return
    assert kept == text
    assert "\x00" not in kept
    kept.encode("utf-8")
