"""Input broken in every way we know: what a schema of the API takes, and then what it must not."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import shop

LONG = "x" * 10_000
WORDS: tuple[str, ...] = (
    "",
    " ",
    LONG,
    "\x00",
    "a\x00b",
    "\u202e",
    "\ud800",
    "日本語",
    "' OR 1=1 --",
    "../../etc/passwd",
    "SC-NO-SUCH-RULE",
    "1870-01-01",
    "2999-12-31",
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "2026-13-01T25:00:00Z",
    "-1",
    "1e400",
    "NaN",
    "9" * 400,
    str(uuid.UUID(int=0)),
)
NO_WORDS: tuple[Any, ...] = (None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, float("nan"), [], {})
HOSTILE = st.sampled_from([*WORDS, *NO_WORDS, [[]], [{}], {"": {"": []}}, [LONG], {LONG: LONG}])
# What a path can hold: a lone surrogate has no UTF-8, and a router answers for an empty part.
IN_A_PATH = [word for word in WORDS if word not in ("", "\ud800")]
Draw = Callable[[Any], Any]


def fitting(schema: Mapping[str, Any], named: Mapping[str, Any], draw: Draw) -> Any:
    """A value that an OpenAPI schema takes, as far as the schema tells."""
    if reference := schema.get("$ref"):
        return fitting(named[reference.rpartition("/")[2]], named, draw)
    if choices := schema.get("enum"):
        return draw(st.sampled_from([one for one in choices if one is not None]))
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object":
        return {
            name: fitting(one, named, draw)
            for name, one in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or draw(st.booleans())
        }
    if kind == "array":
        return [
            fitting(schema.get("items", {}), named, draw) for _ in range(draw(st.integers(0, 2)))
        ]
    if kind == "integer":
        return schema.get("minimum", 1)
    if kind == "string":
        return {
            "date": "2026-11-27",
            "date-time": "2026-11-27T10:00:00Z",
            "uuid": str(uuid.UUID(int=7)),
        }.get(schema.get("format", ""), "Some words.")
    return draw(st.sampled_from([True, False, "none", 1]))


def broken(body: Any, draw: Draw) -> Any:
    """The same with one place of it made wrong: another value, a gap, a name nobody knows."""
    places = [place for place in _places(body) if place]
    how = draw(st.sampled_from(["value", "gap", "unknown", "all"])) if places else "unknown"
    if how == "all":
        return draw(HOSTILE)
    if how == "unknown" and isinstance(body, dict):
        return body | {
            draw(st.sampled_from(["id", "status", "", "client_id", LONG])): draw(HOSTILE)
        }
    if not places:
        return draw(HOSTILE)
    *way, last = draw(st.sampled_from(places))
    parent = body
    for step in way:
        parent = parent[step]
    if how == "gap":
        del parent[last]
    else:
        parent[last] = draw(HOSTILE)
    return body


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to everything in it, itself first."""
    yield ()
    inside: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inside = list(value.items())
    if isinstance(value, list):
        inside = list(enumerate(value))
    for name, one in inside:
        for rest in _places(one):
            yield (name, *rest)


def names_of_forms() -> list[str]:
    """Every name that a form of the shop's pages sends."""
    found: set[str] = set()
    for page in (Path(shop.__file__).parent / "templates").rglob("*.html"):
        found |= set(re.findall(r"""\bname=["'](\w+)["']""", page.read_text(encoding="utf-8")))
    return sorted(found - {"csrf_token"})
