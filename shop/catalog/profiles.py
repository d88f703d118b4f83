"""How a supplier's sheet is read, kept under the supplier's name."""

from __future__ import annotations

import re
from typing import Any

from shop.catalog import mapping
from shop.catalog.errors import NoSuchProfile
from shop.catalog.mapping import BadMapping
from shop.catalog.models import ImportProfile
from shop.core.db import db

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


def keep(name: str, said: object) -> ImportProfile:
    """Keep a mapping under `name`, in place of the one before. Raises BadMapping."""
    if not _NAME.fullmatch(name):
        text = "Use 1 to 60 small letters, digits and hyphens."
        raise BadMapping(text, fields={"name": [text]})
    columns = mapping.read(said).as_json
    profile = db.session.get(ImportProfile, name)
    if profile is None:
        profile = ImportProfile(name=name, mapping=columns)
        db.session.add(profile)
    profile.mapping = columns
    return profile


def mapping_of(name: str) -> dict[str, Any]:
    """The mapping kept under `name`. Raises NoSuchProfile."""
    profile = db.session.get(ImportProfile, name)
    if profile is None:
        raise NoSuchProfile("There is no such profile.", fields={"profile": ["Unknown."]})
    return profile.mapping
