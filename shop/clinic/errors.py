"""What is refused of a look."""

from __future__ import annotations

from shop.core.errors import NotFound, Refused


class BadLook(Refused):
    """A name, a colour or a logo that cannot be used."""

    code = "bad_look"


class NoLogo(NotFound):
    """The clinic has chosen none."""

    code = "no_logo"
