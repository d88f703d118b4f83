"""Hand a message to the mail server, and say whether trying again makes sense.

An error carries a short code and nothing else: what a server answers repeats the address, which
must not reach a log.
"""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage

from shop.config import Config

SECONDS = 10  # for each exchange with the server
IMPLICIT_TLS = 465  # RFC 8314


class Undelivered(Exception):
    """The message did not leave; `code` says why, e.g. "smtp_550" or "no_connection"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Delayed(Undelivered):
    """Not now: the server is away, busy, or does not let us in. Worth another try."""


class Refused(Undelivered):
    """Never: the server does not take this message for this address."""


@dataclass
class Postbox:
    """The mail server of this process, as `create_app` read it from the settings."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    sender: str = ""
    base_url: str = ""
    clinic: str = ""
    secret: str = ""  # signs the links that end letters

    def load(self, config: Config) -> None:
        """Take the settings that letters need."""
        self.host, self.port = config.smtp_host, config.smtp_port
        self.user, self.password = config.smtp_user, config.smtp_password
        self.sender, self.base_url = config.mail_from, config.base_url
        self.clinic = config.clinic_name
        self.secret = config.secret_key

    @property
    def loopback(self) -> bool:
        """The server is on this machine, so nobody listens in between."""
        if self.host == "localhost":
            return True
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False


postbox = Postbox()


def deliver(message: EmailMessage) -> None:
    """Send one message to the address in its To. Raises Delayed or Refused."""
    try:
        server = _connected()
    except (OSError, smtplib.SMTPException) as error:
        raise Delayed(_code(error)) from None
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, _text = next(iter(error.recipients.values()))
        raise _by_code(code) from None
    except smtplib.SMTPDataError as error:
        raise _by_code(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise Refused("address_not_supported") from None  # letters beyond ASCII, an old server
    except (OSError, smtplib.SMTPException) as error:
        raise Delayed(_code(error)) from None
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()  # the message has left or not; a curt goodbye changes nothing


def _connected() -> smtplib.SMTP:
    """A connection, encrypted and signed in as far as configured."""
    trust = ssl.create_default_context()
    server: smtplib.SMTP
    if postbox.port == IMPLICIT_TLS:
        server = smtplib.SMTP_SSL(postbox.host, postbox.port, timeout=SECONDS, context=trust)
    else:
        server = smtplib.SMTP(postbox.host, postbox.port, timeout=SECONDS)
    try:
        server.ehlo()
        encrypted = postbox.port == IMPLICIT_TLS
        if not encrypted and not postbox.loopback and server.has_extn("starttls"):
            server.starttls(context=trust)
            server.ehlo()
            encrypted = True
        if postbox.user:
            _sign_in(server, private=encrypted or postbox.loopback)
    except BaseException:
        server.close()
        raise
    return server


def _sign_in(server: smtplib.SMTP, *, private: bool) -> None:
    if not private:
        raise smtplib.SMTPException("A password is never sent in the clear.")
    server.login(postbox.user, postbox.password)


def _by_code(code: int) -> Undelivered:
    """RFC 5321 §4.2.1: 4xx is for now, 5xx is for good."""
    return (Refused if code >= 500 else Delayed)(f"smtp_{code}")


def _code(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp_{error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return "no_trusted_encryption"
    if isinstance(error, smtplib.SMTPException) and not isinstance(
        error, smtplib.SMTPServerDisconnected
    ):
        return "no_sign_in"
    return "no_connection"
