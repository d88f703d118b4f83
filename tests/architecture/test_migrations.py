"""Migrations: numbered, reversible, and what they build is what the models say."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

import shop
from shop import load_models
from shop.core.db import Base
from shop.core.migrating import SCRIPTS, alembic_config, upgrade
from tests.architecture.catalog import ARROWS, EVERYTHING, TABLES, difference, facts
from tests.conftest import Database

OWN = {"alembic_version", "shop_clock"}  # tables without a model


def test_migrations_are_numbered_without_a_gap() -> None:
    scripts = list(ScriptDirectory(str(SCRIPTS)).walk_revisions())[::-1]

    assert [script.revision for script in scripts] == [
        f"{number:04d}" for number in range(1, len(scripts) + 1)
    ]
    assert [script.down_revision for script in scripts] == [
        None,
        *(script.revision for script in scripts[:-1]),
    ]
    for script in scripts:
        assert script.path.rsplit("/", 1)[-1].startswith(f"{script.revision}_")


def test_migrations_go_down_and_up_again(clone: Callable[[], Database]) -> None:
    database = clone()
    with database.as_role() as connection:
        before = facts(connection, *EVERYTHING)

    command.downgrade(alembic_config(database.owner), "base")
    with database.as_role() as connection:
        left = facts(connection, *EVERYTHING[:-1])
    assert {name for name in left if "alembic_version" not in name} == set()

    upgrade(database.owner)
    with database.as_role() as connection:
        assert difference(before, facts(connection, *EVERYTHING)) == {}


def test_migrations_build_what_the_models_say(clone: Callable[[], Database]) -> None:
    migrated, modelled = clone(), clone()
    with modelled.as_role() as connection:
        _drop_tables(connection)
    engine = sa.create_engine(modelled.owner, connect_args={"options": "-csearch_path=public,jobs"})
    load_models().create_all(engine)
    engine.dispose()

    with migrated.as_role() as one, modelled.as_role() as other:
        assert difference(_of_models(one), _of_models(other)) == {}


def test_autogenerate_finds_nothing_to_do(clone: Callable[[], Database]) -> None:
    command.check(alembic_config(clone().owner))


DRIFT = {
    "a column more": "ALTER TABLE letters ADD COLUMN x int",
    "a constraint less": "ALTER TABLE letters DROP CONSTRAINT letter_is_sent_or_has_failed",
    "another default": "ALTER TABLE letters ALTER tries SET DEFAULT 1",
    "an index less": "DROP INDEX letters_due_idx",
    "null allowed": "ALTER TABLE letters ALTER error DROP NOT NULL",
}


@pytest.mark.parametrize("drift", DRIFT)
def test_a_difference_would_be_seen(live: Database, drift: str) -> None:
    with live.as_role() as connection:
        before = facts(connection, *TABLES)
        connection.execute(DRIFT[drift])
        assert len(difference(before, facts(connection, *TABLES))) == 1
        connection.rollback()


def test_autogenerate_would_see_a_column_more(clone: Callable[[], Database]) -> None:
    database = clone()
    with database.as_role() as connection:
        connection.execute("ALTER TABLE letters ADD COLUMN x int")
    with pytest.raises(CommandError, match="remove_column"):
        command.check(alembic_config(database.owner))


def test_no_function_believes_a_table_of_the_sessions_own(live: Database) -> None:
    """A temporary table stands before the real one unless `search_path` says otherwise."""
    with live.as_role() as connection:
        tables = [name for (name,) in connection.execute(ITS_TABLES)]
        functions = connection.execute(PINNED_BY_NOBODY).fetchall()

    reads = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:{'|'.join(tables)})\b", re.IGNORECASE)
    assert reads.search("SELECT * FROM events")
    assert [name for name, body in functions if reads.search(body)] == []
    assert "order_stamped" in {name for name, _body in functions}


ITS_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
PINNED_BY_NOBODY = """
SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p
WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%')
"""


def test_the_database_knows_every_arrow_of_the_code_and_no_other(live: Database) -> None:
    expected = {"arrow   > "}  # things without a life cycle
    for machine, arrows in _machines().items():
        for before, after in arrows.items():
            expected |= {f"arrow {machine} {before or ''} > {state}" for state in after}
            if before is not None:  # events that leave the state as it is
                expected.add(f"arrow {machine} {before} > {before}")

    with live.as_role() as connection:
        known = set(facts(connection, ARROWS))
    assert {"not in the code": known - expected, "not in the database": expected - known} == {
        "not in the code": set(),
        "not in the database": set(),
    }


def test_every_life_cycle_is_drawn() -> None:
    load_models()
    drawn = {mapper.class_.machine for mapper in Base.registry.mappers if _lives(mapper.class_)}
    assert drawn == set(_machines())


def _lives(model: type) -> bool:
    return isinstance(getattr(model, "machine", None), str)  # work has no events, yet its arrows


def _machines() -> dict[str, dict[Any, set[Any]]]:
    """Every package's life cycles, by name."""
    found: dict[str, dict[Any, set[Any]]] = {}
    for package in pkgutil.iter_modules(shop.__path__):
        if package.ispkg and (arrows := _arrows_of(package.name)):
            found |= arrows
    return found


def _arrows_of(package: str) -> dict[str, dict[Any, set[Any]]]:
    try:
        models = importlib.import_module(f"shop.{package}.models")
    except ModuleNotFoundError:
        return {}
    drawn: dict[str, dict[Any, set[Any]]] = models.arrows() if hasattr(models, "arrows") else {}
    return drawn


def _drop_tables(connection: psycopg.Connection[Any]) -> None:
    """Leave the functions, which columns and constraints need."""
    for table in load_models().tables:
        connection.execute(f'DROP TABLE "{table}" CASCADE')  # names of our own models
    connection.commit()


def _of_models(connection: psycopg.Connection[Any]) -> dict[str, str]:
    found = facts(connection, *TABLES)
    return {
        name: text
        for name, text in found.items()
        if name.split(".")[0] not in OWN and name.split(" ")[0] not in OWN
    }
