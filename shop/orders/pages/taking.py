"""Pages for who takes an order by telephone or at the desk: find the client, quote, place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, current_app, flash, request

from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.usps import STATES
from shop.orders import queries, schemas, taking
from shop.orders.checkout import Address, Via
from shop.orders.models import MAX_QUANTITY
from shop.orders.pages.blueprint import PACKERS, BadForm, bp
from shop.orders.pricing import SHIPPING_METHODS
from shop.storefront import queries as storefront
from shop.web import forms
from shop.web.api import Text, WholeQuery
from shop.web.forms import or_again, to

MOST_WISHES = 40
ONE_A_LINE = "One a line: a SKU, and how many packs where it is more than one."
ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "phone")


class TakenForm(schemas.AddressForm):
    """What is written down while the client is on the telephone."""

    wishes = Text(required=True, shortest=1, longest=2_000)
    shipping_method = schemas.OrderIn().fields["shipping_method"]
    via = schemas.TakenIn().fields["via"]
    expect_total_cents = WholeQuery(least=0, most=100_000_000, load_default=None)


@bp.get("/orders/new")
@allow(*PACKERS)
def find_client() -> Response:
    words = request.args.get("q", "")[:100]
    return forms.rendered("orders/find_client.html", words=words, found=accounts.clients(words))


@bp.get("/orders/new/<uuid:client_id>")
@allow(*PACKERS)
def show_taking(client_id: UUID) -> Response:
    client = accounts.client(client_id)
    return _page(client, typed=_as_before(client))


@bp.post("/orders/new/<uuid:client_id>")
@allow(*PACKERS)
def take(client_id: UUID) -> Response:
    """Place the order, or only show what it costs with what was typed ("do" is "review")."""
    if request.form.get("do") == "review":
        return _page(accounts.client(client_id), typed=request.form, quoted=True)

    def act() -> Response:
        client = accounts.client(client_id)
        typed = forms.form(TakenForm, refused=BadForm)
        terms = {name: typed[name] for name in ("shipping_method", "via", "expect_total_cents")}
        order = taking.take(
            client,
            _wishes(client, typed["wishes"]),
            address=Address(**{name: typed[name] for name in ADDRESS}),
            by=actor(),
            at=now(),
            **terms,
        )
        db.session.commit()
        flash(f"Order {order.number} is placed. {client.name} is written to, and can pay online.")
        return to(f"/orders/{order.number}")

    return or_again(
        act,
        lambda **why: _page(accounts.client(client_id), typed=request.form, quoted=True, **why),
    )


def _page(
    client: Person, *, typed: Mapping[str, Any], quoted: bool = False, **why: Any
) -> Response:
    quote, untold = _quote(client, typed) if quoted else (None, "")
    return forms.rendered(
        "orders/take.html",
        client=client,
        quote=quote,
        untold=untold,
        states=[(state, state) for state in sorted(STATES)],
        methods=[(method.code, method.name) for method in SHIPPING_METHODS.values()],
        ways=[(Via.TELEPHONE.value, "By telephone"), (Via.DESK.value, "At the desk")],
        one_a_line=ONE_A_LINE,
        days=taking.TIME_TO_PAY.days,
        **({"typed": typed} | why),
    )


def _quote(client: Person, typed: Mapping[str, Any]) -> tuple[taking.Quote | None, str]:
    """What it costs as typed so far, or why that cannot be told."""
    try:
        wishes = _wishes(client, typed.get("wishes", ""))
        state, method = typed.get("state", ""), typed.get("shipping_method", "")
        quote = taking.quote(
            client, wishes, state=state, shipping_method=method, by=actor(), at=now()
        )
    except Refusal as refusal:
        return None, refusal.text
    return quote, ""


def _as_before(client: Person) -> dict[str, Any]:
    """Where she had her last order sent."""
    last = queries.last_order(client)
    if last is None:
        return {"name": client.name, "state": client.state, "shipping_method": "standard"}
    return {
        "name": last.name,
        "line1": last.line1,
        "line2": last.line2,
        "city": last.city,
        "state": last.ship_to_state,
        "postal_code": last.postal_code,
        "phone": last.phone,
        "shipping_method": last.shipping_method,
    }


def _wishes(client: Person, text: str) -> list[tuple[Variant, int]]:
    """What was typed, one a line: packs that she could put in her own cart. Raises BadForm."""
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, now())
    many: dict[str, int] = {}
    for row in filter(None, (row.split() for row in text.splitlines())):
        units = row[1] if len(row) == 2 else "1"
        if len(row) > 2 or not (units.isascii() and units.isdecimal() and len(units) <= 3):
            raise _bad(f"“{' '.join(row)[:80]}” is not a SKU and a number.")
        many[row[0]] = many.get(row[0], 0) + int(units)
    if not 1 <= len(many) <= MOST_WISHES:
        raise _bad(f"Write down 1 to {MOST_WISHES} packs.")
    wishes = []
    for sku, quantity in many.items():
        if not 1 <= quantity <= MAX_QUANTITY:
            raise _bad(f"Of {sku} choose 1 to {MAX_QUANTITY}.")
        try:
            variant = storefront.pack_to_buy(client, sku, home=config.clinic_state, today=today)
        except Refusal:
            raise _bad(f"{sku} is nothing that she can order.") from None
        wishes.append((variant, quantity))
    return wishes


def _bad(text: str) -> BadForm:
    return BadForm(text, fields={"wishes": [text, ONE_A_LINE]})
