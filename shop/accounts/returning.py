"""Where a person goes after signing in: only ever to a page of this shop. Pure."""

from __future__ import annotations

import re

from shop.accounts.models import Role

HOME = {Role.PHYSICIAN: "/review", Role.STAFF: "/packing", Role.MANAGER: "/manage"}

LONGEST = 500
# What our own links are made of. No backslash, no colon, no control character, no second slash in
# a row: nothing that some browser reads as another host.
OURS = re.compile(r"/(?:[A-Za-z0-9._~%-]+/?)*(?:\?[A-Za-z0-9._~%&=+/-]*)?", re.ASCII)


def safe_path(wanted: str | None, otherwise: str) -> str:
    """`wanted` if it is a path of this shop, else `otherwise`."""
    if wanted and len(wanted) <= LONGEST and OURS.fullmatch(wanted):
        return wanted
    return otherwise


def home_of(role: Role) -> str:
    """The page where somebody of this role begins."""
    return HOME.get(role, "/")
