"""The demo's own secrets, made once and kept beside its data, readable by its owner only."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

from shop.core.cluster import ROLES


def of(home: Path) -> dict[str, str]:
    """The secrets kept in `home`; made when there are none."""
    kept = home / "secrets.json"
    if not kept.exists():
        made = {role: secrets.token_urlsafe(24) for role in ROLES}
        made["SECRET_KEY"] = secrets.token_urlsafe(48)
        made["SEALED_KEYS"] = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
        made["STRIPE_SECRET_KEY"] = "sk_test_" + secrets.token_urlsafe(24)
        made["STRIPE_WEBHOOK_SECRETS"] = "whsec_" + secrets.token_urlsafe(24)
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(made, indent=1))
    return dict(json.loads(kept.read_text()))
