"""Handing a message to a mail server: what is tried again, what is given up, what stays private."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shop.notifications.mailer import Delayed, Postbox, Refused, deliver, postbox
from tests.notifications.conftest import Catcher, free_port, serving

EVERYWHERE = "0.0.0.0"  # reaches this machine without being called loopback


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = vars(postbox).copy()
    yield
    vars(postbox).update(before)


def a_message() -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"] = "Hello", "clinic@example.test"
    message["To"] = "alice@example.test"
    message.set_content("Words.")
    return message


def test_a_message_arrives(mail: Catcher) -> None:
    deliver(a_message())

    assert mail.recipients == ["alice@example.test"]
    assert [message["Subject"] for message in mail.caught] == ["Hello"]


ANSWERS = {
    "no such box": ("550 5.1.1 alice@example.test unknown", Refused, "smtp_550"),
    "box full": ("552 5.2.2 alice@example.test is full", Refused, "smtp_552"),
    "grey-listed": ("451 4.7.1 try later, alice@example.test", Delayed, "smtp_451"),
    "busy": ("450 4.2.1 busy", Delayed, "smtp_450"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_refused_recipient_is_given_up_or_tried_again(mail: Catcher, case: str) -> None:
    mail.answer, kind, code = ANSWERS[case]

    with pytest.raises((Refused, Delayed)) as caught:
        deliver(a_message())

    assert (type(caught.value), str(caught.value)) == (kind, code)
    assert mail.caught == []


def test_a_server_that_is_away_is_tried_again() -> None:
    postbox.host, postbox.port = "127.0.0.1", free_port()

    with pytest.raises(Delayed, match=r"^no_connection$"):
        deliver(a_message())


def test_an_address_an_old_server_cannot_spell_is_given_up() -> None:
    catcher, port = Catcher(), free_port()
    controller = serving(catcher, port, enable_SMTPUTF8=False)
    controller.start()
    postbox.host, postbox.port = "127.0.0.1", port
    message = a_message()
    message.replace_header("To", "zoë@example.test")

    try:
        with pytest.raises(Refused, match=r"^address_not_supported$"):
            deliver(message)
    finally:
        controller.stop()

    assert catcher.caught == []


LOOPBACK = {
    "localhost": True,
    "127.0.0.1": True,
    "::1": True,
    EVERYWHERE: False,
    "10.0.0.5": False,
    "mail.example.test": False,
}


@pytest.mark.parametrize("host", LOOPBACK)
def test_only_this_machine_is_loopback(host: str) -> None:
    assert Postbox(host=host).loopback is LOOPBACK[host]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for EVERYWHERE, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.test")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(EVERYWHERE))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def encrypting(certificate: Path) -> Iterator[Catcher]:
    """A server elsewhere, as far as the shop can tell, that offers STARTTLS and wants a sign-in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    catcher = Catcher()
    port = free_port()

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    controller = serving(
        catcher, port, tls_context=context, authenticator=known, auth_require_tls=False
    )
    controller.start()
    postbox.host, postbox.port = EVERYWHERE, port
    try:
        yield catcher
    finally:
        controller.stop()


def test_mail_to_another_machine_is_encrypted_where_that_is_offered(
    encrypting: Catcher, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    postbox.user, postbox.password = "shop", "right"

    deliver(a_message())

    assert encrypting.encrypted == [True]


def test_a_server_that_cannot_prove_itself_gets_nothing(encrypting: Catcher) -> None:
    with pytest.raises(Delayed, match=r"^no_trusted_encryption$"):
        deliver(a_message())

    assert encrypting.caught == []


def test_a_wrong_password_is_ours_to_mend_so_the_letter_stays_due(
    encrypting: Catcher, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    postbox.user, postbox.password = "shop", "wrong"

    with pytest.raises(Delayed, match=r"^smtp_535$"):
        deliver(a_message())

    assert encrypting.caught == []


def test_a_password_never_travels_in_the_clear(mail: Catcher) -> None:
    postbox.host = EVERYWHERE  # a server elsewhere that offers no encryption
    postbox.user, postbox.password = "shop", "right"

    with pytest.raises(Delayed, match=r"^no_sign_in$"):
        deliver(a_message())

    assert mail.caught == []
