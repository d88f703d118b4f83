"""The house rules hold in every module; and every rule sees the mistake it is there for."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.rules import COMMIT_THEMSELVES, RULES, Rule
from tests.architecture.source import SHOP, Module, shop_modules

MODULES = shop_modules()

# What each rule must see: module, text.
PLANTED: dict[Rule, list[tuple[str, str]]] = {
    rules.only_edges_know_http: [
        ("shop.orders.checkout", "from flask import request"),
        ("shop.orders.queries", "import marshmallow as ma"),
        ("shop.catalog.models", "from shop.web.paging import page"),
        ("shop.catalog.models", "from shop.web import paging"),
        ("shop.catalog.models", "from ..web import paging"),
        ("shop.core.db", "import flask.globals"),
    ],
    rules.web_knows_no_feature: [
        ("shop.web.api", "from shop.accounts import access"),
        ("shop.web.problems", "import shop.orders.models"),
    ],
    rules.only_the_gateway_knows_stripe: [
        ("shop.payments.settling", "import stripe"),
        ("shop.orders.api", "from stripe import StripeError"),
    ],
    rules.the_sandbox_knows_nothing_of_the_shop: [
        ("shop.payments.sandbox.server", "from shop.payments.models import Payment"),
        ("shop.payments.sandbox.server", "from shop.core.db import db"),
        ("shop.payments.sandbox.server", "from shop.payments import sandbox_of_mine"),
    ],
    rules.nobody_imports_an_edge: [
        ("shop.orders.checkout", "from shop.orders.schemas import OrderOut"),
        ("shop.orders.checkout", "from shop.catalog import pages"),
        ("shop.storefront.pages", "from shop.orders.api import place"),
        ("shop.demo.story", "import shop.catalog.cli"),
        ("shop.orders.checkout", "from shop.payments import jobs"),
    ],
    rules.edges_and_jobs_commit: [
        ("shop.orders.checkout", "def place():\n    db.session.commit()"),
        ("shop.orders.queries", "session.commit()"),
        ("shop.reactions", "@job('x')\ndef x(): ...\ndef y():\n    db.session.commit()"),
    ],
    rules.the_domain_reads_no_clock: [
        ("shop.orders.checkout", "at = datetime.now(UTC)"),
        ("shop.orders.checkout", "at = dt.datetime.utcnow()"),
        ("shop.orders.api", "today = date.today()"),
        ("shop.inventory.picking", "import time\ntime.time()"),
        ("shop.orders.checkout", "from shop.core.clock import now\nat = now()"),
        ("shop.orders.checkout", "from shop.core import clock\nat = clock.now()"),
    ],
    rules.sql_is_never_put_together: [
        ("shop.orders.queries", 'db.session.execute(sa.text(f"SELECT {name}"))'),
        ("shop.orders.queries", 'connection.execute("SELECT " + name)'),
        ("shop.orders.queries", 'sa.text("SELECT %s" % name)'),
        ("shop.orders.queries", 'sa.text("SELECT {}".format(name))'),
    ],
    rules.markup_is_never_trusted: [
        ("shop.orders.pages", "Markup(name)"),
        ("shop.orders.pages", "flask.render_template_string(name)"),
    ],
    rules.rooms_are_named_for_acts_or_things: [
        ("shop.orders.utils", '"""Odds and ends."""'),
        ("shop.services.orders", '"""Odds and ends."""'),
    ],
    rules.edges_are_where_they_belong: [("shop.orders.shipping.api", '"""Hidden."""')],
    rules.every_module_says_why_it_exists: [("shop.orders.checkout", "X = 1")],
    rules.numbers_of_rules_stay_in_the_docs: [
        ("shop.orders.checkout", "# holds I12"),
        ("shop.orders.checkout", '"""See T3."""'),
    ],
    rules.there_is_one_gate: [
        ("shop.orders.checkout", "def decide(line): ..."),
        ("shop.orders.checkout", "from shop.prescriptions.gate import decide"),
        ("shop.orders.checkout", "gate.decide(facts)"),
    ],
}

# What the rules must let pass: the neighbours of the mistakes above.
ALLOWED = [
    ("shop.orders.api", "from flask import request\nfrom shop.web.api import Schema"),
    ("shop.orders.api", "from shop.orders.schemas import OrderOut\ndb.session.commit()"),
    ("shop.orders.pages", "from shop.core.clock import now\nat = now()"),
    ("shop.accounts.access", "from flask import g"),
    ("shop.payments.jobs", "from flask import current_app"),
    ("shop.core.db", "from flask_sqlalchemy import SQLAlchemy"),
    ("shop.payments.stripe_gateway", "import stripe"),
    ("shop.payments.sandbox.pages", "from shop.payments.sandbox.cards import Card"),
    ("shop.reactions", "@jobs.job('x')\ndef x():\n    at = now()\n    db.session.commit()"),
    ("shop.orders.queries", 'db.session.execute(sa.text("SELECT 1 WHERE x = :x"), {"x": x})'),
    ("shop.core.cluster", 'c.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))'),
    ("shop.core.cluster", 'c.execute(f"CREATE SCHEMA {SCHEMA}")'),
    ("shop.payments.stripe_gateway", "at = datetime.fromtimestamp(seconds, UTC)"),
    ("shop.prescriptions.asking", "from shop.prescriptions import gate\ngate.decide(facts)"),
    ("shop.prescriptions.gate", "def decide(facts): ..."),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    broken = [f"{module.name} {what}" for module in MODULES for what in rule(module)]
    assert broken == [], rule.__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_sees_its_mistake(rule: Rule) -> None:
    unseen = [text for name, text in PLANTED[rule] if not list(rule(Module(name, text)))]
    assert unseen == []


@pytest.mark.parametrize(("name", "text"), ALLOWED)
def test_the_rules_let_pass_what_is_right(name: str, text: str) -> None:
    module = Module(name, f'"""Why."""\n{text}')
    assert [(rule.__name__, what) for rule in RULES for what in rule(module)] == []


def test_every_exception_is_still_needed() -> None:
    """A module that ends its transaction no more loses the right to."""
    idle = [
        module.name
        for module in MODULES
        if module.name in COMMIT_THEMSELVES and ".commit()" not in module.text
    ]
    assert idle == []


# Templates --------------------------------------------------------------------------------------

TRUSTING = re.compile(r"\|\s*safe\b|autoescape\s+false")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\bstyle=|\son[a-z]+\s*=", re.IGNORECASE)


def _templates() -> list[Path]:
    return sorted((SHOP / "templates").rglob("*.html"))


def _pages() -> list[Path]:
    """Everything but letters: mail programs drop style sheets, and no policy protects them."""
    return [path for path in _templates() if path.parent.name != "letters"]


def _found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(SHOP)}: {match}"
        for path in paths
        for match in pattern.findall(path.read_text(encoding="utf-8"))
    ]


# What markdown-it made of a letter's sentences, its facts escaped and HTML switched off.
MADE_BY_US = ["templates/letters/_layout.html: |safe"]


def test_templates_escape_everything() -> None:
    assert _found(TRUSTING, _templates()) == MADE_BY_US


def test_pages_hold_no_inline_script_or_style() -> None:
    assert _found(INLINE, _pages()) == []


@pytest.mark.parametrize("text", ["{{ name|safe }}", "{{ x | safe }}", "{% autoescape false %}"])
def test_trust_in_a_template_is_seen(text: str) -> None:
    assert TRUSTING.search(text)


@pytest.mark.parametrize(
    "text", ["<script>x</script>", "<p style='x'>", '<a onclick="x">', "<style>p {}</style>"]
)
def test_inline_script_or_style_is_seen(text: str) -> None:
    assert INLINE.search(text)


def test_a_script_of_its_own_file_is_fine() -> None:
    assert not INLINE.search('<script src="/static/x.js" defer></script>')


# What only shop/templates/_pieces.html spells: a page asks it, so that a change is made once.
PIECE = re.compile(r"""class=["'](?:pill|back|pager|toast|figure)(?=[ "'])""")


def test_a_page_takes_its_pieces_from_one_place() -> None:
    spelled = [
        f"{path.relative_to(SHOP)}: {found[0]}"
        for path in _templates()
        if path.name != "_pieces.html"
        for found in PIECE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert spelled == []


@pytest.mark.parametrize(
    "text", ['<span class="pill ok">', '<p class="back">', "<p class='pager'>"]
)
def test_a_piece_that_is_spelled_by_hand_is_seen(text: str) -> None:
    assert PIECE.search(text)


def test_a_class_of_another_name_is_no_piece() -> None:
    assert not PIECE.search('<p class="pills"><figure class="skin">')


# What a part of the style sheet begins with: it says whose words follow.
PART = re.compile(r"/\* ((?:Staff|Client|Accounts|Letters|M|Review|Studio)\b[^*]*) \*/")
ALONE = re.compile(r"(?:^|[{},])\s*\.([a-z][a-z0-9-]*)(?=\s*[,{])", re.MULTILINE)
TONES = {"ok", "warn", "stop", "info"}  # of pills, notices, figures: never a thing of their own
# What a portal may dress anew, knowing that it is everybody's: the gate's line, a product's page.
SHARED = {"gate", "hero", "pill", "price", "product"}


def claimed_twice(sheet: str) -> list[str]:
    """Classes that two parts of the sheet style as theirs, and tones that one does."""
    pieces = PART.split(sheet)
    parts = [pieces[0], *pieces[2::2]]
    owned = [set(ALONE.findall(re.sub(r"/\*.*?\*/", "", one, flags=re.DOTALL))) for one in parts]
    whole = Counter(name for names in owned for name in names)
    return sorted(
        name for name, times in whole.items() if (times > 1 and name not in SHARED) or name in TONES
    )


def test_a_class_means_one_thing() -> None:
    assert claimed_twice((SHOP / "static" / "aftercare.css").read_text()) == []


@pytest.mark.parametrize(
    ("sheet", "seen"),
    [
        (".a { x: 1 } /* Staff: it */ .days { x: 1 } /* Client: it */ .days { y: 2 }", ["days"]),
        (".a { x: 1 } /* Staff: it */ .stop { x: 1 }", ["stop"]),
        (".a { x: 1 } /* Staff: it */ .pill.stop { x: 1 } .days li { x: 1 }", []),
    ],
)
def test_a_class_that_means_two_would_be_seen(sheet: str, seen: list[str]) -> None:
    assert claimed_twice(sheet) == seen
