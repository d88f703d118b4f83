"""Pages: a physician asks the client something, and the client answers."""

from __future__ import annotations

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.orders import rechecking
from shop.prescriptions import inquiring, queries, schemas
from shop.prescriptions.pages.asking import answers_typed, request_page
from shop.prescriptions.pages.blueprint import bp, form, or_again, to
from shop.prescriptions.pages.review import case_page


@bp.post("/review/<number>/question")
@allow(Role.PHYSICIAN)
def ask(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.QuestionIn, numbers=("claim",))
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        inquiring.inquire(asked, given["text"], by=actor(), at=now(), fence=given["claim"])
        db.session.commit()
        flash("The client is asked. The request comes back when she has answered.")
        return to("/review")

    return or_again(act, lambda **why: case_page(number, typed=request.form, **why))


@bp.post("/requests/<number>/reply")
@allow(Role.CLIENT)
def reply(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.ReplyIn)
        with rechecking.following(actor(), at=now()):
            asked = queries.request_for(actor(), number, at=now(), lock=True)
            inquiring.reply(
                asked,
                given["text"],
                answers=answers_typed(asked),
                inquiry_id=given["question"],
                by=actor(),
                at=now(),
            )
        db.session.commit()
        flash("Your answer is with our physicians.")
        return to(f"/requests/{number}")

    return or_again(act, lambda **why: request_page(number, again=True, typed=request.form, **why))
