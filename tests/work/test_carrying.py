"""Long work: taken up by one at a time, always further, ended once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound, WrongState
from shop.work import carrying, queries, watching
from shop.work.errors import NotResumable, TakenOver
from shop.work.models import SILENCE, Work, WorkKind
from shop.work.states import WORK_ARROWS, WorkStatus
from tests.people import a_browser, alice, mona, sam


def a_work(**given: Any) -> Work:
    by = given.pop("by", None)
    fields: dict[str, Any] = {"kind": WorkKind.REPORT, "title": "Stock value", "total": 3}
    fields |= given
    return carrying.ask(fields.pop("kind"), fields.pop("title"), by=by, **fields)


def a_running(**given: Any) -> Work:
    work = carrying.take_up(a_work(**given).id)
    assert work is not None
    return work


def test_work_goes_from_asked_to_done_and_its_times_are_the_databases(app: Flask) -> None:
    work = a_work(by=mona())
    db.session.refresh(work)
    assert (work.status, work.began_at, work.percent) == (WorkStatus.WAITING, None, 0)

    carrying.take_up(work.id)
    carrying.advance(work, work.fence, done=2)
    db.session.refresh(work)
    assert (work.status, work.percent, work.so_far) == (WorkStatus.RUNNING, 66, 2)
    carrying.advance(work, work.fence, failed=1)
    carrying.finish(work, work.fence)
    db.session.refresh(work)
    assert (work.status, work.done, work.failed, work.percent) == (WorkStatus.DONE, 2, 1, 100)
    assert work.began_at is not None
    assert work.ended_at is not None
    assert work.asked_at <= work.began_at <= work.ended_at
    assert carrying.take_up(work.id) is None


def test_who_was_relieved_can_neither_go_on_nor_end_it(app: Flask) -> None:
    work = a_running()
    before = work.fence
    carrying.take_up(work.id)
    for act in (
        lambda: carrying.advance(work, before, done=1),
        lambda: carrying.finish(work, before),
        lambda: carrying.fail(work, before, why="OSError"),
    ):
        with pytest.raises(TakenOver):
            act()
    held = queries.locked_work(work.id)
    assert (held.status, held.done, held.error) == (WorkStatus.RUNNING, 0, "")


def test_stopped_work_is_left_by_whoever_carries_it_and_can_go_on(app: Flask) -> None:
    work = a_running()
    carrying.stop(work)
    with pytest.raises(TakenOver, match="It was stopped"):
        carrying.advance(work, work.fence, done=1)
    carrying.resume(work)
    assert queries.locked_work(work.id).status is WorkStatus.WAITING
    queued = sa.text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'make_report'")
    assert db.session.scalar(queued) == 1


def test_only_what_broke_off_is_resumed(app: Flask) -> None:
    waits, runs = a_work(), a_running()
    done = a_running(total=0)
    carrying.finish(done, done.fence)
    for work in (waits, runs, done):
        with pytest.raises(NotResumable):
            carrying.resume(work)
    letters = a_running(kind=WorkKind.RECALL_LETTERS)
    carrying.stop(letters)
    with pytest.raises(NotResumable, match="by itself"):
        carrying.resume(letters)


def test_no_arrow_leads_back_from_the_end(app: Flask) -> None:
    work = a_running(total=0)
    carrying.finish(work, work.fence)
    for status in WorkStatus:
        if status is not WorkStatus.DONE:
            with pytest.raises(WrongState):
                work.status = status
    assert WORK_ARROWS[WorkStatus.DONE] == set()


def test_the_last_of_many_hands_ends_it(app: Flask) -> None:
    work = a_running(kind=WorkKind.RECALL_LETTERS, total=3)
    carrying.count(work.id, done=1)
    carrying.count(work.id, failed=1)
    db.session.refresh(work)
    assert (work.status, work.done, work.failed) == (WorkStatus.RUNNING, 1, 1)
    carrying.count(work.id, done=1)
    db.session.refresh(work)
    assert (work.status, work.done, work.failed) == (WorkStatus.DONE, 2, 1)
    carrying.count(work.id, done=1)  # one that was resent after the end is counted no more
    db.session.refresh(work)
    assert (work.done, work.failed) == (2, 1)


def test_what_gives_no_sign_of_life_has_stopped(app: Flask) -> None:
    silent, letters = a_running(), a_running(kind=WorkKind.RECALL_LETTERS)
    db.session.refresh(silent)
    assert watching.stop_what_is_silent(at=silent.seen_at + SILENCE) == []
    later = silent.seen_at + SILENCE + timedelta(seconds=1)
    assert watching.stop_what_is_silent(at=later) == [silent.id]
    db.session.refresh(silent)
    db.session.refresh(letters)
    assert (silent.status, silent.error) == (WorkStatus.STOPPED, "worker_died")
    assert letters.status is WorkStatus.RUNNING  # its letters are jobs of their own


def test_everybody_sees_their_own_and_the_manager_all(app: Flask) -> None:
    staff, other, manager = sam(), sam(), mona()
    mine, theirs = a_work(by=staff), a_work(by=other, title="Another")
    shell = a_work(by=None)
    db.session.commit()
    assert set(db.session.scalars(queries.works(staff))) == {mine}
    assert {one.id for one in db.session.scalars(queries.works(manager))} >= {
        one.id for one in (mine, theirs, shell)
    }
    with pytest.raises(NotFound):
        queries.work_for(staff, theirs.id)

    browser = a_browser(app, staff)
    listed = browser.get("/work")
    assert (listed.status_code, "Another" in listed.text) == (200, False)
    assert browser.get(f"/work/{theirs.id}").status_code == 404
    assert browser.get(f"/api/v1/work/{theirs.id}").status_code == 404
    assert browser.get(f"/work/{mine.id}").status_code == 200
    told = browser.get("/api/v1/work").json["items"]
    assert [one["id"] for one in told] == [str(mine.id)]
    assert [one["id"] for one in browser.get("/api/v1/work?status=done").json["items"]] == []
    assert a_browser(app, alice()).get("/work").text.count("<progress") == 0
    assert "Another" in a_browser(app, manager).get("/work?status=waiting").text


def test_its_page_asks_again_by_itself_until_it_is_over(app: Flask) -> None:
    staff = sam()
    work = a_running(by=staff)
    carrying.advance(work, work.fence, done=1)
    browser = a_browser(app, staff)
    path = f"/work/{work.id}"
    whole, part = browser.get(path), browser.get(path, headers={"HX-Request": "true"})
    for page in (whole, part):
        assert 'hx-trigger="every 2s"' in page.text
        assert 'max="100" value="33"' in page.text
        assert "1 of 3" in page.text
        assert f'<a href="{path}">' in page.text  # without JavaScript
    assert "<html" in whole.text
    assert "<html" not in part.text

    carrying.stop(db.session.get_one(Work, work.id))
    db.session.commit()
    over = browser.get(path, headers={"HX-Request": "true"}).text
    assert "hx-trigger" not in over
    assert "Go on with it" in over


def test_resuming_over_http(app: Flask) -> None:
    staff = sam()
    work = a_running(by=staff)
    carrying.fail(work, work.fence, why="OSError")
    browser = a_browser(app, staff)
    token = browser.get("/api/v1/me").json["csrf_token"]
    headers = {"X-CSRFToken": token}
    path = f"/api/v1/work/{work.id}/resumption"
    assert browser.post(path, headers=headers).json["status"] == "waiting"
    again = browser.post(path, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "work_not_resumable")
    assert (
        browser.post(f"/api/v1/work/{uuid.uuid4()}/resumption", headers=headers).status_code == 404
    )
    page = browser.post(f"/work/{work.id}/resumption", data={"csrf_token": token})
    assert page.status_code == 409
    assert "Only work that failed or was stopped" in page.text


def test_how_long_it_takes_is_said_once_something_is_known(app: Flask) -> None:
    work = a_running(total=10)
    db.session.refresh(work)
    assert work.seconds_to_go(now()) is None
    carrying.advance(work, work.fence, done=5)
    db.session.refresh(work)
    assert work.began_at is not None
    assert work.seconds_to_go(work.began_at + timedelta(seconds=30)) == 30.0
