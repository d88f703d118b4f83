"""Find what is to be translated outside of templates: for Babel, as `babel.cfg` names it.

Verbs speak plain English, f-strings among it: "Choose 1 to {MAX}." is offered to translators as
"Choose 1 to {0}.", and `tongues.told` knows a sentence again by that pattern. Docstrings, SQL and
what is no sentence are left out; a sentence too many does no harm.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

Found = tuple[int, str | None, str | tuple[str, ...], list[str]]  # as Babel wants it

SENTENCE = re.compile(r"[A-Z“][A-Za-z\u2019'-]*[ ,.:?].*[a-z]|[A-Z][a-z]+( [a-z]+)*[.:?]")
NO_SENTENCE = re.compile(
    r"^(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|GRANT|FROM|ORDER|CASE|SET|LOCK|CHECK|AND|OR)\b"
    r"|[{}]{2}|^%|\bNOT NULL\b|\bIS NULL\b|^[A-Z0-9_ ]+$|^[A-Za-z]+/[0-9]|\bBETWEEN\b"
)
LONGEST = 600
MARKED = {"_", "gettext", "lazy_gettext", "ngettext", "lazy_ngettext"}
# Whose sentences no client and nobody at work reads on a page.
UNSEEN = (
    "/cli.py", "/demo/", "/sandbox/", "/fhir/", "/models", "/core/", "extracting.py", "config.py",
    "/payments/stripe_gateway.py", "/schemas", "/notifications/mailer.py",
)  # fmt: skip
SEEN_ALL_THE_SAME = ("/core/errors.py", "/core/money.py")
# What marshmallow and Flask say of a field or a request, in their own words.
OF_LIBRARIES = (
    "Missing data for required field.", "Field may not be null.", "Not a valid string.",
    "Not a valid integer.", "Not a valid number.", "Not a valid boolean.", "Not a valid date.",
    "Not a valid datetime.", "Not a valid UUID.", "Not a valid email address.", "Unknown field.",
    "Must be one of: {0}.", "Length must be between {0} and {1}.",
    "Longer than maximum length {0}.", "Shorter than minimum length {0}.",
    "Must be greater than or equal to {0}.",
    "Must be greater than or equal to {0} and less than or equal to {1}.",
    "Must be less than or equal to {0}.",
)  # fmt: skip


def sentences(file: BinaryIO, keywords: Any, tags: Any, options: Any) -> Iterator[Found]:
    """Sentences of a Python file, and what it marks with `_`."""
    name = str(getattr(file, "name", ""))
    tree = ast.parse(file.read())
    unseen = any(part in name for part in UNSEEN) and not name.endswith(SEEN_ALL_THE_SAME)
    if name.endswith("shop/web/extracting.py"):
        yield from ((1, None, text, []) for text in OF_LIBRARIES)
    marked = {id(node) for call in ast.walk(tree) for node in _marked(call)}
    skipped = {id(node) for node in _docstrings(tree)} | marked
    for node in ast.walk(tree):
        yield from _of_call(node)
        if unseen or id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in ast.walk(node)}
        text = _pattern(node)
        if text and len(text) < LONGEST and SENTENCE.match(text) and not NO_SENTENCE.search(text):
            yield node.lineno, None, text, []  # type: ignore[attr-defined]


def texts(file: BinaryIO, keywords: Any, tags: Any, options: Any) -> Iterator[Found]:
    """What clients read of a data file: the texts of questions, what a rule says to a client."""
    for text in _read(json.load(file)):
        yield 1, None, text, []


def pattern_of(text: str) -> re.Pattern[str]:
    """What tells a sentence again that was made from `text`, with a group for each part."""
    parts = re.split(r"\{[0-9]+\}", text)
    return re.compile("(.+?)".join(re.escape(part) for part in parts), re.DOTALL)


def _read(data: Any) -> Iterator[str]:
    if isinstance(data, list):
        for one in data:
            yield from _read(one)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in ("text", "help", "title", "client") and isinstance(value, str):
                yield value
            else:
                yield from _read(value)


def _pattern(node: ast.AST) -> str | None:
    """A string as it stands, an f-string with its parts numbered."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) and "\n" not in node.value else None
    if not isinstance(node, ast.JoinedStr):
        return None
    count, text = 0, ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            text += f"{{{count}}}"
            count += 1
    return text


def _of_call(node: ast.AST) -> Iterator[Found]:
    if not isinstance(node, ast.Call) or _called(node) not in MARKED:
        return
    told = [
        arg.value
        for arg in node.args
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    ]
    if told:
        plural = "ngettext" in _called(node) and len(told) > 1
        yield (
            node.lineno,
            "ngettext" if plural else None,
            tuple(told[:2]) if plural else told[0],
            [],
        )


def _marked(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and _called(node) in MARKED:
        yield from ast.walk(node)


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", "") or getattr(node.func, "attr", "")


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value
