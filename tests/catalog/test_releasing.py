"""Two people let a product become easier to sell; one alone, and PostgreSQL alone, never does."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from shop.catalog import editing, importing, releasing
from shop.catalog.errors import NotWeaker, ReleaseIsOpen, ReleaseIsStale
from shop.catalog.models import LegalClass, Product, Release
from shop.catalog.states import ReleaseStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.rules import SamePerson
from tests.benchmarks.test_statements import a_token
from tests.builders import a_product, a_variant
from tests.people import dr_chen, mona, sam

WEAKER: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[LegalClass, bool, bool]]] = {
    "a weaker class": (
        {"legal_class": LegalClass.OTC_DRUG},
        {"legal_class": LegalClass.COSMETIC},
        (LegalClass.COSMETIC, False, True),
    ),
    "no longer by prescription": (
        {"legal_class": LegalClass.RX},
        {"legal_class": LegalClass.OTC_DRUG, "doctor_only": False},
        (LegalClass.OTC_DRUG, False, True),
    ),
    "weaker, and doctor-only still": (
        {"legal_class": LegalClass.RX},
        {"legal_class": LegalClass.OTC_DRUG},
        (LegalClass.OTC_DRUG, True, True),
    ),
    "no longer doctor-only": (
        {"doctor_only": True},
        {"doctor_only": False},
        (LegalClass.OTC_DRUG, False, True),
    ),
    "finished again": (
        {"finished": False, "published_at": None},
        {"finished": True},
        (LegalClass.OTC_DRUG, False, True),
    ),
}


def as_it_is(product: Product) -> tuple[LegalClass, bool, bool]:
    db.session.refresh(product)
    return product.legal_class, product.doctor_only, product.finished


@pytest.mark.parametrize(("given", "wanted", "after"), WEAKER.values(), ids=WEAKER)
def test_two_people_make_a_product_easier_to_sell(
    app: Flask, given: dict[str, Any], wanted: dict[str, Any], after: tuple[LegalClass, bool, bool]
) -> None:
    product = a_product(**given)
    pack = a_variant(product, for_sale=product.finished)
    before = as_it_is(product)

    release = releasing.propose(product, **wanted, reason="Relabelled.", by=mona(), at=now())
    db.session.commit()
    assert as_it_is(product) == before
    releasing.approve(release, by=dr_chen(), at=now())
    db.session.commit()

    assert as_it_is(product) == after
    db.session.refresh(pack)
    assert (pack.legal_class, pack.doctor_only) == after[:2]
    assert release.applied_at is not None
    assert [event.kind for event in events.of(release.id)] == [
        "release_proposed",
        "release_approved",
    ]
    assert events.of(product.id)[-1].facts["release"] == str(release.id)


def a_release(product: Product | None = None, **given: Any) -> Release:
    product = product or a_product(LegalClass.RX)
    fields = {"legal_class": LegalClass.OTC_DRUG, "doctor_only": False, "reason": "Relabelled."}
    release = releasing.propose(product, **(fields | given), by=given.pop("by", mona()), at=now())
    db.session.commit()
    return release


def test_nobody_agrees_with_themselves(app: Flask) -> None:
    who, product = mona(), a_product(LegalClass.RX)
    release = releasing.propose(
        product, legal_class=LegalClass.OTC_DRUG, reason="x", by=who, at=now()
    )

    with pytest.raises(SamePerson):
        releasing.approve(release, by=who, at=now())

    assert as_it_is(product) == (LegalClass.RX, True, True)
    assert release.status is ReleaseStatus.PROPOSED


def test_agreeing_twice_changes_once(app: Flask) -> None:
    release = a_release()
    releasing.approve(release, by=mona(), at=now())
    db.session.commit()

    with pytest.raises(WrongState):
        releasing.approve(release, by=dr_chen(), at=now())

    kinds = [event.kind for event in events.of(release.product_id)]
    assert kinds.count("product_changed") == 1


def test_what_was_withdrawn_is_not_agreed_to(app: Flask) -> None:
    release = a_release()
    releasing.withdraw(release, by=mona(), at=now())

    with pytest.raises(WrongState):
        releasing.approve(release, by=dr_chen(), at=now())

    assert as_it_is(release.product)[0] is LegalClass.RX


def test_a_product_that_has_changed_since_is_proposed_anew(app: Flask) -> None:
    product = a_product(LegalClass.RX)
    release = a_release(product)
    editing.change_product(product, {"legal_class": LegalClass.RX_UNAPPROVED}, by=mona(), at=now())
    db.session.commit()

    with pytest.raises(ReleaseIsStale):
        releasing.approve(release, by=dr_chen(), at=now())
    db.session.rollback()

    assert as_it_is(product)[0] is LegalClass.RX_UNAPPROVED
    assert release.status is ReleaseStatus.PROPOSED


@pytest.mark.parametrize(
    "wanted",
    [{}, {"legal_class": LegalClass.RX_UNAPPROVED}, {"doctor_only": False}, {"finished": False}],
)
def test_what_makes_nothing_easier_needs_no_release(app: Flask, wanted: dict[str, Any]) -> None:
    product = a_product(LegalClass.RX)

    with pytest.raises(NotWeaker):
        releasing.propose(product, **wanted, reason="x", by=mona(), at=now())

    assert db.session.scalar(sa.select(sa.func.count()).select_from(Release)) == 0


def test_one_proposal_waits_at_a_time(app: Flask) -> None:
    product = a_product(LegalClass.RX)
    a_release(product)

    with pytest.raises(ReleaseIsOpen):
        a_release(product)


def test_the_database_lets_a_release_through_once(app: Flask) -> None:
    product = a_product(LegalClass.RX)
    release = a_release(product)
    releasing.approve(release, by=dr_chen(), at=now())
    weaken = sa.update(Product).where(Product.id == product.id)
    db.session.execute(weaken.values(legal_class="rx", doctor_only=True))  # stricter again

    with pytest.raises(IntegrityError, match="would become easier to sell"):
        db.session.execute(weaken.values(legal_class="otc_drug", doctor_only=False))


def test_an_import_that_would_weaken_says_how_it_can_come_in(app: Flask) -> None:
    import io

    from tests.catalog.rows import an_ndc_row, csv_of

    strict = csv_of(an_ndc_row())
    importing.run(io.BytesIO(strict), "ndc", by=None, at=now(), dry_run=False)
    product = db.session.scalars(sa.select(Product).order_by(Product.created_at.desc())).first()
    assert product is not None
    editing.change_product(product, {"legal_class": LegalClass.CLINIC_USE}, by=None, at=now())
    db.session.commit()

    report = importing.run(io.BytesIO(strict), "ndc", by=None, at=now(), dry_run=False)

    (row,) = report.rows
    assert row.outcome == "quarantined"
    assert f"/products/{product.slug}/releases" in row.reasons[0]


def test_releases_over_http(app: Flask) -> None:
    product = a_product(LegalClass.RX)
    first, second, packer = a_token(mona()), a_token(mona()), a_token(sam())
    db.session.commit()
    slug = product.slug
    web = app.test_client()

    def call(method: str, path: str, token: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return web.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    wanted = {"legal_class": "otc_drug", "doctor_only": False, "reason": "Relabelled."}
    assert call("POST", f"/products/{slug}/releases", packer, wanted).status_code == 403
    made = call("POST", f"/products/{slug}/releases", first, wanted)
    assert made.status_code == 201, made.json
    path = f"/releases/{made.json['id']}"
    assert call("POST", f"{path}/approval", first).status_code == 403
    agreed = call("POST", f"{path}/approval", second)
    assert agreed.status_code == 200, agreed.json
    assert agreed.json["status"] == "released"
    assert agreed.json["applied_at"]
    assert call("POST", f"{path}/approval", second).status_code == 409
    assert call("DELETE", path, first).status_code == 409
    listed = call("GET", "/releases?status=released", first).json["items"]
    assert made.json["id"] in [one["id"] for one in listed]
