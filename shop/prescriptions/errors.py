"""What this package refuses, each with its code and the facts that decided."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused, Unavailable, WrongState


class NoPrescription(Refused):
    """A line may not go on: no prescription that covers it stands now."""

    code = "no_prescription"


class NoFillLeft(Refused):
    code = "no_fill_left"


class NotDoctorOnly(Refused):
    """Nobody needs to ask for what anybody may buy."""

    code = "not_doctor_only"


class NotForSale(Refused):
    code = "not_for_sale"


class TooYoung(Refused):
    code = "minor"


class AlreadyAsked(Conflict):
    """The client has an open request for this pack; its number is among the facts."""

    code = "already_asked"


class PlanNotOpen(Refused):
    """Nothing is asked for with this plan: another client's, a draft, or one that has ended."""

    code = "plan_not_open"


class NotInThisPlan(Refused):
    """A request or a prescription that is no part of the plan it was named with."""

    code = "not_in_this_plan"


class AnswersRefused(Refused):
    """Answers that the questionnaire does not take; `fields` says which and why."""

    code = "answers_refused"


class QuestionChanged(Conflict):
    """The question that was answered is not the one that waits."""

    code = "question_changed"


class ConsentMissing(Refused):
    code = "consent_missing"


class ClaimLost(Conflict):
    """The claim ran out, was given back, or is another physician's."""

    code = "claim_lost"


class AlreadyClaimed(Conflict):
    code = "already_claimed"


class AlreadyDecided(WrongState):
    """A request has one decision; who took it and when are among the facts."""

    code = "already_decided"


class NotLicensed(NotAllowed):
    """No licence in force in a state where one is needed."""

    code = "not_licensed"


class SelfPrescription(NotAllowed):
    """Nobody reviews or signs for themselves, or what they asked for themselves."""

    code = "self_prescription"


class StaleSignIn(NotAllowed):
    """A signature needs a sign-in of the last five minutes."""

    code = "stale_sign_in"


class TermsRefused(Refused):
    """Terms that cannot be signed; `fields` says which and why."""

    code = "terms_refused"


class StatementChanged(Conflict):
    """What would be signed is no longer what was shown."""

    code = "statement_changed"


class PriceShownChanged(Conflict):
    """What is accepted costs something else than was shown; the price is among the facts."""

    code = "price_changed"


class LeafletChanged(Conflict):
    """The leaflet that was read is not the one in force; the facts name that one."""

    code = "leaflet_changed"


class AlreadyTakenAway(Conflict):
    """The prescription was taken to another pharmacy before; facts: `taken_at`."""

    code = "already_taken_away"


class NoSigningKey(Unavailable):
    """No key that is valid at this moment has its private half here."""

    code = "no_signing_key"


class KeyRefused(Refused):
    """A signing key that cannot be recorded or retired; `fields` says why."""

    code = "key_refused"


class ExaminationNeeded(TermsRefused):
    """A state asks for an examination that is not on record; the states are among the facts."""

    code = "examination_needed"


class ExaminationVoided(Conflict):
    code = "examination_voided"


class NotSupervised(NotAllowed):
    """An NP or PA prescribes here under a physician, and none is entered; the states are told."""

    code = "not_supervised"


class SupervisionRefused(Refused):
    """A supervision that cannot be entered or ended; `fields` says why."""

    code = "supervision_refused"


class PredecessorHeld(Conflict):
    """A prescription for this pack is on hold: nothing replaces it meanwhile."""

    code = "predecessor_on_hold"


class RenewedTakenBack(WrongState):
    """What would be renewed was revoked or entered in error."""

    code = "renewed_was_taken_back"


class RenewalRefused(Refused):
    """More may not be asked for like this; the facts hold every reason."""

    code = "renewal_refused"


class AlreadyReported(Conflict):
    """A report of an error waits for its second person, or was confirmed."""

    code = "already_reported"


class SecondPersonNeeded(NotAllowed):
    """What two people decide, one has decided alone."""

    code = "second_person_needed"


class NewerPrescription(Conflict):
    """What is to be accepted is older than another prescription for the same pack."""

    code = "newer_prescription"


class NewsNotReviewed(WrongState):
    """Something new is known of the client's health; a physician says first why it goes on."""

    code = "news_not_reviewed"


class HardStopStands(WrongState):
    """What is known of the client's health now is a stop that nobody overrides."""

    code = "hard_stop_stands"


class NotARoutineRenewal(Refused):
    """A request that is not signed with others; the facts hold every reason."""

    code = "not_a_routine_renewal"


class TemplateRefused(Refused):
    """A template for directions that cannot be kept; `fields` says why."""

    code = "template_refused"


class TemplateNameTaken(Conflict):
    """Another template of the same owner has this name."""

    code = "template_name_taken"


class TemplateChanged(Conflict):
    """What was to be changed or ended is no longer the version that was read."""

    code = "template_changed"
