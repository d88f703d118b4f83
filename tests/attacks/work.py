"""Attacks on long work: it goes along its arrows, forward, carried by one; its file goes in a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.core.cluster import APP, OWNER, WORKER
from shop.core.db import db
from shop.work import carrying
from shop.work.models import WorkKind
from tests.attacks.attack import Attacks, Sql
from tests.people import mona

LONG_AGO = "2001-01-01T00:00:00+00:00"
SEALED = "'\\x01'::bytea || decode(repeat('00', 60), 'hex')"
NEW = (
    "INSERT INTO works (id, kind, title, terms, status, total, done, failed, fence, error)"
    " VALUES (%(new)s, 'report', 'x', '{{}}', '{status}', 3, 0, 0, 0, '')"
)


def scene() -> Mapping[str, Any]:
    """Work that waits, runs (half done), broke off and is done; the last made a file."""
    manager = mona()
    made = {
        name: carrying.ask(WorkKind.REPORT, name, by=manager, total=4)
        for name in ("waits", "runs", "broke", "done")
    }
    fences = {}
    for name in ("runs", "broke", "done"):
        work = carrying.take_up(made[name].id)
        assert work is not None
        fences[name] = work.fence
    carrying.advance(made["runs"], fences["runs"], done=2)
    carrying.fail(made["broke"], fences["broke"], why="OSError")
    carrying.advance(made["done"], fences["done"], done=4)
    carrying.keep_file(made["done"], b"sku\r\n", name="x.csv")
    carrying.finish(made["done"], fences["done"])
    db.session.flush()
    return {name: work.id for name, work in made.items()} | {"manager": manager.id}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "begin at the end": (NEW.format(status="done"), "work_goes_along_an_arrow"),
        "end what was not taken up": (
            "UPDATE works SET status = 'done', done = 4 WHERE id = %(waits)s",
            "work_goes_along_an_arrow",
        ),
        "take up what is done": (
            "UPDATE works SET status = 'running', fence = fence + 1 WHERE id = %(done)s",
            "work_goes_along_an_arrow",
        ),
        "count on after the end": (
            "UPDATE works SET error = 'x' WHERE id = %(done)s",
            "work_that_is_done_stays_as_it_is",
        ),
        "go back": (
            "UPDATE works SET done = 1 WHERE id = %(runs)s",
            "progress_goes_forward",
        ),
        "turn the fence back": (
            "UPDATE works SET fence = fence - 1 WHERE id = %(runs)s",
            "progress_goes_forward",
        ),
        "take up without a fence": (
            "UPDATE works SET status = 'running' WHERE id = %(broke)s",
            "work_is_taken_up_with_a_new_fence",
        ),
        "do more than there is": (
            "UPDATE works SET done = 5 WHERE id = %(runs)s",
            "work_stays_within_its_total",
        ),
        "end in the middle": (
            "UPDATE works SET status = 'done' WHERE id = %(runs)s",
            "done_work_is_whole",
        ),
        "fail without a word": (
            "UPDATE works SET status = 'failed' WHERE id = %(runs)s",
            "failed_work_says_why",
        ),
        "a file of work that is over": (
            (
                "INSERT INTO work_files (work_id, name, media_type, content_sealed)"
                f" VALUES (%(broke)s, 'x.csv', 'text/csv', {SEALED})"
            ),
            "file_is_made_by_work_that_runs",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        "remove a file before its day is over": (
            "DELETE FROM work_files WHERE work_id = %(done)s",
            "file_is_kept_until_it_expires",
        ),
    },
    WORKER,
)
ATTACKS.each_passes(
    {
        "a step further": "UPDATE works SET done = done + 1 WHERE id = %(runs)s",
        "taken up again": (
            "UPDATE works SET status = 'running', fence = fence + 1, done = 0 WHERE id = %(broke)s"
        ),
        "made anew by another": (
            "UPDATE works SET fence = fence + 1, done = 0 WHERE id = %(runs)s"
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("work_guard", OWNER)
def _write_down_another_time(attacker: Sql) -> bool:
    moved = "began_at = %(then)s, seen_at = %(then)s, ended_at = %(then)s"
    seen = [
        attacker.run(statement, then=LONG_AGO)
        for statement in (
            (
                "INSERT INTO works (id, kind, title, status, asked_at, began_at, seen_at)"
                " VALUES (%(new)s, 'report', 'x', 'running', %(then)s, %(then)s, %(then)s)"
                " RETURNING asked_at, began_at, seen_at"
            ),
            (
                f"UPDATE works SET fence = 1, {moved} WHERE id = %(new)s"
                " RETURNING began_at, seen_at, coalesce(ended_at, seen_at)"
            ),
            (
                f"UPDATE works SET status = 'stopped', {moved.partition(', ')[2]}"
                " WHERE id = %(new)s RETURNING began_at, seen_at, ended_at"
            ),
        )
    ]
    return all(moment.year > 2001 for row in seen for moment in row.values())


@ATTACKS.undone("work_file_guard", OWNER)
def _keep_a_file_for_ever(attacker: Sql) -> bool:
    kept = attacker.run(
        "INSERT INTO work_files (work_id, name, media_type, content_sealed, made_at, expires_at)"
        f" VALUES (%(runs)s, 'x.csv', 'text/csv', {SEALED}, %(then)s, now() + interval '9 years')"
        " RETURNING expires_at < now() + interval '2 days'"
        " AND made_at > now() - interval '1 day' AS kept",
        then=LONG_AGO,
    )
    return bool(kept["kept"])
