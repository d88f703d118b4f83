"""A case is opened: read once, the same for page and API, and written down."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.prescriptions import opening
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.people import alice, bob, dr_chen
from tests.prescriptions.builders import a_draft, a_prescription, a_request
from tests.prescriptions.test_checking import a_formula, asked, tretinoin
from tests.prescriptions.test_pages import Reader

pytestmark = pytest.mark.usefixtures("app")


def accesses() -> list[str]:
    return list(db.session.scalars(sa.select(Access.record).order_by(Access.at)))


def test_page_and_api_show_the_same_findings(app: Flask) -> None:
    client, chen = somebody(), somebody(dr_chen)
    number = asked(client, a_formula(tretinoin()), pregnancy="trying").number
    db.session.commit()

    told = Browser(app, chen).get(f"/approval-requests/{number}").json["screening"]
    page = Reader(app, chen).get(f"/review/{number}")

    assert "SC-RETINOID-PREGNANCY" in {one["rule"] for one in told}
    assert all(f"{one['rule']} version {one['version']}, evidence" in page for one in told)
    assert accesses() == [f"approval_request {number}"] * 2


def test_the_pack_she_thinks_of_is_the_one_that_is_judged() -> None:
    chen, retinoid = dr_chen(), a_formula(tretinoin())
    number = a_request(alice()).number
    case = opening.open_case(chen, number, at=now(), sku=retinoid.sku)
    assert (case.pack.sku, case.request.number) == (retinoid.sku, number)
    assert "SC-RETINOID-SUNSCREEN" in {hit.rule for hit in case.hits}
    unknown = opening.open_case(chen, number, at=now(), sku="NOBODY-KNOWS-IT")
    assert unknown.pack.sku == unknown.request.variant.sku


def test_only_who_decides_is_told_what_screening_finds() -> None:
    chen, client = dr_chen(), alice()
    waits = asked(client, a_formula(tretinoin())).number
    decided = a_prescription(client, a_cream(), by=chen).request.number
    assert opening.open_case(chen, waits, at=now()).hits
    assert opening.open_case(client, waits, at=now()).judged is None
    assert opening.open_case(chen, decided, at=now()).judged is None


def test_what_is_not_hers_is_neither_shown_nor_written_down() -> None:
    draft, chen = a_draft(), dr_chen()
    assert draft.status is RequestStatus.DRAFT
    for reader in (chen, bob()):
        with pytest.raises(NotFound):
            opening.open_case(reader, draft.number, at=now())
    opening.open_case(draft.client, draft.number, at=now())  # her own
    assert accesses() == []
