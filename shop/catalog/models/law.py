"""What the law makes of a product, who sees it, and who lets it become easier to sell."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import NUMRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.models.products import LegalClass, Product
from shop.catalog.states import RELEASE_ARROWS, ReleaseStatus
from shop.core import rules
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.rules import BadRule, Rule

_INTERVAL = re.compile(r"\s*([\[(])\s*([0-9.]*)\s*,\s*([0-9.]*)\s*([\])])\s*")


class LegalClassRule(Rule, Stateful, Base):
    """What holding an active in some strength makes of a product in law, in one jurisdiction.

    The filed class of a product is a fact; where a rule says more, the stricter of the two counts.
    """

    machine = "legal_class_rule"
    KEY = (("active", "="), ("route", "="), ("dosage_form", "="), ("percents", "&&"))
    __tablename__ = "legal_class_rules"
    __table_args__ = (
        *rules.table_args("legal_class_rules", machine, *KEY),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="ruled_class_is_known"),
        sa.CheckConstraint("NOT isempty(percents)", name="rule_is_about_some_strength"),
        sa.CheckConstraint("active = upper(active) AND active <> ''", name="active_is_normalised"),
    )

    active: Mapped[str]  # a substance by its normalised name, as in `ingredients`
    percents: Mapped[Range[Decimal]] = mapped_column(NUMRANGE)  # "(,)" is any strength
    route: Mapped[str] = mapped_column(server_default="", default="")  # "" is any
    dosage_form: Mapped[str] = mapped_column(
        server_default="", default=""
    )  # "CREAM" is its kinds too
    # Not for a product that holds all of these as actives too: another rule speaks of that.
    except_with: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"), default=list)
    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))

    @classmethod
    def said(cls, says: Mapping[str, Any]) -> dict[str, Any]:
        """Names normalised as the dictionary's, strengths read. Raises BadRule."""
        from shop.catalog.filings import normalised  # it knows the rows

        names = sorted(normalised(name) for name in says.get("except_with") or ())
        return dict(says) | {
            "active": normalised(says["active"]),
            "percents": percents(says.get("percents") or "(,)"),
            "except_with": names,
        }

    @property
    def says(self) -> dict[str, Any]:
        """What it says, as `said` takes it."""
        return {
            "active": self.active,
            "percents": interval(self.percents),
            "route": self.route,
            "dosage_form": self.dosage_form,
            "except_with": self.except_with,
            "legal_class": self.legal_class,
        }

    @property
    def sentence(self) -> str:
        told = interval(self.percents)
        strength = "" if told == "(,)" else f" of {told} %"
        return f"{self.active}{strength} is {self.legal_class}"


def percents(interval: str) -> Range[Decimal]:
    """Strengths in % as an interval: "[2.5,10]", "(0.1,)", "(,)" for any. Raises BadRule."""
    found = _INTERVAL.fullmatch(interval)
    low = high = None
    try:
        if found is not None:
            low, high = (Decimal(text) if text else None for text in found.group(2, 3))
    except ArithmeticError:
        found = None  # "1.2.3"
    if found is None or (low is not None and high is not None and low > high):
        raise BadRule(
            "This is no range of strengths.",
            fields={"percents": ['Use "[2.5,10]", "(0.1,)" or "(,)": brackets include the end.']},
        )
    brackets: Any = found[1] + found[4]
    return Range(low, high, bounds=brackets)


def interval(strengths: Range[Decimal]) -> str:
    """A range of strengths as `percents` reads it."""
    low, high = ("" if end is None else f"{end:f}" for end in (strengths.lower, strengths.upper))
    return f"{strengths.bounds[0]}{low},{high}{strengths.bounds[1]}"


class Visibility(StrEnum):
    """Who sees it: nobody; all but the price; who bought before; who was prescribed it; all."""

    HIDDEN = "hidden"
    TEASER = "teaser"
    ESTABLISHED = "established"
    PLAN = "plan"
    OPEN = "open"


class VisibilityRule(Rule, Stateful, Base):
    """Who sees the products of a legal class in one jurisdiction."""

    machine = "visibility_rule"
    KEY = (("legal_class", "="),)
    __tablename__ = "visibility_rules"
    __table_args__ = (
        *rules.table_args("visibility_rules", machine, *KEY),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="shown_class_is_known"),
        sa.CheckConstraint(one_of("visibility", Visibility), name="visibility_is_known"),
    )

    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    visibility: Mapped[Visibility] = mapped_column(Word(Visibility))

    @property
    def sentence(self) -> str:
        return f"{self.legal_class} is shown: {self.visibility}"


class Release(Stateful, Base):
    """Two people let a product become easier to sell: one proposes, another agrees.

    It says exactly what the product is before and after. `released_xid` and `applied_at` are the
    database's: a release lets through one change, in the transaction it was approved in.
    """

    machine = "release"
    __tablename__ = "releases"
    __table_args__ = (
        state_key("release"),
        sa.CheckConstraint(
            "approved_by_id <> proposed_by_id", name="release_is_approved_by_another"
        ),
        sa.CheckConstraint(
            "(approved_by_id IS NOT NULL) = (status = 'released')",
            name="release_is_approved_by_someone",
        ),
        sa.CheckConstraint("reason <> ''", name="release_has_a_reason"),
        sa.CheckConstraint(one_of("to_class", LegalClass), name="released_class_is_known"),
        sa.CheckConstraint(
            "applied_at IS NULL OR status = 'released'", name="only_a_release_is_applied"
        ),
        sa.Index(
            "releases_one_open_per_product",
            "product_id",
            unique=True,
            postgresql_where=sa.text("status = 'proposed'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    status: Mapped[ReleaseStatus] = mapped_column(Word(ReleaseStatus))
    from_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    from_doctor_only: Mapped[bool]
    from_finished: Mapped[bool]
    to_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    to_doctor_only: Mapped[bool]
    to_finished: Mapped[bool]
    reason: Mapped[str]
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    approved_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    released_xid: Mapped[str | None] = mapped_column(server_default=sa.FetchedValue())
    applied_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())

    product: Mapped[Product] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ReleaseStatus) -> ReleaseStatus:
        if new not in RELEASE_ARROWS[self.status]:
            raise WrongState(
                f"A release that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


# The view `rulings`: which activated rule speaks of which product, whatever the day.
RULINGS = sa.table(
    "rulings",
    sa.column("product_id", sa.Uuid()),
    sa.column("rule_id", sa.Uuid()),
    sa.column("rule_number", sa.Text()),
    sa.column("rule_version", sa.Integer()),
    sa.column("jurisdiction", sa.Text()),
    sa.column("legal_class", Word(LegalClass)),
    sa.column("valid_from", sa.Date()),
    sa.column("valid_until", sa.Date()),
)


def law_over(product_id: Any, state: Any, day: Any) -> sa.FromClause:
    """The strictest rule over a product in a state on a day, to join: one row or none.

    PostgreSQL's own `legal_class_in`, so that code and triggers cannot judge differently.
    """
    return (
        sa.func.legal_class_in(product_id, state, day)
        .table_valued(
            sa.column("rule_id", sa.Uuid()),
            sa.column("rule_number", sa.Text()),
            sa.column("rule_version", sa.Integer()),
            sa.column("jurisdiction", sa.Text()),
            sa.column("legal_class", Word(LegalClass)),
        )
        .lateral("law")
    )
