"""The dictionary of substances: what the files beside us say, brought into the database.

Facts come from CosIng (names, CAS and EC numbers, functions), the FDA (UNII), a list of actives
(pregnancy, irritancy, pH) and files of our own (drugs and classes, synonyms, plants); see
`data/LICENSES.md`. Loading is idempotent, and what a person resolved is left as it is.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as pg_insert

from shop.catalog.filings import normalised
from shop.catalog.matching import Index, Match
from shop.catalog.models import (
    FILED,
    ActiveClass,
    Ingredient,
    IngredientName,
    Irritancy,
    Pregnancy,
    Way,
)
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

DATA = Path(__file__).parent / "data"
_AT_ONCE = 5_000  # rows of a statement
_LOCK = 5_020_002  # whoever loads the dictionary or matches anew does so alone


@dataclass
class Substance:
    """A row of the dictionary as the files say it."""

    inci_name: str
    source: str
    common_name: str = ""
    cas_numbers: list[str] = field(default_factory=list)
    ec_numbers: list[str] = field(default_factory=list)
    unii: str | None = None
    functions: list[str] = field(default_factory=list)
    active_class: ActiveClass | None = None
    pregnancy: Pregnancy | None = None
    irritancy: Irritancy | None = None
    ph_low: Decimal | None = None
    ph_high: Decimal | None = None


@dataclass
class Files:
    """All that the files say: substances by INCI name; spelling → (INCI name, source)."""

    substances: dict[str, Substance] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)

    def substance(self, inci_name: str, source: str) -> Substance:
        """The substance of this name, new if need be."""
        found = self.substances.get(self.names.get(inci_name, (inci_name, ""))[0])
        if found is None:
            found = self.substances[inci_name] = Substance(inci_name, source)
            self.names[inci_name] = (inci_name, source)
        return found

    def called(self, name: str, inci_name: str, source: str) -> None:
        """`name` means this substance too; the first to say what a name means is believed."""
        name = normalised(name)
        if name and len(name) > 2:
            self.names.setdefault(name, (self.substance(inci_name, source).inci_name, source))


# --- the files -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def files() -> Files:
    """What the shipped files say. Read once."""
    said = Files()
    aliases = list(_rows("ingredient_synonyms.csv"))
    for row in aliases:  # before all others: a name here is never a substance of its own
        said.names[normalised(row["name"])] = (normalised(row["inci_name"]), "own")
    for row in aliases:
        said.substance(normalised(row["inci_name"]), "own")
    _cosing(said)
    _classes(said)
    _actives(said)
    _organisms(said)
    _uniis(said)
    return said


@lru_cache(maxsize=1)
def plants() -> list[tuple[str, str]]:
    """(English or older Latin name, Latin name as CosIng has it)."""
    return [(row["name"], row["latin"]) for row in _rows("ingredient_plants.csv")]


def _rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV of ours; lines that begin with # are for its readers."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def _cosing(said: Files) -> None:
    with gzip.open(DATA / "cosing_inventory_2020.csv.gz") as packed:
        for row in csv.DictReader(io.TextIOWrapper(packed, encoding="utf-8", newline="")):
            found = said.substance(normalised(row["inci_name"]), "cosing")
            found.source = "cosing"
            _add(found.cas_numbers, row["cas_number"].replace("/", ",").split(","))
            _add(found.ec_numbers, row["einecs_number"].replace("/", ",").split(","))
            _add(found.functions, row["function"].split(","))


def _add(known: list[str], more: Iterable[str]) -> None:
    known += [one for text in more if (one := text.strip()) and one not in known and one != "-"]


def _classes(said: Files) -> None:
    for row in _rows("ingredient_classes.csv"):
        found = said.substance(row["inci_name"], "own")
        found.active_class = ActiveClass(row["active_class"]) if row["active_class"] else None
        found.pregnancy = Pregnancy(row["pregnancy"]) if row["pregnancy"] else None
        found.irritancy = Irritancy(row["irritancy"]) if row["irritancy"] else None


# Words of the actives' file that name a group, a trade's claim or several substances.
_NO_NAMES = {
    "AHA", "BHA", "PHA", "POLYHYDROXY ACID", "BETA HYDROXY ACID", "SILICONE", "FATTY ALCOHOL",
    "FATTY ALCOHOL BLEND", "ALKYL POLYGLUCOSIDE", "APG", "SUGAR SURFACTANT", "CHELATING AGENT",
    "COMFREY EXTRACT DERIVATIVE", "CHAMOMILE DERIVATIVE", "VITAMIN C DERIVATIVE", "HA SALT",
    "ALGAE ANTIOXIDANT", "BOTOX IN A JAR", "SKIN LIPID", "HYBRID RETINOID", "ARTEMISIA",
    "WORMWOOD", "LACTATE SALT", "NMF COMPONENT", "MASTER ANTIOXIDANT", "GRAPE ANTIOXIDANT",
    "CELLULOSE GUM", "MADECASSOSIDE SOURCE", "CENTELLA ACTIVE", "CICA ACTIVE", "LICORICE ACTIVE",
    "GLABRIDIN SOURCE", "EGCG SOURCE", "GREEN TEA POLYPHENOLS", "PHYTOSPHINGOSINE CERAMIDE",
    "AMINO ACID SURFACTANT", "EDTA", "ARBUTIN", "POLYACRYLIC ACID", "PROBIOTIC FERMENT",
    "POSTBIOTIC", "MARIGOLD", "JOJOBA", "LICORICE", "MATRICARIA", "SD ALCOHOL", "ETHANOL",
    "HONEY EXTRACT", "ALOE", "ALOE VERA", "ACETYL HEXAPEPTIDE-3", "LOW MOLECULAR WEIGHT HA",
    "MARINE COLLAGEN",
}  # fmt: skip


def _actives(said: Files) -> None:
    for row in json.loads((DATA / "skincare_actives_v1.json").read_text(encoding="utf-8")):
        inci_name = normalised(row["inci_name"].split("(")[0] + row["inci_name"].partition(")")[2])
        found = said.substance(inci_name, "actives")
        found.common_name = found.common_name or row["common_name"].split(" (")[0]
        found.pregnancy = found.pregnancy or Pregnancy(row["pregnancy_safe"])
        found.irritancy = found.irritancy or Irritancy(row["irritancy"])
        found.ph_low, found.ph_high = _ph(row["ph_range"])
        for name in (row["common_name"].split(" (")[0], *row["also_known_as"]):
            bare_plant = found.inci_name.startswith(f"{normalised(name)} ")
            if not bare_plant and normalised(name) not in _NO_NAMES:
                said.called(name, found.inci_name, "actives")


def _ph(text: str | None) -> tuple[Decimal | None, Decimal | None]:
    """ "4.0-5.0", "below 6.0"."""
    if not text:
        return None, None
    if text.startswith("below "):
        return None, Decimal(text.removeprefix("below "))
    low, high = text.split("-")
    return Decimal(low), Decimal(high)


def _uniis(said: Files) -> None:
    rows = sorted(
        _rows("unii_topical_ingredients.csv"), key=lambda row: row["inci_match"] == "alias"
    )
    for row in rows:
        name = normalised(row["fda_name"])
        bare = name.split(" (")[0]  # "METHICONE (20 CST)"
        meant = normalised(row["inci_name"]) or (bare if bare in said.names else name)
        found = said.substance(dict(plants()).get(meant, meant), "unii")
        found.unii = found.unii or row["unii"]
        _add(found.cas_numbers, [row["cas_number"]])
        said.called(name, found.inci_name, "unii")


_PART = (
    "BARK|BRAN|BRANCH|BUD|BULB|CONE|FLOWER|FRUIT|GERM|HERB|HULL|HUSK|KERNEL|LEAF|NUT|PEEL|PETAL|"
    "PULP|RESIN|RHIZOME|ROOT|SEED|SHELL|SHOOT|SPROUT|STALK|STEM|TUBER|TWIG|WOOD"
)
_MADE_OF_IT = "BUTTER|CERA|EXTRACT|FLOUR|GUM|JUICE|OIL|POWDER|STARCH|WATER"
_NO_GENUS = (
    "ACETYLATED|ETHOXYLATED|FERMENTED|HYDROGENATED|HYDROLYZED|HYDROXYLATED|MALEATED|MALTED|OXIDIZED|"
    "OZONIZED|POTASSIUM|SAPONIFIED|SODIUM|SULFATED|SULFURIZED|SYNTHETIC"
)
_PLANT = re.compile(
    rf"(?!(?:{_NO_GENUS}) )(?P<plant>(?:(?!(?:{_PART}|{_MADE_OF_IT})\b)[A-Z]+ ){{2,3}})"
    rf"(?:(?:{_PART})[ /])*(?:{_MADE_OF_IT})"
)


def _organisms(said: Files) -> None:
    """Plants themselves, for who files "Olea europaea" and says neither part nor preparation.

    FDA gives such names codes of their own (UNII 7M867G6T1U, CENTELLA ASIATICA). A plant is what
    a name of CosIng begins with where only parts and a preparation follow.
    """
    for name in list(said.substances):
        found = _PLANT.fullmatch(name)
        if found and found["plant"].strip() not in said.names:
            said.substance(found["plant"].strip(), "organism")


# --- the database --------------------------------------------------------------------------------


@dataclass
class _Run:
    """The subject of the event."""

    id: uuid.UUID


def load() -> dict[str, int]:
    """Bring the dictionary in line with the files, and match what is filed anew.

    Says how many substances and names are new or changed; a second run finds none. Raises nothing
    that a file of ours could cause: the tests read them.
    """
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    said = files()
    ids, substances = _bring_substances(said)
    names = _bring_names(said, ids)
    matched = match_filed()
    counts = {"substances": substances, "names": names, "matched": matched}
    if any(counts.values()):
        events.record(Kind.DICTIONARY_LOADED, _Run(uuid.uuid4()), **counts)
    return counts


_FACTS = tuple(one.name for one in fields(Substance))


def _bring_substances(said: Files) -> tuple[dict[str, uuid.UUID], int]:
    table = Ingredient.__table__
    columns = [table.c[name] for name in _FACTS]
    known = {
        row.inci_name: row for row in db.session.execute(sa.select(table.c.id, *columns)).all()
    }
    ids = {name: row.id for name, row in known.items()}
    rows = []
    for name, substance in said.substances.items():
        facts = vars(substance)
        old = known.get(name)
        if old is None or any(getattr(old, fact) != facts[fact] for fact in _FACTS):
            ids.setdefault(name, uuid.uuid4())
            rows.append({"id": ids[name], **facts})
    _write(Ingredient, rows, keep="inci_name")
    return ids, len(rows)


def _bring_names(said: Files, ids: dict[str, uuid.UUID]) -> int:
    table = IngredientName.__table__
    held = sa.select(table.c.id, table.c.name, table.c.ingredient_id, table.c.way, table.c.source)
    known = {row.name: row for row in db.session.execute(held)}
    rows = []
    for name, (inci_name, source) in said.names.items():
        way = Way.INCI if name == inci_name else Way.SYNONYM
        old = known.get(name)
        if old is not None and old.way is Way.RESOLVED:
            continue
        if old is None or (old.ingredient_id, old.way, old.source) != (ids[inci_name], way, source):
            rows.append(
                {
                    "id": old.id if old else uuid.uuid4(),
                    "name": name,
                    "ingredient_id": ids[inci_name],
                    "way": way,
                    "confidence": 1,
                    "source": source,
                }
            )
    _write(IngredientName, rows, keep="name")
    return len(rows)


def _write(model: Any, rows: list[dict[str, Any]], keep: str) -> None:
    """Insert rows, or set all but `keep` where their id is there: a few statements for all."""
    for start in range(0, len(rows), _AT_ONCE):
        columns = [model.__table__.c[name] for name in rows[0]]
        said = json.dumps(rows[start : start + _AT_ONCE], default=str)
        records = (
            sa.func.jsonb_to_recordset(sa.cast(sa.literal(said), JSONB))
            .table_valued(*(sa.column(one.name, one.type) for one in columns))
            .render_derived(with_types=True)
        )
        insert = pg_insert(model).from_select([one.name for one in columns], sa.select(records))
        changing = {one.name: insert.excluded[one.name] for one in columns}
        del changing["id"], changing[keep]
        db.session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changing))
    db.session.expire_all()


# --- matching against the database ---------------------------------------------------------------


class Lexicon:
    """The dictionary in memory: what a text means, and the id of what it means."""

    def __init__(self, index: Index, ids: dict[str, uuid.UUID]) -> None:
        self._index = index
        self._ids = ids

    def match(self, name: str) -> tuple[Match, uuid.UUID | None]:
        """What the name means, and that substance's id."""
        match = self._index.match(name)
        return match, self._ids[match.substance] if match.substance else None

    def nearest(self, name: str) -> list[str]:
        """INCI names of what the name is most like."""
        return self._index.nearest(name)


_kept: tuple[Any, Lexicon] | None = None  # the last one, and the checksum of what it was made of

_TOLD = sa.or_(IngredientName.source != FILED, IngredientName.way == Way.RESOLVED)
_CHECKSUM = (
    sa.select(
        sa.func.count(),
        sa.func.sum(
            sa.func.hashtextextended(
                sa.func.concat(IngredientName.name, " ", IngredientName.ingredient_id), 0
            )
        ),
    )
    .select_from(IngredientName)
    .where(_TOLD)
)


def lexicon() -> Lexicon:
    """The dictionary as it stands, with what people resolved; made anew only when it changed."""
    global _kept  # noqa: PLW0603 a second of work that every import would do again
    stamp = tuple(db.session.execute(_CHECKSUM).one())
    if _kept is None or _kept[0] != stamp:
        rows = db.session.execute(
            sa.select(IngredientName.name, Ingredient.inci_name, Ingredient.id)
            .join(IngredientName.ingredient)
            .where(_TOLD)
            .order_by(IngredientName.name)
        ).all()
        ids = {inci_name: id_ for _, inci_name, id_ in rows}
        index = Index(((name, inci_name) for name, inci_name, _ in rows), plants())
        _kept = (stamp, Lexicon(index, ids))
    return _kept[1]


def match_filed() -> int:
    """Match every filed name anew that no person resolved; how many are matched otherwise now."""
    known = lexicon()
    query = sa.select(IngredientName).where(
        IngredientName.source == FILED, IngredientName.way != Way.RESOLVED
    )
    changed = 0
    for name in db.session.scalars(query.order_by(IngredientName.name)):
        match, ingredient_id = known.match(name.name)
        if (name.ingredient_id, name.way) != (ingredient_id, match.way):
            name.ingredient_id, name.way = ingredient_id, match.way
            name.confidence = match.confidence
            changed += 1
    db.session.flush()
    return changed
