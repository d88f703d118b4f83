"""The life cycles of a gift card and of a correction, as data."""

from __future__ import annotations

from enum import StrEnum


class CardStatus(StrEnum):
    PROPOSED = "proposed"  # a second person decides; it has no code yet
    ISSUED = "issued"
    REDEEMED = "redeemed"
    VOIDED = "voided"
    DECLINED = "declined"


C = CardStatus
CARD_ARROWS: dict[CardStatus | None, set[CardStatus]] = {
    None: {C.PROPOSED},
    C.PROPOSED: {C.ISSUED, C.DECLINED},
    C.ISSUED: {C.REDEEMED, C.VOIDED},
    C.REDEEMED: set(),
    C.VOIDED: set(),
    C.DECLINED: set(),
}


class CorrectionStatus(StrEnum):
    PROPOSED = "proposed"
    BOOKED = "booked"
    DECLINED = "declined"


CORRECTION_ARROWS: dict[CorrectionStatus | None, set[CorrectionStatus]] = {
    None: {CorrectionStatus.PROPOSED},
    CorrectionStatus.PROPOSED: {CorrectionStatus.BOOKED, CorrectionStatus.DECLINED},
    CorrectionStatus.BOOKED: set(),
    CorrectionStatus.DECLINED: set(),
}
