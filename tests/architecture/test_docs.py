"""What the documents say about the code is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shop.core.events import Kind
from shop.reactions import REACTIONS
from tests.architecture.source import ROOT, SHOP

EVENT = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)(?:#[^)]*)?\)")

DECISIONS = ROOT / "docs" / "decisions"


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def events_told(text: str) -> dict[str, str]:
    """Event → what follows, of the table in docs/events.md."""
    return {kind: follows.strip() for kind, _about, _when, follows in EVENT.findall(text)}


def test_every_event_is_in_the_table_in_the_codes_order() -> None:
    told = events_told((ROOT / "docs" / "events.md").read_text(encoding="utf-8"))
    assert list(told) == [kind.value for kind in Kind]


def test_the_table_says_what_follows() -> None:
    told = events_told((ROOT / "docs" / "events.md").read_text(encoding="utf-8"))
    assert {kind for kind, follows in told.items() if follows != "nothing"} == set(REACTIONS)


def test_a_line_of_the_table_is_read() -> None:
    line = "| `order_paid` | order | The money has arrived | mail: paid |"
    assert events_told(line) == {"order_paid": "mail: paid"}


def test_every_package_has_its_line_on_the_map() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    packages = [path.parent.name for path in SHOP.glob("*/__init__.py")]
    assert [name for name in packages if f"`shop/{name}`" not in readme] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_decisions_are_numbered_and_have_their_three_parts() -> None:
    records = sorted(DECISIONS.glob("*.md"))
    assert [path.name[:4] for path in records] == [
        f"{number:04d}" for number in range(1, len(records) + 1)
    ]
    for record in records:
        text = record.read_text(encoding="utf-8")
        found = re.findall(r"^## (\w+)", text, re.MULTILINE)
        assert found == ["Context", "Decision", "Consequences"], record.name


def test_what_the_domain_page_says_of_the_database_is_there() -> None:
    """Every name in the table of invariants is an object of the migrations."""
    page = (ROOT / "docs" / "domain.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| I\d+ \|[^|]*\|([^|]*)\|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]{8,})`", row)}
    migrations = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "migrations/versions").glob("*.py")
    )
    assert len(rows) >= 17
    assert named - set(re.findall(r"\w+", migrations)) == set()


def test_the_tests_the_domain_page_names_exist() -> None:
    page = (ROOT / "docs" / "domain.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
