"""After signing in, nobody is sent to another site."""

from __future__ import annotations

import pytest

from shop.accounts.returning import safe_path

OURS = [
    "/",
    "/cart",
    "/orders/A-7K2QM4XD",
    "/products/tretinoin-cream?size=20",
    "/account?after=WyJhIl0",
    "/review/",
    "/search?q=a%20b&limit=24",
]
ELSEWHERE = [
    "",
    "cart",
    "//evil.example",
    "///evil.example",
    "////evil.example/a",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "http://evil.example",
    "https://evil.example/",
    "HTTPS://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    " //evil.example",
    "/ /evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    "/\x00/evil.example",
    "/cart\r\nLocation: https://evil.example",
    "//evil.example/%2f..",
    "/a//evil.example",
    "/cart@evil.example//",
    "@evil.example",
    "/@evil.example:80/",
    "/a:b",
    "?next=//evil.example",
    "#//evil.example",
    "/#@evil.example",
    "\uff0f\uff0fevil.example",
    "/\uff0fevil.example",
    "/\u2028/evil.example",
    "/\u00a0/evil.example",
    "https://localhost@evil.example",
    "ftp://evil.example",
    "mailto:a@evil.example",
    "/" + "a" * 500,
]


@pytest.mark.parametrize("path", OURS)
def test_our_own_paths_are_kept(path: str) -> None:
    assert safe_path(path, "/home") == path


@pytest.mark.parametrize("path", ELSEWHERE)
def test_anything_else_leads_home(path: str) -> None:
    assert safe_path(path, "/home") == "/home"


def test_nothing_asked_leads_home() -> None:
    assert safe_path(None, "/home") == "/home"
