"""Settings from the environment. A production start without its secrets is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


class Unconfigured(RuntimeError):
    """A setting is missing or makes no sense; the text names it and the remedy."""


@dataclass(frozen=True)
class Config:
    """What the shop needs to know of where it runs."""

    database_url: str  # as role aftercare_app
    worker_database_url: str  # as role aftercare_worker
    secret_key: str
    sealed_keys: str  # "1:<base64 of 32 bytes>,2:<…>"
    stripe_secret_key: str
    stripe_webhook_secrets: tuple[str, ...]
    stripe_api_base: str | None  # only for the sandbox
    base_url: str  # how clients reach the shop: no trailing slash
    smtp_host: str
    smtp_port: int
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = "Luminescence Aesthetic Medicine <aftercare@luminescence.example>"
    clinic_name: str = "Luminescence Aesthetic Medicine (demo)"
    clinic_address: str = "1400 Grand Avenue, Suite 210, Oakland, CA 94610"  # on its papers
    clinic_phone: str = "+1 510 555 0142"
    clinic_time_zone: str = "America/Los_Angeles"
    clinic_state: str = "CA"  # its home: whose policy decides what a visitor sees
    refill_reminder_days: int = 7  # so long before something runs out a client is reminded
    demo: bool = False
    testing: bool = False
    signing_keys: str = ""  # "<base64 of 32 bytes>,<…>": without one nothing is signed
    argon2: dict[str, int] = field(default_factory=dict)  # cheaper hashes in tests
    idle: timedelta = timedelta(hours=12)

    @property
    def pay_origins(self) -> tuple[str, ...]:
        """Where paying leads: the provider's hosted pages."""
        return (self.stripe_api_base,) if self.stripe_api_base else ("https://checkout.stripe.com",)

    @property
    def secure(self) -> bool:
        """Whether clients come by https: decides the cookie's name and flags."""
        return self.base_url.startswith("https://")


REQUIRED = (
    "DATABASE_URL",
    "SECRET_KEY",
    "SEALED_KEYS",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRETS",
    "BASE_URL",
    "SMTP_HOST",
)


def from_environment(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the settings. Raises Unconfigured, naming everything that is missing at once."""
    missing = [name for name in REQUIRED if not environ.get(name)]
    if missing:
        raise Unconfigured(
            f"Set {', '.join(missing)} (docs/deploy.md says what each is). "
            "To look around without any of them, run `make demo`."
        )
    if environ.get("FLASK_DEBUG") == "1":
        raise Unconfigured("FLASK_DEBUG shows source code to visitors: unset it.")
    base_url = environ["BASE_URL"].rstrip("/")
    local = base_url.startswith(("http://127.0.0.1", "http://localhost"))
    if not base_url.startswith("https://") and not local:
        raise Unconfigured("BASE_URL must be https: sign-ins and health answers travel over it.")
    if environ["STRIPE_SECRET_KEY"].startswith(("sk_live_", "rk_live_")) and local:
        raise Unconfigured(
            "STRIPE_SECRET_KEY is live and BASE_URL is this machine: use a test key."
        )
    clinic_state = environ.get("CLINIC_STATE", Config.clinic_state)
    if not re.fullmatch("[A-Z]{2}", clinic_state):
        raise Unconfigured("CLINIC_STATE must be a state's two letters, such as CA.")
    demo = environ.get("AFTERCARE_DEMO") == "1"
    return Config(
        database_url=environ["DATABASE_URL"],
        worker_database_url=environ.get("WORKER_DATABASE_URL") or environ["DATABASE_URL"],
        secret_key=environ["SECRET_KEY"],
        sealed_keys=environ["SEALED_KEYS"],
        signing_keys=environ.get("SIGNING_KEYS", ""),
        stripe_secret_key=environ["STRIPE_SECRET_KEY"],
        stripe_webhook_secrets=tuple(environ["STRIPE_WEBHOOK_SECRETS"].split(",")),
        stripe_api_base=environ.get("STRIPE_API_BASE"),
        base_url=base_url,
        smtp_host=environ["SMTP_HOST"],
        smtp_port=int(environ.get("SMTP_PORT", "587")),
        smtp_user=environ.get("SMTP_USER", ""),
        smtp_password=environ.get("SMTP_PASSWORD", ""),
        mail_from=environ.get("MAIL_FROM", Config.mail_from),
        clinic_name=environ.get("CLINIC_NAME", Config.clinic_name),
        clinic_address=environ.get("CLINIC_ADDRESS", Config.clinic_address if demo else ""),
        clinic_phone=environ.get("CLINIC_PHONE", Config.clinic_phone if demo else ""),
        clinic_time_zone=environ.get("CLINIC_TIME_ZONE", Config.clinic_time_zone),
        clinic_state=clinic_state,
        refill_reminder_days=_days(environ, "REFILL_REMINDER_DAYS", Config.refill_reminder_days),
        demo=demo,
    )


def _days(environ: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environ.get(name, str(otherwise))
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= 60:
        raise Unconfigured(f"{name} must be a number of days, 1 to 60.")
    return int(text)
