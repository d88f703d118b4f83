"""JSON by orjson: fast, strict UTF-8, and it refuses what it does not know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from flask.json.provider import JSONProvider


class OrjsonProvider(JSONProvider):
    """Moments as RFC 3339 in UTC; UUIDs and dates as text."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
        if kwargs.get("sort_keys"):
            options |= orjson.OPT_SORT_KEYS
        return orjson.dumps(obj, default=_plain, option=options).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
