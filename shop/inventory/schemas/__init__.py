"""The shelf on the wire, and the rows of its forms."""

from __future__ import annotations

from shop.inventory.schemas.shelf import (
    CertificateFileIn,
    CertificateIn,
    CertificateOut,
    CheckIn,
    HappeningOut,
    LotHistoryOut,
    LotOut,
    MatchIn,
    QuarantineIn,
    ReceiptIn,
    ReceiptLine,
    ReceiptOut,
    ScanIn,
    ScanOut,
    ShelfOut,
    StockOut,
    StockQuery,
    whole_lot,
)

__all__ = [
    "CertificateFileIn",
    "CertificateIn",
    "CertificateOut",
    "CheckIn",
    "HappeningOut",
    "LotHistoryOut",
    "LotOut",
    "MatchIn",
    "QuarantineIn",
    "ReceiptIn",
    "ReceiptLine",
    "ReceiptOut",
    "ScanIn",
    "ScanOut",
    "ShelfOut",
    "StockOut",
    "StockQuery",
    "whole_lot",
]
