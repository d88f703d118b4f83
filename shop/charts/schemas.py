"""Charts on the wire. A body holds one fact, under the name of its kind."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from shop.catalog.concerns import Concern
from shop.charts import facts
from shop.charts.facts import (
    ASKED_FOR_NONE,
    FORMS,
    ConditionCode,
    Fact,
    FactKind,
    NoneKnown,
    Phototype,
    PregnancyStatus,
    Relationship,
    Severity,
)
from shop.charts.models import Ending
from shop.prescriptions.schemas import ClientOut
from shop.web.api import Moment, QueryBoolean, Schema, Text


class AllergyIn(Schema):
    """FHIR AllergyIntolerance: substance, reaction (its manifestation), severity."""

    substance = Text(required=True, shortest=1, longest=facts.LONGEST_NAME)
    reaction = Text(longest=facts.LONGEST_WORDS)
    severity = fields.Enum(Severity, by_value=True)


class ConditionIn(Schema):
    code = fields.Enum(ConditionCode, by_value=True, required=True)
    text = Text(longest=facts.LONGEST_WORDS)


class PregnancyIn(Schema):
    status = fields.Enum(PregnancyStatus, by_value=True, required=True)
    due_on = fields.Date()


class MedicineIn(Schema):
    """Without `last_taken_on` it is taken now."""

    name = Text(required=True, shortest=1, longest=facts.LONGEST_NAME)
    dose = Text(longest=facts.LONGEST_NAME)
    last_taken_on = fields.Date()


class FitzpatrickIn(Schema):
    phototype = fields.Enum(Phototype, by_value=True, required=True)


class ConcernIn(Schema):
    concern = fields.Enum(Concern, by_value=True, required=True)


class GuardianIn(Schema):
    name = Text(required=True, shortest=1, longest=facts.LONGEST_NAME)
    relationship = fields.Enum(Relationship, by_value=True, required=True)
    phone = Text(longest=facts.LONGEST_PHONE)


class FactIn(Schema):
    """Exactly one of these; `none_known` names what she was asked about and knows nothing of."""

    allergy = fields.Nested(AllergyIn)
    condition = fields.Nested(ConditionIn)
    pregnancy = fields.Nested(PregnancyIn)
    medicine = fields.Nested(MedicineIn)
    fitzpatrick = fields.Nested(FitzpatrickIn)
    concern = fields.Nested(ConcernIn)
    guardian = fields.Nested(GuardianIn)
    none_known = fields.Enum(FactKind, by_value=True, validate=validate.OneOf(ASKED_FOR_NONE))

    @validates_schema
    def says_one_thing(self, given: dict[str, Any], **_: Any) -> None:
        """A body without a fact, or with several, is refused."""
        if len(given) != 1:
            raise ValidationError(f"Say one thing: {', '.join(FORMS)} or none_known.")

    @post_load
    def as_fact(self, given: dict[str, Any], **_: Any) -> Fact:
        """The fact that was said."""
        ((kind, said),) = given.items()
        fact: Fact = NoneKnown(said) if kind == "none_known" else FORMS[FactKind(kind)](**said)
        return fact


class EndIn(Schema):
    """`resolved`: it was true; `entered_in_error`: it never was."""

    ending = fields.String(
        load_default=Ending.RESOLVED.value,
        validate=validate.OneOf([Ending.RESOLVED.value, Ending.ENTERED_IN_ERROR.value]),
    )


class ChartQuery(Schema):
    history = QueryBoolean(load_default=False)


class WrittenOut(Schema):
    """That something was written, and nothing of what."""

    id = fields.UUID()
    stated_at = Moment()
    source = fields.String(attribute="source.value")
    ended_at = Moment(allow_none=True)


class SaidOut(Schema):
    """A fact as it was said."""

    id = fields.UUID(attribute="entry_id")
    content = fields.Function(lambda said: facts.written(said.fact))
    stated_at = Moment()
    stated_by = fields.String()
    source = fields.String(attribute="source.value")


class NoneKnownOut(SaidOut):
    """That she was asked about this kind and knows of nothing."""

    class Meta(SaidOut.Meta):
        exclude = ("content",)

    kind = fields.String(attribute="fact.kind.value")


class EntryOut(Schema):
    """An entry of the history, standing or not."""

    id = fields.UUID()
    kind = fields.String(attribute="kind.value")
    content = fields.Dict()
    stated_at = Moment()
    stated_by = fields.String(attribute="stated_by.name")
    source = fields.String(attribute="source.value")
    supersedes = fields.UUID(attribute="supersedes_id", allow_none=True)
    ended_at = Moment(allow_none=True)
    ended_by = fields.Function(lambda entry: entry.ended_by.name if entry.ended_by else None)
    ending = fields.Function(lambda entry: entry.ending.value if entry.ending else None)


class ChartOut(Schema):
    """What is known of a client now; `history` where it was asked for."""

    client = fields.Nested(ClientOut)
    allergies = fields.List(fields.Nested(SaidOut))
    conditions = fields.List(fields.Nested(SaidOut))
    medicines = fields.List(fields.Nested(SaidOut))
    concerns = fields.List(fields.Nested(SaidOut))
    guardians = fields.List(fields.Nested(SaidOut))
    pregnancy = fields.Nested(SaidOut, allow_none=True)
    fitzpatrick = fields.Nested(SaidOut, allow_none=True)
    none_known = fields.List(fields.Nested(NoneKnownOut))
    lacks_guardian = fields.Boolean()
    history = fields.List(fields.Nested(EntryOut), allow_none=True)
