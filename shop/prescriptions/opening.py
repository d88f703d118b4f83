"""A case is opened: a request with all that its reader decides on, read once, and written down.

The page and the API show the same case. The edge puts its answer together, commits, and only then
shows it, so that no rollback hides a reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.catalog.errors import NoSuchVariant
from shop.catalog.models import Variant
from shop.charts import reading
from shop.prescriptions import queries, queueing
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.queueing import Judged
from shop.prescriptions.screening.judging import Hit


@dataclass(frozen=True)
class Case:
    """A request, the pack that is thought of, and what screening says of that for who decides."""

    request: ApprovalRequest
    pack: Variant
    judged: Judged | None  # None: the reader does not decide, or nobody does any more

    @property
    def hits(self) -> tuple[Hit, ...]:
        return self.judged.hits if self.judged else ()


def open_case(reader: Person, number: str, *, at: datetime, sku: str | None = None) -> Case:
    """The case as it is at `at`. Six statements at most, whatever was asked and answered of it.

    `sku`: the pack a physician thinks of prescribing; what nobody knows is refused when it is to
    be signed. Raises NotFound.
    """
    request = queries.request_for(reader, number, at=at)
    reading.open_record(
        reader,
        request.client,
        record=f"approval_request {request.number}",
        purpose=reading.TREATMENT,
    )
    pack = _pack(request, sku)
    decides = reader.role is Role.PHYSICIAN and request.status in queries.WAITING
    judged = queueing.explain(request, at=at, product_id=pack.product_id) if decides else None
    return Case(request, pack, judged)


def _pack(request: ApprovalRequest, sku: str | None) -> Variant:
    if not sku or sku == request.variant.sku:
        return request.variant
    try:
        return catalog.variant(sku)
    except NoSuchVariant:
        return request.variant
