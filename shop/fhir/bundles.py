"""Bundle of type searchset (R4, bundle.html#searchset): one page of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from shop.fhir.elements import Element, Place, said


def searchset(
    type: str,
    found: Sequence[Element],
    *,
    used: Sequence[tuple[str, str]],
    page: str | None,
    next: str | None,
    total: int | None,
    place: Place,
) -> Element:
    """`used` are the parameters that were understood; `page` and `next` are cursors."""
    links = [_link("self", type, used, page, place)]
    if next is not None:
        links.append(_link("next", type, used, next, place))
    entries = [
        {
            "fullUrl": f"{place.base}/{type}/{one['id']}",
            "resource": one,
            "search": {"mode": "match"},
        }
        for one in found
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": total}
    return said({**bundle, "link": links, "entry": entries})


def _link(
    relation: str, type: str, used: Sequence[tuple[str, str]], cursor: str | None, place: Place
) -> Element:
    pairs = [*used, *([("_page", cursor)] if cursor else [])]
    query = f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""
    return {"relation": relation, "url": f"{place.base}/{type}{query}"}
