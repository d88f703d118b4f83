"""Examinations, referrals to a visit, supervision of NPs and PAs, and the states' rules for them.

The rules are the rows of `practice_rules_2026-1.json`, a file that is never edited; a later version
of them comes with a migration of its own, which ends the rows it takes the place of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

RULES = Path(__file__).parents[2] / "shop/prescriptions/practice/data/practice_rules_2026-1.json"

LAW = """
-- What a state asks of an examination, and of a licence of this kind, on a day: its own row before
-- that of the whole country. `shop/prescriptions/practice/rules.py` says the same.
CREATE FUNCTION examination_rule_in(in_state text, on_day date) RETURNS examination_rules
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM examination_rules
    WHERE jurisdiction IN (in_state, 'US') AND valid_from <= on_day
      AND (valid_until IS NULL OR on_day < valid_until)
    ORDER BY jurisdiction = 'US' LIMIT 1;
$$;

CREATE FUNCTION supervision_needed(kind text, in_state text, on_day date) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT needed FROM supervision_rules
        WHERE licence_kind = kind AND jurisdiction IN (in_state, 'US') AND valid_from <= on_day
          AND (valid_until IS NULL OR on_day < valid_until)
        ORDER BY jurisdiction = 'US' LIMIT 1), kind NOT IN ('MD', 'DO'));
$$;

-- The families of actives that a request asks about: "general-2026-2+retinoid-2026-1".
CREATE FUNCTION families_asked(questionnaire text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(split_part(part, '-', 1))
                    FILTER (WHERE split_part(part, '-', 1) <> 'general'), '{}')
    FROM unnest(string_to_array(questionnaire, '+')) AS part;
$$;

-- Whether an examination of this client counts for what is asked, by the law of this state.
CREATE FUNCTION examination_suffices(examination uuid, request uuid, in_state text, on_day date)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM examinations AS seen
        JOIN approval_requests AS asked ON asked.client_id = seen.client_id
        JOIN examination_rule_in(in_state, on_day) AS rule ON seen.mode = ANY (rule.modes)
        WHERE seen.id = examination AND asked.id = request AND seen.voided_at IS NULL
          AND seen.examined_on <= on_day AND on_day < seen.valid_until
          AND on_day < seen.examined_on + rule.lasts_days
          AND families_asked(asked.questionnaire_version) <@ seen.scope);
$$;
"""

EXAMINATIONS = """
CREATE FUNCTION examination_recorded() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    client people%ROWTYPE;
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
    wrong text;
BEGIN
    SELECT * INTO client FROM people WHERE id = NEW.client_id;
    NEW.recorded_at := shop_now();
    NEW.voided_at := NULL;
    IF client.role <> 'client' THEN
        wrong := 'examination_is_of_a_client';
    ELSIF NEW.state <> client.state THEN
        wrong := 'examination_is_where_the_client_lives';
    ELSIF NEW.examined_on > today THEN
        wrong := 'examined_today_or_before';
    ELSIF NOT prescriber_licensed(NEW.examiner_id, NEW.state, NEW.examined_on) THEN
        wrong := 'examiner_was_licensed';
    ELSIF NEW.valid_until > NEW.examined_on
          + (examination_rule_in(NEW.state, today)).lasts_days THEN
        wrong := 'examination_lasts_as_its_state_says';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'examination %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER examination_recorded BEFORE INSERT ON examinations
    FOR EACH ROW EXECUTE FUNCTION examination_recorded();

CREATE FUNCTION examination_voided() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    IF (NEW.id, NEW.client_id, NEW.examiner_id, NEW.examiner_name, NEW.state, NEW.mode,
        NEW.examined_on, NEW.scope, NEW.valid_until, NEW.findings_sealed, NEW.recorded_at)
       IS DISTINCT FROM
       (OLD.id, OLD.client_id, OLD.examiner_id, OLD.examiner_name, OLD.state, OLD.mode,
        OLD.examined_on, OLD.scope, OLD.valid_until, OLD.findings_sealed, OLD.recorded_at)
    THEN
        wrong := 'examination_keeps_what_was_found';
    ELSIF OLD.voided_at IS NOT NULL THEN
        wrong := 'examination_is_voided_once';
    ELSIF NEW.voided_by_id = NEW.client_id OR NOT EXISTS (
        SELECT FROM people WHERE id = NEW.voided_by_id AND role = 'physician') THEN
        wrong := 'examination_is_voided_by_a_physician';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'examination %: %', OLD.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.voided_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER examination_voided BEFORE UPDATE ON examinations
    FOR EACH ROW EXECUTE FUNCTION examination_voided();

-- Who was not examined as the states ask does not wait for a physician: an examination from her
-- answers will do where both states say so; who was referred by a physician was seen since.
CREATE FUNCTION request_is_queued_once_examined() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
    told timestamptz := (SELECT max(referred_at) FROM referrals WHERE request_id = NEW.id);
    in_state text;
BEGIN
    FOR in_state IN SELECT NEW.ship_to_state
                    UNION SELECT state FROM people WHERE id = NEW.client_id LOOP
        CONTINUE WHEN told IS NULL
            AND 'asynchronous' = ANY ((examination_rule_in(in_state, today)).modes);
        CONTINUE WHEN EXISTS (
            SELECT FROM examinations WHERE client_id = NEW.client_id
              AND examination_suffices(id, NEW.id, in_state, today)
              AND (told IS NULL OR (mode <> 'asynchronous' AND recorded_at > told)));
        RAISE EXCEPTION 'approval request %: no examination as % asks', NEW.number, in_state
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER request_is_queued_once_examined BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (NEW.status = 'queued' AND OLD.status IN ('draft', 'referred'))
    EXECUTE FUNCTION request_is_queued_once_examined();
"""

REFERRALS = """
CREATE FUNCTION referral_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT holds_the_claim(NEW.request_id, NEW.referred_by_id) THEN
        RAISE EXCEPTION 'only who holds the request in review refers it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'referred_under_a_claim',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.claim := (SELECT claim_count FROM approval_requests WHERE id = NEW.request_id);
    NEW.referred_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER referral_guard BEFORE INSERT ON referrals
    FOR EACH ROW EXECUTE FUNCTION referral_guard();

-- At commit: who was in review and is referred has the physician's words, and nobody else has.
CREATE FUNCTION referral_agrees() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approval_requests AS asked
        JOIN referrals ON referrals.request_id = asked.id AND referrals.claim = asked.claim_count
        WHERE asked.id = coalesce(to_jsonb(NEW) ->> 'request_id', to_jsonb(NEW) ->> 'id')::uuid
          AND asked.status <> 'in_review') THEN
        RAISE EXCEPTION 'a request is referred with words, and words refer it'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_is_referred_with_words AFTER UPDATE ON approval_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status = 'in_review' AND NEW.status = 'referred')
    EXECUTE FUNCTION referral_agrees();
CREATE CONSTRAINT TRIGGER referral_refers_its_request AFTER INSERT ON referrals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION referral_agrees();
"""

SUPERVISIONS = """
CREATE FUNCTION supervision_entered() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    IF NOT EXISTS (SELECT FROM people WHERE id = NEW.entered_by_id AND role = 'manager') THEN
        wrong := 'supervision_is_entered_by_a_manager';
    ELSIF 2 <> (SELECT count(*) FROM people
                WHERE id IN (NEW.prescriber_id, NEW.supervisor_id) AND role = 'physician') THEN
        wrong := 'supervision_is_between_prescribers';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'supervision %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.entered_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER supervision_entered BEFORE INSERT ON supervisions
    FOR EACH ROW EXECUTE FUNCTION supervision_entered();

CREATE FUNCTION supervision_ended() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    IF (NEW.id, NEW.prescriber_id, NEW.supervisor_id, NEW.state, NEW.valid_from, NEW.valid_until,
        NEW.entered_by_id, NEW.entered_at)
       IS DISTINCT FROM
       (OLD.id, OLD.prescriber_id, OLD.supervisor_id, OLD.state, OLD.valid_from, OLD.valid_until,
        OLD.entered_by_id, OLD.entered_at)
    THEN
        wrong := 'supervision_keeps_its_terms';
    ELSIF OLD.ended_on IS NOT NULL THEN
        wrong := 'supervision_is_ended_once';
    ELSIF NOT EXISTS (SELECT FROM people WHERE id = NEW.ended_by_id AND role = 'manager') THEN
        wrong := 'supervision_is_ended_by_a_manager';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'supervision %: %', OLD.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER supervision_ended BEFORE UPDATE ON supervisions
    FOR EACH ROW EXECUTE FUNCTION supervision_ended();
"""

SIGNATURES = """
-- What is signed names the examination it rests on, which counts at that moment. Locks it: it is
-- not voided before this transaction ends. Fires after `prescription_signed`, by its name.
CREATE FUNCTION prescription_under_the_law() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    seen examinations%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO seen FROM examinations WHERE id = NEW.examination_id FOR SHARE;
    IF NEW.examination_id IS NULL THEN
        wrong := 'prescription_names_an_examination';
    ELSIF seen.voided_at IS NOT NULL THEN
        wrong := 'examination_is_not_voided';
    ELSIF NEW.signed_on >= seen.valid_until THEN
        wrong := 'examination_is_in_force';
    ELSIF NOT (SELECT families_asked(questionnaire_version) <@ seen.scope
               FROM approval_requests WHERE id = NEW.request_id) THEN
        wrong := 'examination_covers_what_is_prescribed';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', NEW.number, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_under_the_law BEFORE INSERT ON prescriptions
    FOR EACH ROW EXECUTE FUNCTION prescription_under_the_law();

-- Each state was asked: its rule, the examination that meets it, and who stands behind an NP or PA.
-- Fires after `state_signed`, by its name.
CREATE FUNCTION state_under_the_law() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    signed prescriptions%ROWTYPE;
    rule examination_rules%ROWTYPE;
    seen examinations%ROWTYPE;
    under supervisions%ROWTYPE;
    kind text;
    wrong text;
BEGIN
    SELECT * INTO signed FROM prescriptions WHERE id = NEW.prescription_id;
    SELECT * INTO rule FROM examination_rule_in(NEW.state, signed.signed_on);
    SELECT * INTO seen FROM examinations WHERE id = NEW.examination_id FOR SHARE;
    SELECT * INTO under FROM supervisions WHERE id = NEW.supervision_id FOR SHARE;
    SELECT licences.kind INTO kind FROM licences WHERE id = NEW.licence_id;
    IF (NEW.examination_rule, NEW.examination_rule_version) IS DISTINCT FROM
       (rule.number, rule.version) THEN
        wrong := 'state_names_the_rule_that_decided';
    ELSIF NOT examination_suffices(seen.id, signed.request_id, NEW.state, signed.signed_on) THEN
        wrong := 'examined_as_the_state_asks';
    ELSIF rule.ends_with_it AND signed.valid_until AT TIME ZONE 'UTC'
          > least(seen.valid_until, seen.examined_on + rule.lasts_days) THEN
        wrong := 'prescription_ends_with_its_examination';
    ELSIF NEW.supervision_id IS NULL AND supervision_needed(kind, NEW.state, signed.signed_on) THEN
        wrong := 'supervised_where_the_state_asks';
    ELSIF NOT (under.valid_from <= signed.signed_on AND signed.signed_on < under.valid_until
               AND (under.ended_on IS NULL OR signed.signed_on < under.ended_on)) THEN
        wrong := 'supervision_is_in_force';
    ELSIF NEW.supervision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM licences JOIN people ON people.id = licences.person_id
        WHERE licences.id = NEW.supervisor_licence_id AND person_id = NEW.supervisor_id
          AND licences.kind IN ('MD', 'DO') AND licences.state = NEW.state
          AND valid_from <= signed.signed_on AND signed.signed_on < valid_until
          AND (ended_on IS NULL OR signed.signed_on < ended_on) AND disabled_at IS NULL) THEN
        wrong := 'supervisor_is_licensed';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: % in %', signed.number, wrong, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER state_under_the_law BEFORE INSERT ON prescription_states
    FOR EACH ROW EXECUTE FUNCTION state_under_the_law();
"""

KEPT = """
CREATE TRIGGER examinations_are_kept BEFORE DELETE OR TRUNCATE ON examinations
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER referrals_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON referrals
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER supervisions_are_kept BEFORE DELETE OR TRUNCATE ON supervisions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER examination_rules_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON examination_rules
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER supervision_rules_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON supervision_rules
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

GRANT SELECT ON examinations, referrals, supervisions, examination_rules, supervision_rules
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id, examiner_id, examiner_name, state, mode, examined_on, scope,
              valid_until, findings_sealed),
    UPDATE (voided_by_id, void_reason_sealed) ON examinations TO aftercare_app;
GRANT INSERT (id, request_id, client_id, referred_by_id, reason, message_sealed, note_sealed)
    ON referrals TO aftercare_app;
GRANT INSERT (id, prescriber_id, supervisor_id, state, valid_from, valid_until, entered_by_id),
    UPDATE (ended_on, ended_by_id) ON supervisions TO aftercare_app;
GRANT INSERT (examination_id, examiner_id, examiner_name, examination_scope, examination_until)
    ON prescriptions TO aftercare_app;
GRANT INSERT (examination_rule, examination_rule_version, examination_id, supervision_id,
              supervisor_id, supervisor_name, supervisor_licence_id, supervisor_licence_number)
    ON prescription_states TO aftercare_app;
"""


def _is_sealed(column: str) -> str:
    return f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97"


def _moment(name: str, *, nullable: bool) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    rules = _rules()
    _examinations()
    _referrals()
    _supervisions()
    _signed()
    for statements in (LAW, EXAMINATIONS, REFERRALS, SUPERVISIONS, SIGNATURES):
        op.execute(statements)
    raw = json.loads(RULES.read_text(encoding="utf-8"))
    for table, rows in zip(rules, (raw["examinations"], raw["supervision"]), strict=True):
        found = f"json_populate_recordset(NULL::{table}, cast(:rows AS json))"
        statement = sa.text(f"INSERT INTO {table} SELECT * FROM {found}")
        op.execute(statement.bindparams(rows=json.dumps(rows)))
    op.execute(KEPT)


def _rules() -> tuple[str, str]:
    _table_of_rules(
        "examination_rules",
        sa.Column("modes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("lasts_days", sa.Integer(), nullable=False),
        sa.Column("ends_with_it", sa.Boolean(), nullable=False),
    )
    _table_of_rules(
        "supervision_rules",
        sa.Column("licence_kind", sa.Text(), nullable=False),
        sa.Column("needed", sa.Boolean(), nullable=False),
    )
    for table, key in (("examination_rules", ""), ("supervision_rules", "licence_kind WITH =, ")):
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_do_not_overlap EXCLUDE USING gist"
            f" (jurisdiction WITH =, {key}daterange(valid_from, valid_until) WITH &&)"
        )
    return "examination_rules", "supervision_rules"


def _table_of_rules(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        *columns,
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "version", name=op.f(f"{table}_pkey")),
    )


def _examinations() -> None:
    op.create_table(
        "examinations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("examiner_id", sa.Uuid(), nullable=False),
        sa.Column("examiner_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("examined_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("findings_sealed", sa.LargeBinary(), nullable=True),
        _moment("recorded_at", nullable=False),
        _moment("voided_at", nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("void_reason_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "mode IN ('in_person', 'video', 'asynchronous')",
            name=op.f("mode_of_examination_is_known"),
        ),
        sa.CheckConstraint("examiner_id <> client_id", name=op.f("nobody_examines_themselves")),
        sa.CheckConstraint(
            "examined_on < valid_until", name=op.f("examination_counts_from_its_day")
        ),
        sa.CheckConstraint(
            "cardinality(scope) > 0 AND scope <@"
            " ARRAY['retinoid', 'hydroquinone', 'antibiotic', 'steroid', 'other']",
            name=op.f("examination_covers_known_families"),
        ),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_id IS NULL)"
            " AND (voided_at IS NULL) = (void_reason_sealed IS NULL)",
            name=op.f("examination_voided_by_someone"),
        ),
        sa.CheckConstraint(_is_sealed("findings_sealed"), name=op.f("findings_are_sealed")),
        sa.CheckConstraint(_is_sealed("void_reason_sealed"), name=op.f("void_reason_is_sealed")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("examinations_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["examiner_id"], ["people.id"], name=op.f("examinations_examiner_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["voided_by_id"], ["people.id"], name=op.f("examinations_voided_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("examinations_pkey")),
        sa.UniqueConstraint(
            "id",
            "client_id",
            "examiner_id",
            "mode",
            "examined_on",
            "valid_until",
            "scope",
            name="examinations_terms_key",
        ),
    )
    op.create_index("examinations_client_idx", "examinations", ["client_id", "examined_on"])


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("referred_by_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        _moment("referred_at", nullable=False),
        sa.CheckConstraint("referred_by_id <> client_id", name=op.f("nobody_refers_themselves")),
        sa.CheckConstraint(
            "reason IN ('exam_required', 'insufficient_information', 'identity_unverified')",
            name=op.f("referral_reason_is_known"),
        ),
        sa.CheckConstraint(_is_sealed("message_sealed"), name=op.f("referral_message_is_sealed")),
        sa.CheckConstraint(_is_sealed("note_sealed"), name=op.f("referral_note_is_sealed")),
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="referral_is_of_its_request",
        ),
        sa.ForeignKeyConstraint(
            ["referred_by_id"], ["people.id"], name=op.f("referrals_referred_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("referrals_pkey")),
        sa.UniqueConstraint("request_id", "claim", name="referrals_one_per_claim"),
    )


def _supervisions() -> None:
    op.create_table(
        "supervisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescriber_id", sa.Uuid(), nullable=False),
        sa.Column("supervisor_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("entered_by_id", sa.Uuid(), nullable=False),
        _moment("entered_at", nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "supervisor_id <> prescriber_id", name=op.f("nobody_supervises_themselves")
        ),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("supervision_range_is_forward")),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("supervision_state_is_a_usps_code")),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name=op.f("supervision_ended_by_someone")
        ),
        *(
            sa.ForeignKeyConstraint([name], ["people.id"], name=op.f(f"supervisions_{name}_fkey"))
            for name in ("prescriber_id", "supervisor_id", "entered_by_id", "ended_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("supervisions_pkey")),
        sa.UniqueConstraint(
            "id", "prescriber_id", "supervisor_id", "state", name="supervisions_terms_key"
        ),
    )
    op.execute(
        "ALTER TABLE supervisions ADD CONSTRAINT supervisions_do_not_overlap EXCLUDE USING gist"
        " (prescriber_id WITH =, supervisor_id WITH =, state WITH =,"
        " daterange(valid_from, valid_until) WITH &&) WHERE (ended_on IS NULL)"
    )


SIGNED = {
    "examination_id": sa.Uuid(),
    "examiner_id": sa.Uuid(),
    "examiner_name": sa.Text(),
    "examination_scope": sa.ARRAY(sa.Text()),
    "examination_until": sa.Date(),
}
COVERED = {
    "examination_rule": sa.Text(),
    "examination_rule_version": sa.Integer(),
    "examination_id": sa.Uuid(),
    "supervision_id": sa.Uuid(),
    "supervisor_id": sa.Uuid(),
    "supervisor_name": sa.Text(),
    "supervisor_licence_id": sa.Uuid(),
    "supervisor_licence_number": sa.Text(),
}


def _signed() -> None:
    """What was signed before has none of it; the triggers ask it of what is signed from now on."""
    for table, columns in (("prescriptions", SIGNED), ("prescription_states", COVERED)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        op.f("examination_is_named_whole"),
        "prescriptions",
        "(examination_id IS NULL) = (examiner_id IS NULL)"
        " AND (examination_id IS NULL) = (examiner_name IS NULL)"
        " AND (examination_id IS NULL) = (examination_scope IS NULL)"
        " AND (examination_id IS NULL) = (examination_until IS NULL)",
    )
    op.create_check_constraint(
        op.f("supervisor_is_named_whole"),
        "prescription_states",
        "(supervision_id IS NULL) = (supervisor_id IS NULL)"
        " AND (supervision_id IS NULL) = (supervisor_name IS NULL)"
        " AND (supervision_id IS NULL) = (supervisor_licence_id IS NULL)"
        " AND (supervision_id IS NULL) = (supervisor_licence_number IS NULL)",
    )
    for name, table, columns, referred, keys in (
        (
            "prescription_says_its_examination",
            "prescriptions",
            (
                "examination_id client_id examiner_id examination_mode examined_on"
                " examination_until examination_scope"
            ),
            "examinations",
            "id client_id examiner_id mode examined_on valid_until scope",
        ),
        (
            "state_names_its_rule_of_examination",
            "prescription_states",
            "examination_rule examination_rule_version",
            "examination_rules",
            "number version",
        ),
        (
            "state_rests_on_an_examination",
            "prescription_states",
            "examination_id",
            "examinations",
            "id",
        ),
        (
            "state_is_under_this_supervision",
            "prescription_states",
            "supervision_id prescriber_id supervisor_id state",
            "supervisions",
            "id prescriber_id supervisor_id state",
        ),
        (
            "supervisor_has_this_licence",
            "prescription_states",
            "supervisor_licence_id supervisor_licence_number",
            "licences",
            "id number",
        ),
    ):
        op.create_foreign_key(name, table, referred, columns.split(), keys.split())


def downgrade() -> None:
    op.execute("DROP TRIGGER state_under_the_law ON prescription_states")
    op.execute("DROP TRIGGER prescription_under_the_law ON prescriptions")
    op.execute("DROP TRIGGER request_is_referred_with_words ON approval_requests")
    op.execute("DROP TRIGGER request_is_queued_once_examined ON approval_requests")
    for table, columns in (("prescription_states", COVERED), ("prescriptions", SIGNED)):
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name} CASCADE")
    for table in ("supervisions", "referrals", "examinations"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION state_under_the_law, prescription_under_the_law, supervision_ended,"
        " supervision_entered, referral_agrees, referral_guard, request_is_queued_once_examined,"
        " examination_voided, examination_recorded, examination_suffices, families_asked,"
        " supervision_needed, examination_rule_in"
    )
    op.drop_table("supervision_rules")
    op.drop_table("examination_rules")
