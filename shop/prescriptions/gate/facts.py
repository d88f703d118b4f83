"""What the gate may know: plain values, filled by one loader (prescriptions/asking.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from shop.catalog.models import LegalClass
from shop.core.rules import Severity
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus


@dataclass(frozen=True)
class Wish:
    """So many of a pack. An order line (`placed`) goes on by the fill it holds, or not at all."""

    variant_id: UUID
    sku: str
    quantity: int
    fill_id: UUID | None = None
    placed: bool = False


@dataclass(frozen=True)
class Client:
    """Who wishes; `age` in full years today, None where it is not known."""

    id: UUID
    active: bool
    age: int | None


@dataclass(frozen=True)
class Ruling:
    """The strictest rule over a product where it is sent to, today."""

    rule_id: UUID
    number: str
    version: int
    jurisdiction: str
    legal_class: LegalClass


@dataclass(frozen=True)
class Pack:
    """A variant as the gate sees it. `offered`: for sale now, or promised by a placed order.

    `legal_class` is the filed one, a fact; `ruling` what the law makes of it where it goes.
    """

    variant_id: UUID
    product_id: UUID
    name: str
    legal_class: LegalClass
    doctor_only: bool
    offered: bool
    ruling: Ruling | None = None

    @property
    def needs_prescription(self) -> bool:
        """The strictest of the filed class, the law of the state and the shop's own mark."""
        return self.doctor_only or self.legal_class.prescription_only or self._ruled_so

    @property
    def barred_by(self) -> Ruling | None:
        """The rule by which it is not sold in the state at all."""
        barred = self.ruling is not None and self.ruling.legal_class is LegalClass.CLINIC_USE
        return self.ruling if barred else None

    @property
    def decided_by(self) -> Ruling | None:
        """The rule without which it would be sold more freely than it is."""
        freely = not (self.doctor_only or self.legal_class.prescription_only)
        return self.barred_by or (self.ruling if freely and self._ruled_so else None)

    @property
    def _ruled_so(self) -> bool:
        return self.ruling is not None and self.ruling.legal_class.prescription_only


@dataclass(frozen=True)
class Taken:
    """A fill; `on` is the day it was consumed, or reserved where it is not consumed yet."""

    id: UUID
    state: str
    quantity: int
    status: FillStatus
    on: date

    @property
    def live(self) -> bool:
        """Counts against the allowance."""
        return self.status is not FillStatus.RELEASED


@dataclass(frozen=True)
class Authority:
    """A prescription. `licensed_in`: where its prescriber holds a licence in force today.

    `replaced`: another has taken its place, and it gives no new fill.
    """

    id: UUID
    number: str
    client_id: UUID
    variant_id: UUID
    product_id: UUID
    pack_name: str
    quantity: int
    fills_allowed: int
    interval_days: int | None
    valid_from: datetime
    valid_until: datetime
    status: PrescriptionStatus
    client_state: str
    states: frozenset[str]
    prescriber_name: str
    licensed_in: frozenset[str]
    accepted: bool = True  # by the client, where it is not what she asked for
    fills: tuple[Taken, ...] = ()
    taken_away_on: date | None = None  # when what was left of it went to another pharmacy
    replaced: bool = False
    to_be_looked_at: bool = False  # on hold until a physician has looked at it again

    @property
    def fills_left(self) -> int:
        return self.fills_allowed - sum(fill.live for fill in self.fills)


@dataclass(frozen=True)
class Leaflet:
    """What is read before the first fill of a product, and whether the client has read it."""

    version: str
    read: bool


@dataclass(frozen=True)
class Asked:
    """An open approval request for a pack."""

    number: str
    status: RequestStatus
    asked_on: date | None  # when it was submitted


@dataclass(frozen=True)
class Window:
    """A stretch in which a treatment asks something of one active (`subject`) of a product.

    `stops`: it is not used; `forbids`: that, or better not. `until` is the first moment after it,
    in the clinic's zone. `text` is what everybody is told, `titled` the same with the active's
    name. `rules`: number and version of each that asks for it.
    """

    subject: str
    forbids: bool
    stops: bool
    severity: Severity
    begins: datetime
    until: datetime
    text: str
    titled: str
    rules: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Facts:
    """All that the gate may know. `day` is the UTC day of `at`, as in the database's own checks."""

    client: Client
    wishes: tuple[Wish, ...]
    packs: Mapping[UUID, Pack]  # by variant id
    prescriptions: tuple[Authority, ...]
    requests: Mapping[UUID, Asked]  # by variant id
    leaflets: Mapping[UUID, Leaflet]  # by product id, of whatever is doctor-only
    ship_to_state: str
    out_of_stock: frozenset[UUID]
    at: datetime
    day: date
    # By variant id, in the order in which they begin; none that is over.
    windows: Mapping[UUID, tuple[Window, ...]] = field(default_factory=dict)
    report_waits: bool = False  # her skin is out of course, and no physician has written yet
    # Variants that rest until then: they hold an active that does not shield.
    resting: frozenset[UUID] = frozenset()
