"""The demo's own secrets, made once and kept beside its data, readable by its owner only."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

from shop.core.cluster import ROLES
from shop.core.signatures import new_private_key, written

_NAMES = frozenset(
    {
        *ROLES,
        "SECRET_KEY",
        "SEALED_KEYS",
        "SIGNING_KEYS",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
    }
)


def of(home: Path) -> dict[str, str]:
    """The secrets kept in `home`; made when there are none."""
    kept = home / "secrets.json"
    known = dict(json.loads(kept.read_text())) if kept.exists() else {}
    if known.keys() < _NAMES:  # none yet, or one that came later is missing
        made = {role: secrets.token_urlsafe(24) for role in ROLES}
        made["SECRET_KEY"] = secrets.token_urlsafe(48)
        made["SEALED_KEYS"] = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
        made["SIGNING_KEYS"] = written([new_private_key()])
        made["STRIPE_SECRET_KEY"] = "sk_test_" + secrets.token_urlsafe(24)
        made["STRIPE_WEBHOOK_SECRETS"] = "whsec_" + secrets.token_urlsafe(24)
        kept.touch(mode=0o600)
        known = made | known
        kept.write_text(json.dumps(known, indent=1))
    return known
