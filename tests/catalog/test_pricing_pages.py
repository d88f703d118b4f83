"""A changed price list: looked at line by line, set as a whole or not at all."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.catalog import repricing
from shop.catalog.errors import BadPriceList
from shop.catalog.models import Price, Variant
from shop.core.clock import now
from shop.core.db import db
from tests.builders import a_variant
from tests.people import a_browser, mona

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HIDDEN = re.compile(r'type="hidden" name="(list|from|expected)" value="([^"]*)"')


class Desk:
    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def post(self, path: str = "", **form: Any) -> Any:
        token = TOKEN.search(self.client.get("/manage/prices").text)
        assert token
        return self.client.post(f"/manage/prices{path}", data={"csrf_token": token[1]} | form)


@pytest.fixture
def desk(app: Flask) -> Desk:
    a_variant(sku="SOAP", cents=1_000)
    a_variant(sku="BALM", cents=2_000)
    db.session.commit()
    return Desk(a_browser(app, mona()))


def _cents(sku: str, days: int = 0) -> int | None:
    db.session.expire_all()
    variant = db.session.scalars(sa.select(Variant).where(Variant.sku == sku)).one()
    price = variant.price_at(now() + timedelta(days=days))
    return price.cents if price else None


def test_a_list_is_looked_at_and_then_set(desk: Desk) -> None:
    page = desk.post(list="sku\tprice\nSOAP\t$11.00\nBALM\t20.00\n")
    assert page.status_code == 200
    assert "1 price would change" in page.text
    assert "1 line says what is so already" in page.text
    assert "+10 %" in page.text
    assert _cents("SOAP") == 1_000

    done = desk.post("/setting", **dict(HIDDEN.findall(page.text)))
    assert done.status_code == 303
    assert (_cents("SOAP"), _cents("BALM")) == (1_100, 2_000)


def test_one_line_that_cannot_be_used_sets_none(desk: Desk) -> None:
    text = "SOAP;11\nNONE;5\nBALM;free\nSOAP;12\nBALM"
    page = desk.post(list=text)
    assert "4 lines cannot be used" in page.text
    for said in ("No pack has this SKU", "such as 24.00", "Stands in line 1", "SKU and a price,"):
        assert said in page.text
    assert 'action="/manage/prices/setting"' not in page.text
    assert desk.post("/setting", list=text, expected="1").status_code == 422
    assert _cents("SOAP") == 1_000


def test_prices_that_changed_meanwhile_are_looked_at_again(desk: Desk) -> None:
    page = desk.post(list="SOAP,11.00\nBALM,21.00")
    agreed = dict(HIDDEN.findall(page.text))
    assert desk.post("/setting", list="SOAP,11.00", expected="1").status_code == 303
    late = desk.post("/setting", **agreed)
    assert late.status_code == 422
    assert "changed since you looked" in late.text
    assert _cents("BALM") == 2_000


def test_prices_of_a_day_to_come_wait_for_it(desk: Desk) -> None:
    then = (now() + timedelta(days=10)).date().isoformat()
    page = desk.post(list="SOAP,9.00", **{"from": then})
    assert desk.post("/setting", **dict(HIDDEN.findall(page.text))).status_code == 303
    assert (_cents("SOAP"), _cents("SOAP", days=12)) == (1_000, 900)
    assert "SOAP" in desk.client.get("/manage/prices").text  # among those to come
    for wrong in ("2020-01-01", "soon"):
        assert desk.post(list="SOAP,8.00", **{"from": wrong}).status_code == 422


@pytest.mark.parametrize("text", ["", "sku,price\n", 'SOAP,"11', "SOAP,1\n" * 501])
def test_what_is_no_list_is_refused(desk: Desk, text: str) -> None:
    answer = desk.post(list=text)
    assert answer.status_code in (200, 422)
    assert db.session.scalar(sa.select(sa.func.count(Price.id))) == 2
    if text.count("\n") > 1 or not text.strip('sku,price\n"'):
        assert answer.status_code == 422


@pytest.mark.usefixtures("desk")
def test_decimal_commas_are_read_where_the_separator_allows_it() -> None:
    (change,) = repricing.plan("SOAP;1.234,50", at=now()).changes
    assert change.after_cents == 123_450
    with pytest.raises(BadPriceList):
        repricing.plan("x" * (repricing.LONGEST + 1), at=now())
