"""What accounts refuse."""

from __future__ import annotations

from shop.core.errors import Conflict, NotSignedIn, Refused


class WrongPassword(NotSignedIn):
    """Also where there is no such account: the answer is the same."""

    code = "wrong_password"


class WrongPasskey(NotSignedIn):
    """Not one of ours, removed, or not for this browser and moment: the answer is the same."""

    code = "wrong_passkey"


class PasskeyRefused(Refused):
    """What a device made cannot be kept as a passkey; `fields` says why."""

    code = "passkey_refused"


class PasskeyKnown(Conflict):
    """This device has a passkey here already."""

    code = "passkey_known"


class BrowserOnly(Refused):
    """A passkey belongs to a person before a browser, never to a program's token."""

    code = "browser_only"


class FreshSignInMissing(Refused):
    """Done only by who showed in the last five minutes that she is who she is."""

    code = "fresh_sign_in_missing"


class BadDetails(Refused):
    """Something about a person cannot be used; `fields` says what."""

    code = "bad_details"


class LinkNotUsable(Refused):
    """Unknown, used, or past its end: the answer is the same."""

    code = "link_not_usable"


class UnknownScope(Refused):
    code = "unknown_scope"


class EmailTaken(Conflict):
    code = "email_taken"


class NpiTaken(Conflict):
    code = "npi_taken"


class LicencesOverlap(Conflict):
    code = "licences_overlap"


class LicenceEnded(Conflict):
    code = "licence_ended"


class NotYourself(Refused):
    code = "not_yourself"


class DutyRefused(Refused):
    """A duty that cannot be given, or not to this person; `fields` says why."""

    code = "duty_refused"


class DutiesOverlap(Conflict):
    code = "duties_overlap"


class DutyEnded(Conflict):
    code = "duty_ended"


class DelegationRefused(Refused):
    """Nobody stands in like this; `fields` says why."""

    code = "delegation_refused"


class DelegationsOverlap(Conflict):
    """Somebody stands in on some of these days already."""

    code = "delegations_overlap"
