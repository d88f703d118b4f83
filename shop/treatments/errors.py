"""What plans and sessions refuse."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused, WrongState


class PlanRefused(Refused):
    """Something of what was given cannot be planned; `fields` say which and why."""

    code = "plan_refused"


class AlreadyPlanned(Conflict):
    """The client has an open plan by this template; its number is among the facts."""

    code = "already_planned"


class OutsideScope(NotAllowed):
    """Not by this licence in this state; the facts name procedure, verdict and reason."""

    code = "outside_scope"


class NotLicensedHere(NotAllowed):
    """No licence in force in the state of the plan."""

    code = "not_licensed"


class OwnPlan(NotAllowed):
    """Nobody plans for, or starts a plan of, themselves."""

    code = "own_plan"


class StaleSignIn(NotAllowed):
    """A plan is started after a sign-in of the last five minutes."""

    code = "stale_sign_in"


class PlanChanged(Conflict):
    """The plan is no longer what was read: another version was written meanwhile."""

    code = "plan_changed"


class PlanNotRunning(WrongState):
    """The plan is not in a state in which this can be done to a session."""

    code = "plan_not_running"


class SessionsAhead(Conflict):
    """A plan is complete once nothing of it is ahead, and something was performed."""

    code = "sessions_ahead"


class SlotTaken(Conflict):
    """The client or who performs has another session at that time."""

    code = "slot_taken"


class ReportWaits(Conflict):
    """A report out of course waits for a physician: nothing is booked until she has answered."""

    code = "report_waits"


class TooEarly(Refused):
    """It has not happened yet."""

    code = "too_early"


class WaiverRefused(Refused):
    """Something of what was to be waived cannot be; `fields` say which and why."""

    code = "waiver_refused"


class ReportRefused(Refused):
    """Something of what was reported or answered cannot be used; `fields` say which and why."""

    code = "report_refused"


class TooManyReports(Conflict):
    """A session takes so many reports and no more."""

    code = "too_many_reports"
