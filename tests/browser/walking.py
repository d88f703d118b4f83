"""A walk: from the shop's first page along its links, to one page of every door a role may open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from shop.accounts.models import Role
from tests.architecture.doors import ANYONE, DOORS

# Doors that answer programs or hand over a file: not pages.
FILES = re.compile(
    r"^/(api/v1|api/openapi|fhir|healthz|readyz)|\.(csv|ics|webp)$|\.css$|/logo$|/certificates/|^/papers/<"
)
READ = {door.partition(" ")[2]: roles for door, roles in DOORS.items() if door.startswith("GET ")}
PAGES = {path: roles for path, roles in READ.items() if not FILES.search(path)}

_MAP = Map([Rule(path, endpoint=path) for path in READ]).bind("localhost")


def door_of(url: str) -> str | None:
    """The page's door that an address leads through; None where it is no page of ours."""
    try:
        door = str(_MAP.match(urlsplit(url).path)[0])
    except HTTPException:
        return None
    return door if door in PAGES else None


def doors_for(role: Role | None) -> set[str]:
    """The doors of pages that are there for this role; a visitor's are open to all."""
    return {path for path, roles in PAGES.items() if (role in roles if role else roles == ANYONE)}


@dataclass
class Walk:
    """Where somebody has been. `each` pages are looked at behind every door."""

    page: Page
    each: int = 1
    ends: frozenset[str] = frozenset()  # doors whose links are not followed
    met: dict[str, list[str]] = field(default_factory=dict)  # door → addresses looked at

    def along(self, *begin: str) -> Iterator[tuple[str, str]]:
        """Go; yields (door, address) when its page is open. What was linked is queued after it."""
        queue, queued = list(begin), set(begin)
        while queue:
            address = queue.pop(0)
            door = door_of(address)
            if door is None or len(self.met.setdefault(door, [])) >= self.each:
                continue
            self.met[door].append(address)
            answer = self.page.goto(address)
            assert answer is not None
            assert answer.status < 400, f"A link leads to {address}, which answers {answer.status}"
            links = [] if door in self.ends else self._links()
            yield door, address
            for link in links:
                if link not in queued:
                    queued.add(link)
                    queue.append(link)

    def _links(self) -> list[str]:
        """Addresses of ours that the page links to, by path and query, without fragments."""
        found: list[str] = self.page.evaluate("""() =>
          [...document.querySelectorAll("a[href]:not([download])")]
            .filter((link) => link.origin === location.origin)
            .map((link) => link.pathname + link.search)""")
        return found
