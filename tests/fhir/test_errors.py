"""What goes wrong under /fhir is told as an OperationOutcome, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import TooManyRequests

from shop.fhir.api import searching
from tests.fhir.strict import examples, parsed, paths, wrong_words
from tests.fhir.test_access import Scope, a_token
from tests.fhir.world import BASE, World

CASES: dict[str, tuple[str, int, str]] = {
    "a type that is not served": ("Medication", 404, "not-found"),
    "an address that is none": ("Task/1/_history/2", 404, "not-found"),
    "a path without a type": ("", 404, "not-found"),
    "an id that is none": ("Task/nothing", 404, "not-found"),
    "a parameter that is not known": ("Task?colour=red", 400, "invalid"),
    "a parameter of another type": ("Patient?status=active", 400, "invalid"),
    "a modifier": ("Task?status:not=draft", 400, "invalid"),
    "a chain": ("Task?patient.name=Alice", 400, "invalid"),
    "an empty value": ("Task?status=", 400, "invalid"),
    "a word that is none": ("Task?status=done", 400, "invalid"),
    "a date that is none": ("Task?authored-on=2026-13-01", 400, "invalid"),
    "a prefix that is not known": ("Task?authored-on=ap2026", 400, "invalid"),
    "a count that is none": ("Task?_count=many", 400, "invalid"),
    "a count of nothing": ("Task?_count=0", 400, "invalid"),
    "a sort that is none": ("Task?_sort=colour", 400, "invalid"),
    "a page that is none": ("Task?_page=zzz", 400, "invalid"),
    "a page of nonsense": ("Task?_page=0.bm9uc2Vuc2U", 400, "invalid"),
    "two counts": ("Task?_count=1&_count=2", 400, "invalid"),
    "a form that is not spoken": ("Task?_format=xml", 400, "invalid"),
    "a read with a parameter": ("Task/x?_elements=id", 400, "invalid"),
    "NUL": ("Task?identifier=%00", 400, "invalid"),
    "NUL in the path": ("Task/%00", 404, "not-found"),
}


def outcome(answer: Any) -> dict[str, Any]:
    """Checked: strict, and only of elements that the example shows."""
    assert answer.content_type == "application/fhir+json"
    body: dict[str, Any] = answer.json
    parsed(body)
    assert wrong_words(body) == []
    assert set(paths(body)) <= {path for one in examples() for path in paths(one)}
    (issue, *_more) = body["issue"]
    return dict(issue)


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_is_an_operation_outcome(world: World, case: str) -> None:
    path, status, code = CASES[case]
    answer = world.browser(world.alice).answer(path)
    assert answer.status_code == status
    assert outcome(answer)["code"] == code


def test_the_parameter_to_blame_is_named(world: World) -> None:
    alice = world.browser(world.alice)
    for path, name in {
        "Task?colour=red": "colour",
        "Task?status=done": "status",
        "Task?_page=0.x": "_page",
    }.items():
        issue = outcome(alice.answer(path))
        assert issue["expression"] == [name]
        assert issue["details"]["text"].startswith(f"{name}: ")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written_here(world: World, method: str) -> None:
    token = a_token(world.chen, *Scope)
    answer = getattr(world.app.test_client(), method)(f"{BASE}/Patient", headers=token, json={})
    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert outcome(answer)["code"] == "not-supported"


def _instead_of_a_search(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(searching, "search", broken)


def test_too_many_requests_are_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the limiter raises it."""
    _instead_of_a_search(monkeypatch, TooManyRequests())
    answer = world.browser(world.alice).answer("Task")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert outcome(answer)["code"] == "throttled"


def test_a_bug_says_nothing_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _instead_of_a_search(monkeypatch, RuntimeError("Alice Moreno"))
    monkeypatch.setattr(world.app, "testing", False)
    answer = world.browser(world.alice).answer("Task")
    assert answer.status_code == 500
    assert outcome(answer)["severity"] == "fatal"
    assert "Alice" not in answer.text


def test_other_parts_of_the_shop_speak_as_before(live_app: Flask) -> None:
    client = live_app.test_client()
    assert client.get("/api/v1/nothing").content_type == "application/problem+json"
    assert client.get("/fhirs").content_type.startswith("text/html")
