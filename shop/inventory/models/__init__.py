"""What is on the shelf: lots, where they lie, the ledger of movements, units promised."""

from __future__ import annotations

from typing import Any

from shop.inventory.models.checks import CertificateType, LotCertificate, LotCheck
from shop.inventory.models.ledger import (
    MAX_RECEIVED_UNITS,
    Movement,
    MovementKind,
    ReceiptLine,
)
from shop.inventory.models.lots import DAYS_TO_SPARE, ExpiryPrecision, Lot, sellable_on
from shop.inventory.models.places import Holding, Location, LocationKind, Site
from shop.inventory.models.reservations import Reservation, ReservationPart
from shop.inventory.models.testers import ShelfTester
from shop.inventory.models.transfers import Transfer, TransferArrival, TransferLine
from shop.inventory.states import LOT_ARROWS, TRANSFER_ARROWS

__all__ = [
    "DAYS_TO_SPARE",
    "MAX_RECEIVED_UNITS",
    "CertificateType",
    "ExpiryPrecision",
    "Holding",
    "Location",
    "LocationKind",
    "Lot",
    "LotCertificate",
    "LotCheck",
    "Movement",
    "MovementKind",
    "ReceiptLine",
    "Reservation",
    "ReservationPart",
    "ShelfTester",
    "Site",
    "Transfer",
    "TransferArrival",
    "TransferLine",
    "sellable_on",
]


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"lot": LOT_ARROWS, "transfer": TRANSFER_ARROWS}
