"""Questionnaires as data: what ships is pinned and sound, and what is broken is refused."""

from __future__ import annotations

import copy
import hashlib
from itertools import combinations
from typing import Any

import pytest

from shop.prescriptions import expiring
from shop.prescriptions.intake import composing, forms
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.intake.forms import BrokenQuestionnaire
from shop.prescriptions.states import RequestStatus

# A file that was used once is never edited: a change is a new file, and a new line here.
PINNED = {
    "antibiotic-2026-1.json": "37d7735681bc3c771006eb4f10e8502466b90d733abbadabef97f67a0595fb05",
    "general-2026-1.json": "37ad162f05a510fb13273a99d1d4b789c339f465d2a4ff63e1dc12e3895225e9",
    "general-2026-2.json": "390269e94653e7dab49d0879d9147d1f0b98477f8043ce3828909f0136fb7e7e",
    "hydroquinone-2026-1.json": "66258da368896598af0bd0ef104e70590e9f01fea0d046ae2895757a3ae17e45",
    "other-2026-1.json": "08658ae047a7fd6d0e3b341a0cb04ab820a52241d139427158a2fd4e720c7c28",
    "retinoid-2026-1.json": "fe0ebdb0150e3334b7198e3a8fee481e0d612ae675f425e7435b518aef1d4127",
    "steroid-2026-1.json": "0f155839e202f51ed87120dae1119f456c22d5b0c125995d142ffd7eea2ea130",
}


def test_the_files_that_shipped_are_what_they_were() -> None:
    shipped = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in forms.FOLDER.glob("*.json")
    }
    assert shipped == PINNED


def test_every_part_and_every_product_can_be_asked() -> None:
    for version in forms.shipped():
        assert forms.part(version).version == version
    for count in range(1, len(Family) + 1):
        for families in combinations(Family, count):
            form = forms.questionnaire(composing.version_of(families))
            ids = [question.id for question in form.questions]
            assert len(ids) == len(set(ids))
            assert [one["id"] for one in form.raw["questions"]] == ids
            for question in form.questions:
                assert set(question.parents) <= set(ids[: ids.index(question.id)])


def test_each_question_is_asked_once_in_the_order_of_the_families() -> None:
    form = forms.questionnaire(composing.version_of({Family.HYDROQUINONE, Family.RETINOID}))

    assert form.version == "general-2026-2+retinoid-2026-1+hydroquinone-2026-1"
    ids = [question.id for question in form.questions]
    assert ids[0] == "pregnancy"
    assert ids.count("much_sun") == ids.count("skin_today") == 1
    assert ids.index("contraception") < ids.index("much_sun") < ids.index("asthma")


def test_no_answer_of_a_draft_goes_stale_before_the_draft_ends() -> None:
    shortest = expiring.LASTS[RequestStatus.DRAFT].days
    for version in forms.shipped():
        for question in forms.part(version).questions:
            days = question.stale_after_days
            assert days in (None, 0) or days >= shortest, (version, question.id)


def test_how_long_answers_are_kept() -> None:
    general = forms.questionnaire("general-2026-2").by_id

    kept = {
        name: general[name].stale_after_days
        for name in (
            "pregnancy", "medicines", "skin_conditions", "allergies", "isotretinoin_ended", "goal",
        )
    }  # fmt: skip
    assert kept == {
        "pregnancy": 30,
        "medicines": 90,
        "skin_conditions": 180,
        "allergies": 365,
        "isotretinoin_ended": None,
        "goal": 0,
    }


def test_what_screening_needs_has_its_key() -> None:
    """The rules ask for these: pregnancy, sulfites, fish, isotretinoin, courses, skin type."""
    everything = forms.questionnaire(composing.version_of(set(Family)))
    facts = {question.fact for question in everything.questions}
    assert facts - {None} == forms.FACTS
    assert everything.by_id["sunburns"].fact == "fitzpatrick"
    allergens = dict(everything.by_id["allergens"].options)
    assert {"sulfites", "fish"} <= set(allergens)


def test_the_general_part_of_before_asks_the_same_in_the_same_words() -> None:
    """So that what was answered to it need not be said again."""
    before, after = (
        forms.questionnaire(version).by_id for version in ("general-2026-1", "general-2026-2")
    )
    assert {name: one.meaning for name, one in before.items()} == {
        name: after[name].meaning for name in before
    }


@pytest.mark.parametrize("version", ["", "general-2027-9", "../errors", "general-2026-2+"])
def test_what_never_shipped_is_not_found(version: str) -> None:
    with pytest.raises(KeyError):
        forms.questionnaire(version)


@pytest.mark.parametrize(
    "version",
    [
        "general-2026-1+retinoid-2026-1",
        "retinoid-2026-1",
        "retinoid-2026-1+general-2026-2",
        "general-2026-2+general-2026-1",
    ],
)
def test_parts_that_do_not_belong_together_are_refused(version: str) -> None:
    with pytest.raises(BrokenQuestionnaire, match="do not belong together"):
        forms.questionnaire(version)


GOOD: dict[str, Any] = {
    "version": "test-2026-1",
    "title": "A test",
    "questions": [
        {"id": "sure", "type": "boolean", "required": True, "text": "Sure?"},
        {
            "id": "which",
            "type": "choices",
            "required": True,
            "text": "Which?",
            "options": [{"value": "one", "text": "One"}, {"value": "two", "text": "Two"}],
            "stale_after_days": 30,
            "show_if": {"question": "sure", "equals": True},
        },
        {
            "id": "when",
            "type": "date",
            "required": False,
            "text": "When?",
            "earliest_days": -10,
            "latest_days": 0,
            "fact": "course",
            "show_if": {
                "any": [
                    {"question": "which", "not_in": ["two"]},
                    {"all": [{"question": "sure", "present": True}]},
                ]
            },
        },
    ],
}


def changed(place: int, **given: Any) -> dict[str, Any]:
    """The good file with a question changed; None takes a key away."""
    raw = copy.deepcopy(GOOD)
    question = raw["questions"][place] | given
    raw["questions"][place] = {name: one for name, one in question.items() if one is not None}
    return raw


def shown_if(**condition: Any) -> dict[str, Any]:
    return changed(1, show_if=condition)


ONE_OPTION = [{"value": "one", "text": "One"}]
BROKEN: dict[str, tuple[Any, str]] = {
    "no object": ([], "no object"),
    "no title": ({"version": "test-2026-1", "questions": [{}]}, r"lacks \['title'\]"),
    "a word nobody knows": (GOOD | {"colour": "red"}, r"\['colour'\] means nothing"),
    "another version": (GOOD | {"version": "test-2026-2"}, "says that it is"),
    "no questions": (GOOD | {"questions": []}, "asks nothing"),
    "a question that is none": (GOOD | {"questions": ["why"]}, "type None is none of"),
    "an unknown type": (changed(0, type="colour"), "type 'colour' is none of"),
    "a type that is a list": (changed(0, type=[]), r"type \[\] is none of"),
    "no text": (changed(0, text=" "), "needs words"),
    "a text left out": (changed(0, text=None), r"lacks \['text'\]"),
    "help that is no text": (changed(0, help=7), "needs words"),
    "required by a word": (changed(0, required="yes"), "true or false"),
    "an id with a space": (changed(0, id="are you"), "no new name"),
    "an id twice": (changed(1, id="sure"), "no new name"),
    "a fact nobody knows": (changed(0, fact="horoscope"), "none of"),
    "a fact that is a list": (changed(0, fact=["course"]), "none of"),
    "no options": (changed(1, options=None), "two options or more"),
    "one option": (changed(1, options=ONE_OPTION), "two options or more"),
    "an option twice": (changed(1, options=ONE_OPTION * 2), "two options or more"),
    "an option without words": (changed(1, options=[{"value": "one"}]), "lacks"),
    "options where none are chosen": (changed(0, options=ONE_OPTION), "means nothing"),
    "a bound of another type": (changed(0, least=1), "means nothing"),
    "a bound that is no number": (changed(2, latest_days="today"), "cannot be 'today'"),
    "a bound that is true": (changed(2, latest_days=True), "cannot be True"),
    "bounds the wrong way round": (changed(2, earliest_days=1), "nothing lies"),
    "text longer than any": (
        changed(0, type="text", longest=2_001),
        "cannot be 2001",
    ),
    "stale after no time": (changed(1, stale_after_days=-1), "number of days"),
    "stale some time": (changed(1, stale_after_days="later"), "number of days"),
    "kept though it may be left out": (changed(2, stale_after_days=30), "required question"),
    "looks at nobody": (shown_if(question="nobody", equals=True), "not asked before"),
    "looks at itself": (shown_if(question="which", equals="one"), "not asked before"),
    "looks at a later question": (shown_if(question="when", present=True), "not asked before"),
    "looks at an option nobody has": (
        changed(2, show_if={"question": "which", "in": ["three"]}),
        "never answered 'three'",
    ),
    "looks for 1 where true is said": (shown_if(question="sure", equals=1), "never answered 1"),
    "two tests at once": (
        shown_if(question="sure", equals=True, present=True),
        "one of",
    ),
    "a test nobody knows": (shown_if(question="sure", like=True), "one of"),
    "absent": (shown_if(question="sure", present=False), "or left out"),
    "in what is no list": (changed(2, show_if={"question": "which", "in": "one"}), "needs a list"),
    "all of nothing": (shown_if(all=[]), "needs a list of conditions"),
    "any of what is none": (shown_if(any=["sure"]), "one of"),
    "all and any": (shown_if(all=[], any=[]), "one of"),
    "a condition that is a list": (changed(1, show_if=[]), "one of"),
}


def test_a_sound_file_is_read() -> None:
    part = forms.parse(GOOD, version="test-2026-1")

    assert [question.id for question in part.questions] == ["sure", "which", "when"]
    assert part.questions[2].parents == ("which", "sure")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(case: str) -> None:
    raw, why = BROKEN[case]
    with pytest.raises(BrokenQuestionnaire, match=why):
        forms.parse(raw, version="test-2026-1")


def test_two_questions_cannot_wait_for_each_other() -> None:
    raw = changed(0, show_if={"question": "which", "equals": "one"})
    with pytest.raises(BrokenQuestionnaire, match=r"'sure'.*'which', which is not asked before"):
        forms.parse(raw, version="test-2026-1")
