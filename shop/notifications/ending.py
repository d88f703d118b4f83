"""The link in a letter that ends letters like it: signed, for one reader and one topic, for ever.

It signs nobody in and can only end, so whoever else follows it (a mail program that looks at links)
does no harm that a click in the account does not undo.
"""

from __future__ import annotations

import uuid

from itsdangerous import BadSignature, URLSafeSerializer

from shop.core.errors import NotFound
from shop.notifications.mailer import postbox
from shop.notifications.models import Letter, Topic
from shop.notifications.topics import ENDABLE


def url(letter: Letter) -> str:
    """Where letters like this one are ended; empty where they cannot be."""
    topic = ENDABLE.get(letter.template)
    return (
        ""
        if topic is None
        else f"{postbox.base_url}/letters/end/{token(letter.recipient.id, topic)}"
    )


def token(reader_id: uuid.UUID, topic: Topic) -> str:
    """A word that ends letters of this topic to this reader."""
    return str(_signing().dumps([reader_id.hex, topic.value]))


def read(word: str) -> tuple[uuid.UUID, Topic]:
    """Whose letters of which topic it ends. Raises NotFound."""
    try:
        reader, topic = _signing().loads(word)
        return uuid.UUID(reader), Topic(topic)
    except (BadSignature, ValueError, TypeError):
        raise NotFound("This link is not one of ours. Take it from a letter again.") from None


def _signing() -> URLSafeSerializer:
    return URLSafeSerializer(postbox.secret, salt="shop.notifications.ending")
