"""Know the client at the desk before anything is put into her hands.

Two identifiers, neither of them the order's number: the name and the day of birth that she says
(The Joint Commission, NPSG.01.01.01, asks for two of whoever is given a medicine). Nobody else
fetches it for her. What she says is compared, and never shown to who types it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date

from shop.accounts.models import Person
from shop.orders.errors import NotTheClient

DESK = "Desk"  # stands where a parcel has its carrier


@dataclass(frozen=True)
class Met:
    """What somebody at the desk says of herself."""

    name: str
    birth_date: date


def identified(client: Person, met: Met | None) -> str:
    """The client's name as her account has it; case, accents and spaces do not matter.

    Raises NotTheClient, which does not tell what is wrong.
    """
    if met is None:
        need = ["Ask for it: what is picked up is handed to the client herself."]
        raise NotTheClient(
            "Ask the client for her name and day of birth.",
            fields={"name": need, "birth_date": need},
        )
    if _plain(met.name) != _plain(client.name) or met.birth_date != client.birth_date:
        text = (
            "Name and day of birth are not those of this order's client. Nothing was handed over:"
            " ask again, or look at a photo identification."
        )
        raise NotTheClient(text, fields={"name": [text]})
    return client.name


def _plain(name: str) -> list[str]:
    parts = unicodedata.normalize("NFKD", name).casefold()
    return "".join(sign for sign in parts if not unicodedata.combining(sign)).split()
