"""What the façade refuses."""

from __future__ import annotations

from shop.core.errors import NotFound, Refused


class BadSearch(Refused):
    """A search that cannot be understood; `fields` name the parameter."""

    code = "bad_search"


class NoSuchType(NotFound):
    code = "no_such_type"


class NotOffered(Refused):
    """A format that is not spoken here."""

    code = "format_not_offered"


def bad(parameter: str, problem: str) -> BadSearch:
    """The refusal of one parameter."""
    return BadSearch(f"{parameter}: {problem}", fields={parameter: [problem]})
