"""A mail server of our own on loopback, and a shop that writes to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from shop.notifications.mailer import postbox
from tests.conftest import Database, config_for

OK = "250 OK"


@dataclass
class Catcher:
    """What a mail server got, and what it is told to answer to a RCPT."""

    answer: str = OK
    recipients: list[str] = field(default_factory=list)
    caught: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd looks for this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer == OK:
            envelope.rcpt_tos.append(address)
            self.recipients.append(address)
        return self.answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.caught.append(message)
        return OK


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serving(catcher: Catcher, port: int, **settings: Any) -> Controller:
    """A mail server for `catcher`; `start()` and `stop()` it."""
    return Controller(catcher, hostname="127.0.0.1", port=port, **settings)


@pytest.fixture
def smtp_port() -> int:
    return free_port()


@pytest.fixture
def mail(live: Database, smtp_port: int) -> Iterator[Catcher]:
    """A running mail server that the shop knows."""
    catcher = Catcher()
    controller = serving(catcher, smtp_port)
    controller.start()
    postbox.load(config_for(live, smtp_port=smtp_port))
    try:
        yield catcher
    finally:
        controller.stop()


def text_of(message: EmailMessage) -> str:
    """Subject, text and HTML of a message, decoded: all that a person can read of it."""
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([str(message["Subject"]), *parts]).replace("\r\n", "\n")
