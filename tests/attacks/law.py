"""Attacks on rules, on what they decide of a line, and on releases: I7, I30, I31."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from shop.catalog import releasing
from shop.catalog.models import LegalClass, LegalClassRule, Visibility, VisibilityRule
from shop.core import ruling
from shop.core.clock import now
from shop.core.db import db
from shop.treatments.models import ScopeRuleRow, WindowRuleRow
from tests.attacks import bypass_sql
from tests.attacks.acts import as_owner
from tests.attacks.attack import TABLES, Attacks, Sql
from tests.builders import a_product, a_variant
from tests.catalog.rules import a_draft_rule, a_ruling, a_serum, activated, today
from tests.inventory.lots import a_lot
from tests.orders.things import paid, placed
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.treatments.rules import A_WINDOW, NEEDLING

MACHINES = {
    "class": "legal_class_rule",
    "policy": "visibility_rule",
    "scope": "scope_rule",
    "window": "window_rule",
}
KINDS = {
    "class": LegalClassRule,
    "policy": VisibilityRule,
    "scope": ScopeRuleRow,
    "window": WindowRuleRow,
}
SAYS: dict[str, Mapping[str, Any]] = {
    "class": {"active": "ZEPHYRINE", "legal_class": LegalClass.RX},
    "policy": {"legal_class": LegalClass.RX_UNAPPROVED, "visibility": Visibility.OPEN},
    "scope": NEEDLING,
    "window": A_WINDOW,
}


def scene() -> dict[str, Any]:
    """Rules of every kind in every state; orders of two serums, one to be ruled; a release."""
    facts: dict[str, Any] = {"mona": mona().id, "mona_2": mona().id, "chen": dr_chen().id}
    facts |= {"alice": alice().id, "staff": sam().id}
    for kind in KINDS:
        facts |= _rules(kind)
    facts |= _orders()
    rx = a_product(LegalClass.RX)
    a_variant(rx)
    release = releasing.propose(
        rx,
        legal_class=LegalClass.OTC_DRUG,
        doctor_only=False,
        reason="Relabelled.",
        by=mona(),
        at=now(),
    )
    done, dropped = (_release(a_product(LegalClass.RX)) for _ in range(2))
    releasing.approve(done, by=dr_chen(), at=now())
    releasing.withdraw(dropped, by=mona(), at=now())
    facts |= {"rx": rx.id, "release": release.id, "proposer": release.proposed_by_id}
    facts |= {"done": done.id, "dropped": dropped.id, "done_product": done.product_id}
    db.session.commit()
    return facts


def _rules(kind: str) -> dict[str, Any]:
    """Of states in which no other scene has rules: draft to superseded, and one that was ended."""

    def draft(state: str, **given: Any) -> Any:
        return a_draft_rule(KINDS[kind], SAYS[kind], jurisdiction=state, **given)

    reviewed, second = draft("AK"), draft("AK")
    for rule in (reviewed, second):
        ruling.review(rule, by=dr_chen(), at=now())
    first = activated(draft("AL"))
    activated(draft("AL", number=first.number, valid_from=today()))
    ended = activated(draft("AR"))
    ruling.propose_end(ended, on=today() + timedelta(days=1), by=mona(), at=now())
    ruling.end(ended, by=mona(), at=now())
    active = activated(draft("AZ"))
    ruling.propose_end(active, on=today() + timedelta(days=9), by=mona(), at=now())
    found = {"draft": draft("CO"), "reviewed": reviewed, "active": active, "ended": ended}
    found |= {"superseded": first, "plain": activated(draft("CT"))}
    return {f"{kind}_{name}": rule.id for name, rule in found.items()}


def _orders() -> dict[str, Any]:
    """A serum that waits for its payment and one that is paid, and rules that would bar them."""
    name = f"LAW {uuid.uuid4().hex[:8].upper()}"
    client, pack, other = alice(), a_serum("2", name), a_serum("2", f"{name} B")
    a_lot(pack, 30), a_lot(other, 30)
    waiting, ready = placed(client, {pack: 1}), paid(client, {pack: 1})
    ruled = a_ruling(f"{name} B", jurisdiction="CA")
    prescription = a_prescription(client, other)
    under = paid(client, {other: 1})
    facts: dict[str, Any] = {
        "active": name,
        "client": client.id,
        "waiting": waiting.id,
        "waiting_line": waiting.lines[0].id,
        "ready_line": ready.lines[0].id,
        "rule": ruled.id,
        "ruled_line": under.lines[0].id,
        "prescription": prescription.id,
        "fills_allowed": prescription.fills_allowed,
        "pack": pack.id,
        "ruled_pack": other.id,
        "price": pack.prices[0].id,
        "ruled_price": other.prices[0].id,
    }
    for word, legal_class in (("rx", LegalClass.RX), ("clinic", LegalClass.CLINIC_USE)):
        for what, active in (("free", name), ("ruled", f"{name} B")):
            if (word, what) == ("rx", "ruled"):
                continue
            says = {"active": active, "percents": "[1,3]", "legal_class": legal_class}
            rule = a_draft_rule(LegalClassRule, says, jurisdiction="CA" if what == "free" else "US")
            ruling.review(rule, by=dr_chen(), at=now())
            facts[f"{word}_for_{what}"] = rule.id
    return facts


def _release(product: Any) -> Any:
    return releasing.propose(
        product,
        legal_class=LegalClass.OTC_DRUG,
        doctor_only=False,
        reason="Relabelled.",
        by=mona(),
        at=now(),
    )


ATTACKS = Attacks(scene)


# A rule's road: one step after the other, each by its own people.


def _set(kind: str, rule: str, assignments: str) -> Callable[[Sql], None]:
    """Change a rule without a word about its status."""

    def act(attacker: Sql) -> None:
        attacker.run(f"UPDATE {TABLES[MACHINES[kind]]} SET {assignments} WHERE id = %({rule})s")

    return act


def _moved(kind: str, rule: str, to: str, assignments: str = "") -> Callable[[Sql], None]:
    """Change a rule's status with its event, and more."""

    def act(attacker: Sql) -> None:
        machine = MACHINES[kind]
        seq = attacker.tell(machine, attacker.facts[rule], to)
        more = f", {assignments}" if assignments else ""
        attacker.run(
            f"UPDATE {TABLES[machine]} SET status = %(to)s, state_seq = %(seq)s{more}"
            f" WHERE id = %({rule})s",
            to=to,
            seq=seq,
        )

    return act


def _attacks_on(kind: str) -> dict[str, tuple[Callable[[Sql], None], str]]:
    def of(name: str) -> str:
        return f"{kind}_{name}"

    return {
        f"a {kind} activated unreviewed": (
            _moved(kind, of("draft"), "active", "activated_by_id = %(chen)s"),
            "event_is_a_legal_transition",
        ),
        f"a {kind} that goes back to an old event": (
            _set(kind, of("superseded"), "status = 'active', state_seq = 3"),
            "rule_goes_along_an_arrow",
        ),
        f"a {kind} that is active without its event": (
            _set(kind, of("reviewed"), "status = 'active', activated_by_id = %(chen)s"),
            f"{MACHINES[kind]}_status_has_its_event",
        ),
        f"another reviewer of a {kind}": (
            _set(kind, of("reviewed"), "reviewed_by_id = %(mona)s"),
            "rule_is_reviewed_once",
        ),
        f"another who activated a {kind}": (
            _set(kind, of("active"), "activated_by_id = %(mona)s"),
            "rule_is_activated_once",
        ),
        f"a {kind} reviewed by a client": (
            _moved(kind, of("draft"), "reviewed", "reviewed_by_id = %(alice)s"),
            "rule_is_decided_by_a_manager_or_physician",
        ),
        f"a {kind} activated by staff": (
            _moved(kind, of("reviewed"), "active", "activated_by_id = %(staff)s"),
            "rule_is_decided_by_a_manager_or_physician",
        ),
        f"a {kind} ended by a client": (
            _set(kind, of("active"), "ended_by_id = %(alice)s, valid_until = end_on"),
            "rule_is_decided_by_a_manager_or_physician",
        ),
        f"a {kind} ended by nobody": (
            _set(kind, of("plain"), "valid_until = current_date + 9"),
            "rule_is_only_ended",
        ),
        f"a {kind} ended in the past": (
            _set(kind, of("active"), "ended_by_id = %(mona)s, valid_until = current_date - 9"),
            "rule_is_only_ended",
        ),
        f"a {kind} that holds on after its end": (
            _set(kind, of("ended"), "valid_until = NULL, ended_by_id = NULL"),
            "rule_is_ended_once",
        ),
        f"a {kind} with another end than was agreed": (
            _set(kind, of("ended"), "end_on = current_date + 30"),
            "rule_is_ended_once",
        ),
        f"a {kind} whose end somebody else proposed": (
            _set(kind, of("ended"), "end_proposed_by_id = %(chen)s"),
            "rule_is_ended_once",
        ),
        f"a {kind} that was superseded comes back": (
            _set(kind, of("superseded"), "valid_until = current_date + 9"),
            "rule_is_only_ended",
        ),
        f"a {kind} superseded by nothing": (
            _moved(kind, of("plain"), "superseded", "valid_until = current_date"),
            "superseded_rule_has_a_successor",
        ),
        f"a {kind} that another speaks beside": (
            _overlapping(kind),
            f"{TABLES[MACHINES[kind]]}_do_not_overlap",
        ),
    }


def _overlapping(kind: str) -> Callable[[Sql], None]:
    """Both reviewed rules of one state become active."""

    def act(attacker: Sql) -> None:
        table = TABLES[MACHINES[kind]]
        two = attacker.connection.execute(
            f"SELECT id FROM {table} WHERE jurisdiction = 'AK' AND status = 'reviewed'"
        ).fetchall()
        assert len(two) == 2
        for (rule,) in two:
            attacker.facts["one"] = rule
            _moved(kind, "one", "active", "activated_by_id = %(mona)s")(attacker)

    return act


for _kind in KINDS:
    ATTACKS.each(_attacks_on(_kind))


def _honestly(kind: str) -> Callable[[Sql], None]:
    def act(attacker: Sql) -> None:
        _moved(kind, f"{kind}_draft", "reviewed", "reviewed_by_id = %(chen)s")(attacker)
        _moved(kind, f"{kind}_draft", "active", "activated_by_id = %(chen)s")(attacker)
        _set(kind, f"{kind}_active", "ended_by_id = %(mona)s, valid_until = end_on")(attacker)

    return act


@ATTACKS.passes()
def _a_class_by_its_own_people(attacker: Sql) -> None:
    _honestly("class")(attacker)


@ATTACKS.passes()
def _a_policy_by_its_own_people(attacker: Sql) -> None:
    _honestly("policy")(attacker)


def _seen_anew(attacker: Sql, kind: str) -> bool:
    """What visitors see is kept with the catalogue's version."""
    read = "SELECT version FROM catalogue_version"
    before = attacker.run(read)["version"]
    _honestly(kind)(attacker)
    return bool(attacker.run(read)["version"] != before)


@ATTACKS.passes()
def _a_scope_by_its_own_people(attacker: Sql) -> None:
    _honestly("scope")(attacker)


@ATTACKS.passes()
def _a_window_by_its_own_people(attacker: Sql) -> None:
    _honestly("window")(attacker)


@ATTACKS.undone("legal_class_rules_are_seen")
def _a_class_under_the_same_version(attacker: Sql) -> bool:
    return _seen_anew(attacker, "class")


@ATTACKS.undone("visibility_rules_are_seen")
def _a_policy_under_the_same_version(attacker: Sql) -> bool:
    return _seen_anew(attacker, "policy")


# What the law of its state decides of a line.


def _in_force(attacker: Sql, rule: str) -> None:
    _moved("class", rule, "active", "activated_by_id = %(mona)s")(attacker)


def _line(attacker: Sql, pack: str, price: str, rule: Any, **lies: Any) -> None:
    """An order of one serum, honest but for the lies, naming a rule."""
    price_of = {"free": "price", "ruled": "ruled_price"}[price]
    attacker.facts |= {
        "variant": attacker.facts[pack],
        "price": attacker.facts[price_of],
        "cents": 2400,
        "state": "CA",
        "quantity": 1,
        "sku": "x",
    }
    naming = bypass_sql.A_LINE.replace("status)", "status, rule_id)").replace(
        "'placed')", "'placed', %(rule)s)"
    )
    plain, bypass_sql.A_LINE = bypass_sql.A_LINE, naming
    try:
        bypass_sql.place(attacker, rule=rule, **lies)
    finally:
        bypass_sql.A_LINE = plain


def _under_its_rule(attacker: Sql, **lies: Any) -> None:
    told = {"fill": {"number": 2}, "rule": attacker.facts["rule"]} | lies
    _line(attacker, "ruled_pack", "ruled", told.pop("rule"), **told)


@ATTACKS.passes()
def _a_line_that_names_the_rule(attacker: Sql) -> None:
    _under_its_rule(attacker)


@ATTACKS.passes()
def _a_line_of_what_no_rule_speaks_of(attacker: Sql) -> None:
    _line(attacker, "pack", "free", None, without_fill=True)


def _when(rule: str, act: Callable[[Sql], None]) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        _in_force(attacker, rule)
        act(attacker)

    return attack


def _begin(attacker: Sql) -> None:
    found = attacker.run("SELECT total_cents FROM orders WHERE id = %(waiting)s")
    attacker.facts |= {"order": attacker.facts["waiting"], "total": found["total_cents"]}
    bypass_sql.pay(attacker)


def _packed(line: str) -> Callable[[Sql], None]:
    return lambda attacker: attacker.move("order_line", attacker.facts[line], "packed")


ATTACKS.each(
    {
        "a line without the prescription its state asks for": (
            lambda a: _under_its_rule(a, fill=None, without_fill=True),
            "line_requires_what_its_state_rules",
        ),
        "a line that names no rule": (
            lambda a: _under_its_rule(a, rule=None),
            "line_names_the_rule_that_decided",
        ),
        "a line that names another rule": (
            lambda a: _under_its_rule(a, rule=a.facts["class_active"]),
            "line_names_the_rule_that_decided",
        ),
        "a line of what is not sold in its state": (
            _when("clinic_for_ruled", lambda a: _under_its_rule(a, rule=None)),
            "line_is_sold_in_its_state",
        ),
        "a payment begun of what its state has ruled since": (
            _when("rx_for_free", _begin),
            "payment_begins_as_the_law_of_the_state_allows",
        ),
        "a payment begun of what its state sells no more": (
            _when("clinic_for_free", _begin),
            "payment_begins_as_the_law_of_the_state_allows",
        ),
        "a line packed that its state has ruled since": (
            _when("rx_for_free", _packed("ready_line")),
            "line_requires_what_its_state_rules",
        ),
        "a line packed that its state sells no more": (
            _when("clinic_for_ruled", _packed("ruled_line")),
            "line_is_sold_in_its_state",
        ),
    }
)


# Releases.


def _released(attacker: Sql, by: str = "chen") -> None:
    attacker.facts["approver"] = attacker.facts[by]
    seq = attacker.tell("release", attacker.facts["release"], "released")
    attacker.run(
        "UPDATE releases SET status = 'released', state_seq = %(seq)s, approved_by_id ="
        " %(approver)s WHERE id = %(release)s",
        seq=seq,
    )


def _weakened(attacker: Sql, product: str = "rx", **given: Any) -> None:
    told = {"legal_class": "otc_drug", "doctor_only": False, "finished": True} | given
    attacker.run(
        "UPDATE products SET legal_class = %(legal_class)s, doctor_only = %(doctor_only)s,"
        f" finished = %(finished)s WHERE id = %({product})s",
        **told,
    )


@ATTACKS.undone("release_moves_on")
def _two_people_make_it_easier_to_sell(attacker: Sql) -> bool:
    """The honest neighbour of the refusals below."""
    _released(attacker)
    _weakened(attacker)
    found = attacker.run("SELECT applied_at FROM releases WHERE id = %(release)s")
    return found["applied_at"] is not None


def _then(*acts: Callable[[Sql], None]) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        for act in acts:
            act(attacker)

    return attack


def _stricter(attacker: Sql) -> None:
    _weakened(attacker, legal_class="rx", doctor_only=True)


ATTACKS.each(
    {
        "easier to sell with a proposal alone": (_weakened, "weaker_class_needs_two_people"),
        "easier than was agreed": (
            _then(_released, lambda a: _weakened(a, legal_class="cosmetic")),
            "weaker_class_needs_two_people",
        ),
        "easier when it was agreed of another product": (
            _then(_released, lambda a: _weakened(a, "done_product", legal_class="cosmetic")),
            "weaker_class_needs_two_people",
        ),
        "easier twice by one agreement": (
            _then(_released, _weakened, _stricter, _weakened),
            "weaker_class_needs_two_people",
        ),
        "easier from something else than was agreed": (
            _then(
                lambda a: _weakened(a, legal_class="rx_unapproved", doctor_only=True),
                _released,
                _weakened,
            ),
            "weaker_class_needs_two_people",
        ),
        "agreed and not applied": (_released, "release_is_applied_when_approved"),
        "agreed by its proposer": (
            lambda a: _released(a, "proposer"),
            "release_is_approved_by_another",
        ),
        "agreed by a client": (
            lambda a: _released(a, "alice"),
            "release_is_approved_by_one_who_may",
        ),
        "agreed to what was dropped": (
            lambda a: a.run(
                "UPDATE releases SET status = 'proposed', state_seq = 1 WHERE id = %(dropped)s"
            ),
            "release_goes_along_an_arrow",
        ),
        "agreed again": (
            lambda a: a.run(
                "UPDATE releases SET status = 'proposed', state_seq = 1, approved_by_id = NULL"
                " WHERE id = %(done)s"
            ),
            "release_goes_along_an_arrow",
        ),
    }
)


@ATTACKS.refused("weaker_class_needs_two_people")
def _easier_by_an_agreement_of_another_transaction(attacker: Sql) -> None:
    """Even one that the owner made look as if it had not been used."""
    as_owner(attacker, "UPDATE releases SET applied_at = NULL WHERE id = %(done)s")
    _weakened(attacker, "done_product", legal_class="rx", doctor_only=True)
    _weakened(attacker, "done_product")
