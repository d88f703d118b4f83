"""Every CHECK of every table, broken by the owner past all triggers: nothing but it is left to refuse.

Table → CHECK → what breaks it, one assignment for each side that it has.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.attack import OWNER, Attack, Effect
from tests.attacks.generated import past_triggers

LONG = "repeat('x', 256)"
NO_HASH = "'plain'"
UNSEALED = "convert_to(repeat('a', 97), 'UTF8')"
NOT_SEALED = ["'Ill'", "'\\x01'", UNSEALED]
NO_STATE = ["{} = 'Calif'", "{} = 'ca'", "{} = ''"]

SEALED_CHECKS = [
    "checks_sealed = 'Hives'",
    "checks_sealed = '\\x01'",
    "checks_sealed = convert_to(repeat('a', 97), 'UTF8')",
]
SOMEBODY = "(SELECT id FROM people p WHERE p.id <> authored_by_id LIMIT 1)"
RULE = {  # what every kind of rule has
    "ended_rule_ends_as_proposed": [
        "valid_until = NULL WHERE ended_by_id IS NOT NULL",
        "valid_until = end_on + 1 WHERE ended_by_id IS NOT NULL",
        "end_on = NULL, end_proposed_by_id = NULL WHERE ended_by_id IS NOT NULL",
    ],
    "rule_end_is_proposed_by_someone": [
        "end_on = valid_from, end_proposed_by_id = NULL WHERE ended_by_id IS NULL",
        f"end_on = NULL, end_proposed_by_id = {SOMEBODY} WHERE ended_by_id IS NULL",
    ],
    "rule_grade_is_known": ["grade = 'E'"],
    "rule_has_a_number": ["number = ''", "version = 0"],
    "rule_has_a_source": ["source = ''"],
    "rule_is_activated_by_another": ["activated_by_id = authored_by_id WHERE status = 'active'"],
    "rule_is_activated_by_someone": [
        "activated_by_id = NULL WHERE status = 'active'",
        f"activated_by_id = {SOMEBODY} WHERE status = 'reviewed'",
    ],
    "rule_is_ended_by_another": ["ended_by_id = end_proposed_by_id WHERE ended_by_id IS NOT NULL"],
    "rule_is_of_a_jurisdiction": ["jurisdiction = 'us'", "jurisdiction = 'Calif'"],
    "rule_is_reviewed_by_another": ["reviewed_by_id = authored_by_id WHERE status = 'reviewed'"],
    "rule_is_reviewed_by_someone": [
        "reviewed_by_id = NULL WHERE status = 'reviewed'",
        f"reviewed_by_id = {SOMEBODY} WHERE status = 'draft'",
    ],
    "rule_range_is_forward": ["valid_until = valid_from - 1 WHERE ended_by_id IS NULL"],
    "superseded_rule_has_a_last_day": ["valid_until = NULL WHERE status = 'superseded'"],
}

CHECKS: dict[str, dict[str, list[str]]] = {
    "accesses": {
        "access_is_by_another": ["client_id = reader_id"],
        "access_purpose_is_known": ["purpose = 'curiosity'"],
    },
    "account_closures": {
        "done_closure_says_what_is_kept": ["kept = '{}' WHERE status = 'asked'"],
        "ended_closure_says_when": [
            "ended_at = now() WHERE status = 'asked'",
            "ended_at = NULL WHERE status = 'withdrawn'",
        ],
    },
    "adjustments": {
        "adjusted_units_are_sane": [
            "reason = 'data_error', delta = 0 WHERE status = 'declined'",
            "delta = -100001 WHERE status = 'declined'",
        ],
        "adjustment_goes_its_reasons_way": [
            "delta = -delta WHERE reason = 'damaged'",
            "reason = 'found' WHERE delta < 0",
        ],
        "adjustment_is_decided_by_another": [
            "decided_by_id = proposed_by_id WHERE status = 'declined'"
        ],
        "adjustment_is_decided_by_someone": [
            "decided_by_id = NULL WHERE status = 'declined'",
            (
                "decided_by_id = (SELECT id FROM people p WHERE p.id <> proposed_by_id LIMIT 1)"
                " WHERE status = 'proposed'"
            ),
        ],
        "adjustment_reason_is_known": ["reason = 'boredom' WHERE delta < 0"],
        "adjustment_says_more": ["note = ''", "note = repeat('x', 501)"],
        "large_adjustment_is_confirmed": [
            "large = true WHERE status = 'booked' AND decided_by_id IS NULL"
        ],
    },
    "approval_requests": {
        "in_review_by_someone": [
            "status = 'in_review', claimed_by_id = NULL WHERE submitted_at IS NOT NULL",
            (
                "claimed_by_id = (SELECT id FROM people WHERE role = 'physician' LIMIT 1),"
                " claimed_until = now() WHERE status = 'declined'"
            ),
        ],
        "nobody_is_assigned_their_own_request": [
            "assigned_to_id = client_id",
            (
                "requested_by_id = p.id, assigned_to_id = p.id, claimed_by_id = NULL"
                " FROM people p WHERE p.role = 'physician' AND status = 'queued'"
            ),
        ],
        "nobody_reviews_their_own_request": [
            (
                "requested_by_id = (SELECT id FROM people WHERE id <> client_id LIMIT 1),"
                " claimed_by_id = client_id, claimed_until = now(), status = 'in_review'"
                " WHERE submitted_at IS NOT NULL"
            )
        ],
        "nobody_reviews_what_they_asked_for": [
            (
                "requested_by_id = p.id, claimed_by_id = p.id, claimed_until = now(),"
                " status = 'in_review' FROM people p"
                " WHERE p.role = 'physician' AND submitted_at IS NOT NULL"
            )
        ],
        "request_state_is_a_usps_code": [one.format("ship_to_state") for one in NO_STATE],
        "risk_is_known": ["risk = 0", "risk = 4"],
        "requested_quantity_is_sane": ["quantity = 0", "quantity = -1", "quantity = 21"],
        "submitted_with_consent_and_answers": [
            "submitted_at = NULL WHERE status = 'declined'",
            "consented_at = NULL WHERE status = 'declined'",
            "answers_hash = NULL WHERE status = 'approved'",
        ],
    },
    "auth_events": {
        "auth_event_factors_are_known": ["factors = '{smile}'", "factors = '{}'"],
        "auth_event_kind_is_known": ["kind = 'trusted'"],
        "passkey_proof_names_its_passkey": [
            "factors = '{passkey}' WHERE passkey_id IS NULL",
            "factors = '{password}' WHERE passkey_id IS NOT NULL",
        ],
    },
    "beauty_facts": {
        "beauty_fact_has_a_bar_code": ["code = '123'", "code = '123456789012345'", "code = ''"]
    },
    "bundle_items": {"bundle_quantity_is_sane": ["quantity = 0", "quantity = 21"]},
    "bundles": {
        "bundle_published_at_some_time": ["published_at = NULL WHERE status = 'published'"],
        "bundle_retired_at_some_time": ["retired_at = now()"],
        "bundle_slug_fits_an_address": [
            "slug = 'A'",
            "slug = ''",
            "slug = 'a b'",
            "slug = 'a-'",
            "slug = repeat('x', 161)",
        ],
    },
    "cart_lines": {
        "cart_quantity_is_sane": ["quantity = 0", "quantity = -1", "quantity = 1000000000"]
    },
    "catalogue_version": {"there_is_one_version": ["one = false"]},
    "inquiries": {
        "inquiry_is_sealed": [
            f"{column} = {value} WHERE answered_at IS NOT NULL"
            for column in ("question_sealed", "said_sealed", "reply_sealed")
            for value in ("'plain'", f"set_byte({column}, 0, 2)")
        ],
        "inquiry_is_answered_by_a_reply": [
            "reply_sealed = NULL WHERE answered_at IS NOT NULL",
            "answered_at = NULL WHERE answered_at IS NOT NULL",
            "answered_at = now() WHERE answered_at IS NULL",
        ],
    },
    "chart_entries": {
        "entry_content_is_sealed": [
            "content_sealed = 'Hives'",
            "content_sealed = '\\x01'",
            "content_sealed = convert_to(repeat('a', 97), 'UTF8')",
        ],
        "entry_ended_by_someone": [
            "ended_at = NULL WHERE ended_at IS NOT NULL",
            "ended_by_id = NULL WHERE ended_at IS NOT NULL",
            "ending = NULL WHERE ended_at IS NOT NULL",
            "ended_at = now() WHERE ended_at IS NULL",
        ],
        "entry_ending_is_known": ["ending = 'forgotten' WHERE ended_at IS NOT NULL"],
        "entry_source_is_known": ["source = 'neighbour'"],
        "fact_kind_is_known": ["kind = 'horoscope'"],
    },
    "count_entries": {"counted_units_are_sane": ["units = -1", "units = 1000001"]},
    "count_lines": {
        "count_line_reason_has_its_note": [
            "note = NULL WHERE reason IS NOT NULL",
            "reason = NULL WHERE reason IS NOT NULL",
            "note = '' WHERE reason IS NOT NULL",
            "note = repeat('x', 501) WHERE reason IS NOT NULL",
        ],
        "count_line_reason_is_known": ["reason = 'boredom', note = 'x'"],
    },
    "counts": {
        "approved_count_says_by_whom": [
            "approved_by_id = NULL WHERE status = 'approved'",
            "approved_by_id = planned_by_id WHERE status = 'planned'",
        ],
        "count_cause_is_known": ["cause = 'boredom'"],
    },
    "delegations": {
        "delegation_lasts_a_year_at_most": ["ends_on = starts_on + 366"],
        "delegation_range_is_forward": ["ends_on = starts_on - 1"],
        "nobody_stands_in_for_themselves": ["delegate_id = absent_id"],
    },
    "duties": {
        "duty_ended_by_someone": [
            "ended_on = valid_from, ended_by_id = NULL",
            "ended_on = NULL, ended_by_id = granted_by_id",
        ],
        "duty_is_known": ["duty = 'king'"],
        "duty_range_is_forward": ["valid_until = valid_from"],
        "nobody_grants_themselves_a_duty": ["granted_by_id = person_id"],
    },
    "escalations": {"escalation_step_is_known": ["step = 0", "step = 3"]},
    "events": {
        "event_has_an_actor": ["actor = ''", "actor = 'person:'", "actor = 'mallory'"],
        "event_hash_is_sha256": [f"hash = {NO_HASH}"],
        "first_event_comes_from_nothing": ["from_state = 'paid' WHERE seq = 1"],
    },
    "discount_bars": {
        "bar_has_a_source": ["source = ''", "source = repeat('x', 501)"],
        "bar_is_lifted_by_someone": [
            "lifted_by_id = NULL WHERE lifted_at IS NOT NULL",
            "lifted_at = NULL WHERE lifted_by_id IS NOT NULL",
        ],
        "bar_is_of_a_jurisdiction": ["jurisdiction = 'us'", "jurisdiction = 'Calif'"],
        "barred_class_is_known": ["legal_class = 'rx'", "legal_class = 'food'"],
    },
    "discount_uses": {
        "use_is_given_back_at_some_time": [
            "returned_at = NULL WHERE returned",
            "returned_at = shop_now() WHERE NOT returned",
        ],
        "use_takes_something_off": ["cents = 0", "cents = -1"],
        "uses_are_numbered_from_one": ["number = 0", "client_number = 0"],
    },
    "discounts": {
        "discount_cents_are_sane": [
            "cents = 0 WHERE kind = 'amount'",
            "cents = 100001 WHERE kind = 'amount'",
        ],
        "discount_code_is_typed_easily": [
            *("code = 'abcd'", "code = 'ABC'", "code = '-ABCD'", "code = 'AB CD'"),
            "code = repeat('X', 31)",
        ],
        "discount_is_ended_by_someone": [
            "ended_by_id = NULL WHERE ended_at IS NOT NULL",
            "ended_at = NULL, code = 'FREE' WHERE ended_by_id IS NOT NULL",
        ],
        "discount_is_of_its_kind": [
            "kind = 'amount' WHERE kind = 'percent'",
            "kind = 'percent' WHERE kind = 'amount'",
            "cents = 5 WHERE kind = 'percent'",
            "percent = 5 WHERE kind = 'amount'",
        ],
        "discount_kind_is_known": ["kind = 'gift' WHERE kind = 'amount'"],
        "discount_limit_is_sane": [
            "most_uses = 0, most_per_client = 0",
            "most_uses = 10001",
        ],
        "discount_limit_of_a_client_is_sane": [
            "most_per_client = 0",
            "most_per_client = most_uses + 1",
        ],
        "discount_minimum_is_sane": ["least_cents = -1", "least_cents = 10000001"],
        "discount_never_touches_prescription_goods": [
            *("classes = '{rx}'", "classes = '{cosmetic,rx_unapproved}'", "classes = '{}'"),
            "classes = '{clinic_use}'",
        ],
        "discount_percent_is_sane": [
            "percent = 0 WHERE kind = 'percent'",
            "percent = 101 WHERE kind = 'percent'",
        ],
        "discount_range_is_forward": ["valid_until = valid_from"],
    },
    "documents_issued": {
        "document_facts_are_hashed": [f"facts_hash = {NO_HASH}"],
        "document_is_hashed": [f"sha256 = {NO_HASH}"],
        "document_kind_is_known": ["kind = 'letter'"],
    },
    "error_reports": {
        "client_decides_no_error": ["decided_by_id = client_id WHERE confirmed"],
        "client_reports_no_error": ["reported_by_id = client_id"],
        "error_is_confirmed_by_another": ["decided_by_id = reported_by_id WHERE confirmed"],
        "error_is_decided_by_someone": [
            "decided_by_id = NULL WHERE confirmed",
            "decided_at = NULL WHERE confirmed",
            "confirmed = NULL WHERE confirmed",
            "confirmed = true WHERE confirmed IS NULL",
        ],
    },
    "directions_templates": {
        "directions_active_is_written_as_filed": [
            "active = 'Tretinoin'",
            "active = ' TRETINOIN'",
            "active = repeat('X', 81)",
        ],
        "directions_ended_by_someone": [
            "ended_at = NULL WHERE ended_by_id IS NOT NULL",
            "ended_at = now() WHERE ended_by_id IS NULL",
        ],
        "directions_form_is_written_as_filed": [
            "form = 'Cream'",
            "form = 'CREAM '",
            "form = repeat('X', 81)",
        ],
        "directions_have_a_name": ["name = ''", "name = ' x'", "name = repeat('x', 81)"],
        "directions_say_something": [
            "directions = ''",
            "directions = 'x '",
            "directions = repeat('x', 2001)",
        ],
        "directions_version_counts_from_one": ["version = 0"],
    },
    "health_reviews": {
        "client_reviews_no_news": ["reviewed_by_id = client_id"],
        "reason_of_review_is_sealed": ["reason_sealed = 'Legs'", f"reason_sealed = {UNSEALED}"],
        "what_was_seen_is_sealed": ["seen_sealed = 'Hives'", f"seen_sealed = {UNSEALED}"],
    },
    "export_files": {
        "export_file_has_a_plain_name": ["name = '../etc/passwd'", "name = 'x'", "name = ''"],
        "export_file_is_sealed": [f"content_sealed = {one}" for one in NOT_SEALED],
    },
    "fills": {
        "consumed_at_some_time": [
            "status = 'consumed', consumed_at = NULL, dispensed_at = NULL",
            "consumed_at = NULL WHERE status = 'dispensed'",
        ],
        "dispensed_at_some_time": [
            "dispensed_at = NULL WHERE status = 'dispensed'",
            "status = 'consumed' WHERE status = 'dispensed'",
        ],
        "fill_within_allowance": ["number = 0", "number = fills_allowed + 1"],
        "released_at_some_time": [
            "released_at = now() WHERE status = 'dispensed'",
            "status = 'released', released_at = NULL, dispensed_at = NULL",
        ],
    },
    "examinations": {
        "examination_counts_from_its_day": ["valid_until = examined_on"],
        "examination_covers_known_families": ["scope = '{}'", "scope = '{retinoid,magic}'"],
        "examination_voided_by_someone": [
            "voided_at = now() WHERE voided_at IS NULL",
            "voided_by_id = NULL WHERE voided_at IS NOT NULL",
            "void_reason_sealed = NULL WHERE voided_at IS NOT NULL",
        ],
        "findings_are_sealed": ["findings_sealed = 'Dry skin'", f"findings_sealed = {UNSEALED}"],
        "mode_of_examination_is_known": ["mode = 'by_heart'"],
        "nobody_examines_themselves": ["examiner_id = client_id"],
        "void_reason_is_sealed": [
            "void_reason_sealed = 'Oops' WHERE voided_at IS NOT NULL",
            f"void_reason_sealed = {UNSEALED} WHERE voided_at IS NOT NULL",
        ],
    },
    "import_parts": {
        "import_part_is_a_piece": ["bytes = ''", "bytes = decode(repeat('00', 1048577), 'hex')"],
        "import_parts_are_counted_from_zero": ["place = -1"],
    },
    "import_profiles": {"profile_has_a_plain_name": ["name = 'A b'", "name = ''"]},
    "import_rows": {
        "row_outcome_is_known": ["outcome = 'lost'"],
        "row_set_aside_says_why": [
            "reasons = '{}' WHERE outcome = 'quarantined'",
            "raw = NULL WHERE outcome = 'quarantined'",
        ],
        "rows_are_counted_from_one": ["number = -number"],
    },
    "import_sheets": {
        "sheet_is_small": ["content = ''"],
        "sheet_is_what_its_hash_says": ["sha256 = sha256('')", "content = 'a;b'"],
    },
    "imports": {
        "done_import_is_whole": ["rows_total = rows_total + 1 WHERE status = 'done'"],
        "import_adds_up": [
            "created = created + 1",
            "created = created + changed + 1, changed = -1",
            "changed = changed + created + 1, created = -1",
            "created = created + unchanged + 1, unchanged = -1",
            "created = created + quarantined + 1, quarantined = -1",
        ],
        "import_ends_once_it_is_over": [
            "ended_at = NULL WHERE status = 'done'",
            "ended_at = now() WHERE status = 'queued'",
        ],
        "import_is_hashed": [f"sha256 = {NO_HASH}"],
        "import_stays_within_its_file": [
            "rows_total = rows_done - 1 WHERE status <> 'done'",
            "rows_before = rows_done + 1",
            "rows_before = -1",
        ],
        "imported_file_is_not_empty": ["size = 0"],
    },
    "ingredient_names": {
        "confidence_is_a_share": ["confidence = -0.1", "confidence = 1.1"],
        "dictionary_names_are_matched": [
            "source = 'own' WHERE way = 'fuzzy'",
            "way = 'fuzzy' WHERE source = 'own'",
        ],
        "matched_to_a_substance_or_not_at_all": [
            "ingredient_id = NULL WHERE way = 'fuzzy'",
            "way = 'none' WHERE way = 'fuzzy'",
        ],
        "resolved_by_someone": [
            "resolved_by_id = NULL WHERE way = 'resolved'",
            "resolved_at = NULL WHERE way = 'resolved'",
            "resolved_by_id = (SELECT id FROM people LIMIT 1) WHERE way = 'fuzzy'",
            "resolved_at = now() WHERE way = 'fuzzy'",
        ],
        "way_is_known": ["way = 'magic' WHERE way = 'fuzzy'"],
    },
    "ingredients": {
        "active_class_is_known": ["active_class = 'magic'"],
        "irritancy_is_known": ["irritancy = 'magic'"],
        "ph_is_sane": ["ph_low = -1", "ph_low = 5, ph_high = 4", "ph_high = 15"],
        "pregnancy_is_known": ["pregnancy = 'magic'"],
    },
    "kept_answers": {
        "idempotency_key_fits": ["key = ''", f"key = {LONG}"],
        "request_is_hashed": [f"request_hash = {NO_HASH}"],
    },
    "leaflet_acknowledgements": {
        "choice_version_is_of_a_file": ["choice_version = ''", "choice_version = 'Choice-2026-1'"],
        "leaflet_version_is_of_files": [
            "leaflet_version = ''",
            "leaflet_version = 'retinoid'",
            "leaflet_version = 'retinoid-2026-1+'",
        ],
    },
    "legal_class_rules": {
        **RULE,
        "active_is_normalised": ["active = 'water'", "active = ''"],
        "rule_is_about_some_strength": ["percents = 'empty'"],
        "ruled_class_is_known": ["legal_class = 'food'"],
    },
    "letters": {
        "failed_letter_says_why": ["failed_at = now(), error = ''"],
        "letter_is_sent_or_has_failed": [
            "sent_at = now(), failed_at = now(), error = 'x', tries = 1"
        ],
        "letter_template_is_known": ["template = 'advertisement'"],
        "sent_letter_was_tried": ["sent_at = now(), tries = 0"],
    },
    "mail_choices": {
        "link_only_ends_letters": ["via = 'link', wanted = true"],
        "mail_choice_way_is_known": ["via = 'phone', wanted = false"],
        "mail_topic_is_known": ["topic = 'offers'"],
    },
    "work_files": {
        "file_has_a_plain_name": ["name = '../x.csv'", "name = ''"],
        "file_is_sealed": ["content_sealed = 'sku'", "content_sealed = '\\x01'"],
        "file_type_is_known": ["media_type = 'text/html'"],
    },
    "works": {
        "done_work_is_whole": ["total = done + failed + 1 WHERE status = 'done'"],
        "failed_work_says_why": ["error = '' WHERE status = 'failed'"],
        "work_ends_once_it_is_over": [
            "ended_at = NULL WHERE status = 'done'",
            "ended_at = now() WHERE status = 'running'",
        ],
        "work_kind_is_known": ["kind = 'chore'"],
        "work_says_what_it_is": ["title = ''", "title = repeat('x', 301)"],
        "work_stays_within_its_total": [
            "total = done + failed - 1 WHERE status = 'running' AND done > 0",
            "done = -1, total = NULL WHERE status = 'running'",
            "failed = -1, total = NULL WHERE status = 'running'",
        ],
    },
    "licences": {
        "licence_ended_by_someone": [
            "ended_on = valid_from, ended_by_id = NULL",
            "ended_on = NULL, ended_by_id = person_id",
        ],
        "licence_kind_is_known": ["kind = 'barber'"],
        "licence_range_is_forward": ["valid_until = valid_from"],
        "licence_state_is_a_usps_code": [one.format("state") for one in NO_STATE],
    },
    "lots": {
        "lot_number_fits_gs1": ["lot_number = 'A 1'", "lot_number = ''", f"lot_number = {LONG}"],
        "assumed_expiry_has_a_reason": [
            "expiry_precision = 'assumed'",
            "no_expiry_reason = 'x'",
            "expiry_precision = 'assumed', no_expiry_reason = ''",
            "expiry_precision = 'assumed', no_expiry_reason = repeat('x', 201)",
        ],
        "expiry_precision_is_known": ["expiry_precision = 'guess'"],
        "month_expires_on_its_last_day": ["expiry_precision = 'month', expires_on = '2030-01-30'"],
        "reserved_units_are_on_the_shelf": [
            "on_hand = -1, on_shelf = -1, reserved = -1",
            "reserved = -1",
            "reserved = on_shelf + 1",
            "on_shelf = on_hand + 1",
        ],
    },
    "mail_links": {"link_is_hashed": [f"secret_hash = {NO_HASH}"]},
    "movements": {
        "balance_is_never_negative": [
            "balance = previous + delta + 1",
            "previous = -1, balance = delta - 1 WHERE delta < 0 AND seq > 1",
        ],
        "ledger_begins_at_zero": ["previous = 5, balance = 5 + delta WHERE seq = 1"],
        "movement_goes_its_kinds_way": [
            "kind = 'damage' WHERE delta > 0",
            "kind = 'receive' WHERE delta < 0",
            "kind = 'transfer' WHERE delta < 0",
        ],
        "movement_delta_is_its_legs": ["units = units + 1"],
        "movement_has_an_actor": ["actor = ''", "actor = 'mallory'"],
        "movement_kind_is_known": ["kind = 'magic' WHERE delta < 0"],
        "movement_moves_something": ["units = 0, delta = 0, balance = previous"],
    },
    "order_lines": {
        "cancelled_at_some_time": [
            "cancelled_at = now() WHERE status = 'shipped'",
            "status = 'cancelled' WHERE status = 'shipped'",
        ],
        "doctor_only_line_has_a_fill": [
            "fill_id = NULL WHERE requires_prescription",
            "requires_prescription = false WHERE requires_prescription",
            "requires_prescription = true WHERE fill_id IS NULL",
        ],
        "line_amounts_are_sane": [
            "discount_cents = -1",
            "discount_cents = total_cents + 1",
            "tax_cents = -1",
        ],
        "held_at_some_time": [
            "held_at = now() WHERE status = 'shipped'",
            "status = 'on_hold' WHERE status = 'shipped'",
        ],
        "line_quantity_is_sane": [
            "quantity = 0, total_cents = 0",
            "quantity = -1, total_cents = -unit_price_cents",
            "quantity = 21, total_cents = 21 * unit_price_cents",
        ],
        "line_total_is_the_product": ["total_cents = total_cents - 1"],
        "shipped_at_some_time": [
            "shipped_at = NULL WHERE status = 'shipped'",
            "status = 'delivered', shipped_at = NULL WHERE status = 'shipped'",
            "status = 'returned', shipped_at = NULL WHERE status = 'shipped'",
        ],
    },
    "orders": {
        "amounts_are_sane": [
            "subtotal_cents = -1, discount_cents = 0, total_cents = shipping_cents + tax_cents - 1",
            "shipping_cents = -1, total_cents = subtotal_cents + tax_cents - discount_cents - 1",
            "tax_cents = -1, total_cents = subtotal_cents + shipping_cents - discount_cents - 1",
            "discount_cents = -1, total_cents = subtotal_cents + shipping_cents + tax_cents + 1",
            ("discount_cents = subtotal_cents + 1, total_cents = shipping_cents + tax_cents - 1"),
        ],
        "credit_pays_the_order_at_most": [
            "credit_cents = -1 WHERE total_cents >= 50",
            "credit_cents = total_cents + 50",
        ],
        "what_is_due_can_be_paid": [
            "credit_cents = total_cents - 1",
            "credit_cents = total_cents - 49",
        ],
        "currency_is_usd": ["currency = 'eur'"],
        "ended_at_some_time": [
            "ended_at = now() WHERE status IN ('paid', 'closed')",
            "status = 'cancelled', ended_at = NULL",
        ],
        "expired_after_its_time_to_pay": [
            "status = 'expired', ended_at = pay_by - interval '1 second'"
        ],
        "order_state_is_a_usps_code": [one.format("ship_to_state") for one in NO_STATE],
        "payment_route_is_known": ["payment_route = 'barter'"],
        "paid_at_some_time": [
            "status = 'paid', paid_at = NULL",
            "status = 'closed', paid_at = NULL",
        ],
        "ships_within_the_us": ["country = 'CA'"],
        "total_is_the_sum": ["total_cents = total_cents + 1"],
    },
    "card_setups": {
        "card_setup_of_a_payment_has_no_page": [
            "url = 'https://x.test' WHERE page_ends_at IS NULL",
            "provider_session_id = 'cs_x' || id WHERE page_ends_at IS NULL",
        ],
        "card_setup_says_what_was_agreed_to": [
            "statement = repeat('x', 49)",
            "statement = repeat('x', 2001)",
            "statement_version = ''",
        ],
    },
    "payments": {
        "charge_has_no_page": [
            "url = 'https://x.test' WHERE card_id IS NOT NULL",
            "provider_session_id = 'cs_x' || id WHERE card_id IS NOT NULL",
        ],
        "charge_is_never_open": ["status = 'open' WHERE card_id IS NOT NULL"],
        "charge_saves_no_card": [
            "setup_id = (SELECT id FROM card_setups LIMIT 1) WHERE card_id IS NOT NULL"
        ],
        "payment_has_a_page_a_card_or_a_tender": [
            "page_ends_at = NULL WHERE page_ends_at IS NOT NULL",
            "page_ends_at = created_at WHERE card_id IS NOT NULL",
            "page_ends_at = created_at WHERE tender IS NOT NULL",
            "tender = 'cash' WHERE card_id IS NOT NULL",
        ],
        "tender_is_known": ["tender = 'gold' WHERE tender IS NOT NULL"],
        "provider_knows_nothing_of_a_tender": [
            "provider_session_id = 'cs_x' || id WHERE tender IS NOT NULL",
            "provider_intent_id = 'pi_x' || id WHERE tender IS NOT NULL",
            "url = 'https://x.test' WHERE tender IS NOT NULL",
            "livemode = true WHERE tender IS NOT NULL",
        ],
        "tender_is_taken_or_is_not": [
            "status = 'cancelled', captured_cents = 0, refunded_cents = 0 WHERE tender IS NOT NULL"
        ],
        "capture_is_total": [
            "captured_cents = amount_cents - 1, refunded_cents = 0 WHERE status = 'succeeded'",
            "captured_cents = amount_cents + 1, refunded_cents = 0 WHERE status = 'succeeded'",
        ],
        "payment_currency_is_usd": ["currency = 'eur'"],
        "refunds_within_capture": [
            "refunded_cents = captured_cents + 1",
            "refunded_cents = -1",
        ],
        "succeeded_is_captured": [
            "captured_cents = 0, refunded_cents = 0 WHERE status = 'succeeded'",
            "status = 'open' WHERE captured_cents > 0",
        ],
    },
    "passkey_challenges": {
        "challenge_cannot_be_guessed": ["challenge = 'guess'"],
        "challenge_is_bound_to_its_session": [
            "purpose = 'sign_in'",
            "sign_in_id = NULL",
        ],
        "challenge_purpose_is_known": ["purpose = 'pay'"],
        "challenge_secret_is_hashed": [f"secret_hash = {NO_HASH}"],
    },
    "passkeys": {
        "passkey_count_is_sane": ["sign_count = -1"],
        "passkey_has_a_name": ["name = ''", "name = repeat('x', 61)"],
        "passkey_has_its_key_until_removed": [
            "public_key = NULL WHERE removed_at IS NULL",
            "public_key = 'key', credential_id = 'x' WHERE removed_at IS NOT NULL",
        ],
    },
    "people": {
        "client_has_a_state": ["state = NULL WHERE role = 'client'"],
        "client_has_an_age": ["birth_date = NULL WHERE role = 'client'"],
        "language_is_spoken_here": ["language = 'fr'", "language = ''"],
        "npi_has_its_check_digit": [
            "npi = '1234567890' WHERE role = 'physician'",
            "npi = '3234567893' WHERE role = 'physician'",
            "npi = '123456789' WHERE role = 'physician'",
        ],
        "erased_person_has_no_name": ["erased_at = now() WHERE role = 'client'"],
        "physician_has_an_npi": ["npi = NULL WHERE role = 'physician'"],
        "role_is_known": ["role = 'owner'"],
        "state_is_a_usps_code": [one.format("state") for one in NO_STATE],
    },
    "prescription_states": {
        "licensed_when_signed": ["licence_from = signed_on + 1", "licence_until = signed_on"],
        "supervisor_is_named_whole": [
            f"{column} = NULL WHERE supervision_id IS NOT NULL"
            for column in (
                "supervision_id",
                "supervisor_id",
                "supervisor_name",
                "supervisor_licence_id",
                "supervisor_licence_number",
            )
        ],
    },
    "prescriptions": {
        "days_supply_is_sane": ["days_supply = 0", "days_supply = 367"],
        "examination_is_named_whole": [
            f"{column} = NULL"
            for column in (
                "examination_id",
                "examiner_id",
                "examiner_name",
                "examination_scope",
                "examination_until",
            )
        ],
        "examination_mode_is_known": ["examination_mode = 'by_heart'"],
        "examined_before_signing": ["examined_on = signed_on + 1"],
        "fill_quantity_is_sane": ["quantity_per_fill = 0", "quantity_per_fill = 21"],
        "fills_allowed_is_sane": ["fills_allowed = 0", "fills_allowed = 13"],
        "held_by_someone": [
            "status = 'on_hold', held_at = now(), held_by_id = prescriber_id, held_for = 'licence_lapsed'",
            "status = 'on_hold', held_at = NULL, held_by_id = NULL, held_for = 'licence_lapsed'",
            "status = 'on_hold', held_at = now(), held_by_id = NULL",
            "status = 'on_hold', held_at = NULL, held_by_id = prescriber_id",
            "held_at = now(), held_by_id = prescriber_id WHERE status = 'active'",
        ],
        "held_for_a_known_reason": [
            "held_for = 'mood' WHERE status = 'active'",
        ],
        "interval_is_sane": ["interval_days = 0", "interval_days = 367"],
        "no_self_prescription": ["client_id = prescriber_id"],
        "revoked_by_someone": [
            "status = 'revoked', revoked_at = now(), revoked_by_id = NULL",
            "status = 'revoked', revoked_at = NULL, revoked_by_id = prescriber_id",
            "revoked_at = now(), revoked_by_id = prescriber_id WHERE status = 'active'",
        ],
        "sign_in_was_fresh_when_signed": [
            "fresh_at = signed_at - interval '5 minutes 1 second'",
            "fresh_at = signed_at + interval '1 second'",
        ],
        "signed_after_a_fresh_sign_in": ["fresh_kind = 'sign_in'"],
        "signed_on_is_signed_at": ["signed_on = signed_on + 1"],
        "statement_is_hashed": [f"statement_hash = {NO_HASH}"],
        "valid_for_a_year_at_most": [
            "valid_until = valid_from",
            "valid_until = valid_from + interval '367 days'",
        ],
    },
    "picture_files": {
        "file_has_a_size": ["width = 0", "width = 1281", "height = 0"],
        "file_is_named_by_its_content": ["data = 'other'", "digest = sha256(digest)"],
        "file_is_not_too_large": [
            (
                "data = repeat('x', 10485761)::bytea,"
                " digest = sha256(repeat('x', 10485761)::bytea)"
                " WHERE digest = (SELECT digest FROM picture_files LIMIT 1)"
            )
        ],
    },
    "pictures": {
        "bundle_has_no_pictured_variant": [
            "variant_id = (SELECT id FROM variants LIMIT 1) WHERE bundle_id IS NOT NULL"
        ],
        "picture_is_described": ["alt = ''", "alt = ' '"],
        "picture_is_of_one_thing": [
            "product_id = NULL WHERE variant_id IS NULL AND bundle_id IS NULL",
            "bundle_id = (SELECT id FROM bundles LIMIT 1) WHERE product_id IS NOT NULL",
        ],
    },
    "prescriptions_taken_away": {"something_was_taken": ["fills = 0", "fills = 13"]},
    "prices": {
        "price_is_sane": ["cents = -1", "cents = 10000001"],
        "price_range_is_forward": ["valid_until = valid_from"],
    },
    "products": {
        "concerns_are_known": ["concerns = '{boredom}'", "concerns = '{acne,boredom}'"],
        "skin_types_are_known": ["skin_types = '{blue}'"],
        "legal_class_is_known": ["legal_class = 'food'"],
        "product_published_at_some_time": [
            "published_at = NULL WHERE status = 'published'",
            "published_at = now() WHERE status = 'draft' AND finished",
        ],
        "product_retired_at_some_time": ["retired_at = now() WHERE status = 'published'"],
        "rx_is_doctor_only": [
            "doctor_only = false WHERE legal_class = 'rx'",
            "legal_class = 'rx_unapproved', doctor_only = false",
        ],
        "reference_is_never_finished": [
            "source = 'openfda' WHERE finished",
            "source = 'drugsfda' WHERE finished",
        ],
        "source_is_known": ["source = 'hearsay'"],
        "unfinished_is_never_published": ["finished = false WHERE published_at IS NOT NULL"],
    },
    "provider_calls": {
        "call_key_fits": [f"idempotency_key = {LONG}"],
        "call_is_about_an_order_or_a_card": [
            "order_id = NULL WHERE operation = 'refund'",
            "operation = 'detach_card' WHERE operation = 'refund'",
        ],
        "call_operation_is_known": ["operation = 'charge' WHERE order_id IS NOT NULL"],
        "call_status_is_known": ["status = 'forgotten'"],
    },
    "stock_policies": {
        "lead_days_are_sane": ["lead_days = 0", "lead_days = 181"],
        "safety_days_are_sane": ["safety_days = -1", "safety_days = 91"],
    },
    "testers": {
        "period_after_opening_is_sane": [
            "months_after_opening = 0",
            "months_after_opening = 37",
        ],
        "tester_ends_for_a_reason": [
            "reason = '' WHERE ended_at IS NOT NULL",
            "reason = repeat('x', 201) WHERE ended_at IS NOT NULL",
        ],
        "tester_is_ended_by_someone": [
            "ended_by_id = NULL WHERE ended_at IS NOT NULL",
            "reason = NULL WHERE ended_at IS NOT NULL",
            "reason = 'x' WHERE ended_at IS NULL",
        ],
        "tester_is_opened_while_it_is_good": ["use_by = opened_on - 1"],
    },
    "transfer_arrivals": {"transfer_arrival_is_of_something": ["units = 0", "units = -1"]},
    "transfer_lines": {"transfer_line_sends_something": ["units = 0", "units = -1"]},
    "transfers": {"transfer_goes_elsewhere": ["to_site_id = from_site_id"]},
    "holdings": {"holding_is_never_negative": ["on_hand = -1"]},
    "locations": {
        "location_code_is_a_word": ["code = ''", "code = 'a'", "code = 'A 1'"],
        "location_kind_is_known": ["kind = 'attic'"],
    },
    "sites": {"site_code_is_a_word": ["code = ''", "code = 'a'", "code = 'A 1'"]},
    "saved_cards": {
        "card_brand_is_a_word": ["brand = 'Visa'", "brand = ''", "brand = repeat('x', 41)"],
        "card_ends_in_a_month": [
            "exp_month = 0",
            "exp_month = 13",
            "exp_year = 1999",
            "exp_year = 2201",
        ],
        "card_has_its_provider_names": [
            "provider_customer_id = ''",
            "provider_method_id = '' WHERE removed_at IS NULL",
        ],
        "card_shows_four_digits": ["last4 = '424'", "last4 = '42424'", "last4 = '42a4'"],
    },
    "screenings": {"checks_are_sealed": SEALED_CHECKS},
    "signatures": {
        "document_is_hashed": [f"document_hash = {NO_HASH}"],
        "document_is_sealed": [one.replace("checks", "document") for one in SEALED_CHECKS],
        "key_was_valid_when_signed": [
            "key_from = signed_at + interval '1 second'",
            "key_until = signed_at",
        ],
        "signature_is_ed25519": [f"signature = {NO_HASH}"],
    },
    "signing_keys": {
        "key_range_is_forward": ["valid_until = valid_from"],
        "public_key_is_ed25519": [f"public_key = {NO_HASH}"],
    },
    "related_products": {"related_to_another": ["related_id = product_id"]},
    "receipt_lines": {
        "received_units_are_sane": ["units = 0", "units = 100001"],
        "unit_cost_is_sane": ["unit_cost_cents = -1", "unit_cost_cents = 10000001"],
    },
    "referrals": {
        "nobody_refers_themselves": ["referred_by_id = client_id"],
        "referral_message_is_sealed": [
            "message_sealed = 'Come'",
            f"message_sealed = {UNSEALED}",
        ],
        "referral_note_is_sealed": ["note_sealed = 'Soon'", f"note_sealed = {UNSEALED}"],
        "referral_reason_is_known": ["reason = 'curiosity'"],
    },
    "papers": {
        "paper_series_is_known": [
            "series = 'XX', payment_id = NULL WHERE series = 'RCT' AND n = 1"
        ],
        "paper_amount_is_sane": ["total_cents = -1, body = body || '{\"total_cents\": -1}'"],
        "papers_are_counted_from_one": ["n = 0 WHERE n = 1"],
        "paper_says_its_total": [
            "body = body - 'total_cents'",
            "body = body || '{\"total_cents\": 1}'",
        ],
        "all_but_an_invoice_name_theirs": [
            "invoice_id = id WHERE series = 'INV'",
            "invoice_id = NULL WHERE series = 'RCT'",
        ],
        "credit_is_of_a_refund": [
            "refund_id = gen_random_uuid() WHERE series = 'RCT' AND n = 1",
            "refund_id = NULL WHERE series = 'CN'",
        ],
        "only_a_receipt_is_of_a_payment": ["payment_id = gen_random_uuid() WHERE series = 'INV'"],
    },
    "refunds": {
        "refund_is_positive": [
            "amount_cents = 0, credit_cents = 0",
            "amount_cents = -1, credit_cents = 9",
            "credit_cents = -1",
        ],
        "refund_parts_are_not_negative": ["shipping_cents = -1", "other_cents = -1"],
        "refund_reason_is_known": ["reason = 'a rash'"],
        "refund_is_decided_by_another": [
            "decided_by_id = proposed_by_id WHERE decided_by_id IS NOT NULL"
        ],
        "large_refund_is_signed": ["decided_by_id = NULL WHERE large AND status = 'planned'"],
        "proposed_refund_waits_for_another": [
            "proposed_by_id = NULL WHERE status = 'proposed'",
            "status = 'proposed' WHERE decided_by_id IS NOT NULL AND status = 'declined'",
        ],
    },
    "record_exports": {
        "ended_export_says_when": [
            "ended_at = now() WHERE status = 'ready'",
            "ended_at = NULL WHERE status = 'lapsed'",
        ],
        "export_progress_is_sane": ["parts_done = 3", "parts_done = -1"],
        "fetched_export_names_its_proof": ["proof_id = NULL WHERE status = 'fetched'"],
        "ready_export_has_a_last_day": [
            "ends_at = NULL WHERE status = 'ready'",
            "ready_at = NULL, ends_at = NULL WHERE status = 'ready'",
            "ready_at = now(), ends_at = now() WHERE status = 'asked'",
        ],
    },
    "refund_units": {"refunded_unit_is_sane": ["unit = 0", "unit = 21"]},
    "disputes": {
        "dispute_is_about_money": ["amount_cents = 0"],
        "dispute_reason_is_a_word": ["reason = 'A rash'", "reason = ''"],
        "evidence_is_sent_by_someone": [
            "evidence_at = NULL WHERE evidence_at IS NOT NULL",
            "evidence_at = now() WHERE evidence_at IS NULL",
        ],
    },
    "dispute_movements": {"dispute_moved_something": ["cents = 0, fee_cents = 0"]},
    "fraud_warnings": {
        "fraud_type_is_a_word": ["fraud_type = 'A rash'", "fraud_type = ''"],
        "warning_outcome_is_known": ["outcome = 'perhaps' WHERE outcome IS NOT NULL"],
        "warning_is_reviewed_by_someone": [
            "reviewed_at = NULL WHERE reviewed_at IS NOT NULL",
            "outcome = 'kept' WHERE outcome IS NULL",
        ],
    },
    "return_requests": {
        "asked_return_reason_is_known": ["reason = 'a rash'"],
        "return_refusal_is_known": ["refusal = 'perhaps' WHERE refusal IS NOT NULL"],
        "return_words_are_sealed": ["words_sealed = '\\x01'", "words_sealed = sha256('x')"],
        "refused_return_says_why": [
            "refusal = NULL WHERE refusal IS NOT NULL",
            "refusal = 'used' WHERE status = 'requested'",
        ],
        "authorised_return_has_a_last_day": [
            "send_by = NULL WHERE status = 'authorised'",
            "send_by = '2026-01-01' WHERE status = 'requested'",
        ],
        "return_request_is_decided_by_someone": [
            "decided_by_id = NULL WHERE status = 'authorised'"
        ],
    },
    "return_request_lines": {"something_is_asked_back": ["units = 0"]},
    "releases": {
        "only_a_release_is_applied": ["applied_at = now() WHERE status = 'proposed'"],
        "release_has_a_reason": ["reason = ''"],
        "release_is_approved_by_another": [
            "approved_by_id = proposed_by_id WHERE status = 'released'"
        ],
        "release_is_approved_by_someone": [
            (
                "approved_by_id = (SELECT id FROM people p WHERE p.id <> proposed_by_id LIMIT 1)"
                " WHERE status = 'proposed'"
            ),
            "approved_by_id = NULL WHERE status = 'released'",
        ],
        "released_class_is_known": ["to_class = 'food'"],
    },
    "refusals": {
        "nobody_refuses_themselves": ["refused_by_id = client_id"],
        "refused_by_a_person_or_a_rule": [
            "refused_by_id = NULL WHERE rule_sealed IS NULL",
            "rule_sealed = 'x', rules_version = 'x' WHERE refused_by_id IS NOT NULL",
            "rules_version = 'x' WHERE rule_sealed IS NULL",
            "rules_version = NULL WHERE rule_sealed IS NOT NULL",
        ],
        "refusal_reason_is_known": ["reason = 'mood'"],
    },
    "credit_accounts": {"account_is_never_overdrawn": ["balance_cents = -1"]},
    "credit_corrections": {
        "corrected_credit_is_sane": [
            "delta_cents = 0 WHERE status = 'proposed'",
            "delta_cents = 100001 WHERE status = 'proposed'",
            "delta_cents = -100001 WHERE status = 'proposed'",
        ],
        "credit_correction_is_decided_by_another": [
            "decided_by_id = proposed_by_id WHERE status = 'booked'"
        ],
        "credit_correction_is_decided_by_someone": [
            "decided_by_id = NULL WHERE status = 'declined'",
            (
                "decided_by_id = (SELECT id FROM people p WHERE p.id <> proposed_by_id LIMIT 1)"
                " WHERE status = 'proposed'"
            ),
        ],
        "credit_correction_says_more": ["note = ''", "note = repeat('x', 201)"],
        "credit_is_taken_back_by_two": ["large = false WHERE delta_cents < 0"],
        "large_credit_correction_is_confirmed": [
            "large = true, decided_by_id = NULL WHERE status = 'booked'"
        ],
    },
    "credit_entries": {
        "credit_begins_at_zero": [
            "previous_cents = 1, balance_cents = delta_cents + 1 WHERE seq = 1"
        ],
        "credit_is_never_negative": [
            "balance_cents = balance_cents + 1",
            "balance_cents = -1, previous_cents = -1 - delta_cents WHERE seq > 1",
        ],
        "entry_goes_its_kinds_way": [
            (
                "delta_cents = -delta_cents, previous_cents = balance_cents + delta_cents"
                " WHERE kind <> 'spent' AND seq > 1"
            ),
            (
                "delta_cents = -delta_cents, previous_cents = balance_cents + delta_cents"
                " WHERE kind = 'spent'"
            ),
        ],
        "entry_has_an_actor": ["actor = ''", "actor = 'mallory'"],
        "entry_kind_is_known": ["kind = 'stolen' WHERE kind = 'issued'"],
        "entry_says_what_it_is_of": [
            "card_id = NULL WHERE kind = 'redeemed'",
            "order_id = NULL WHERE kind = 'spent'",
            "correction_id = NULL WHERE kind = 'issued'",
            "correction_id = gen_random_uuid() WHERE kind = 'spent'",
        ],
        "returned_credit_says_why": [
            "reason = NULL WHERE kind = 'returned'",
            "request_key = NULL WHERE kind = 'returned'",
            "reason = 'Ill' WHERE kind = 'returned'",
            "request_key = '' WHERE kind = 'returned'",
            "request_key = repeat('x', 101) WHERE kind = 'returned'",
            "reason = 'refund', request_key = 'x' WHERE kind = 'spent'",
        ],
    },
    "gift_cards": {
        "card_code_is_hashed": ["code_hash = 'plain' WHERE status = 'issued'"],
        "card_ended_at_some_time": [
            "ended_at = NULL WHERE status = 'voided'",
            "ended_at = now() WHERE status = 'issued'",
        ],
        "card_shows_four_characters": [
            "last4 = 'OIL1' WHERE status = 'issued'",
            "last4 = 'ABCDE' WHERE status = 'issued'",
        ],
        "gift_card_amount_is_sane": [
            "cents = 499 WHERE status = 'proposed'",
            "cents = 100001 WHERE status = 'proposed'",
        ],
        "gift_card_is_decided_by_another": [
            "decided_by_id = proposed_by_id WHERE status = 'issued'"
        ],
        "gift_card_is_decided_by_someone": [
            "decided_by_id = NULL WHERE status = 'declined'",
            (
                "decided_by_id = (SELECT id FROM people p WHERE p.id <> proposed_by_id LIMIT 1)"
                " WHERE status = 'proposed'"
            ),
        ],
        "gift_card_origin_is_known": ["origin = 'found'"],
        "gift_card_says_more": ["note = ''", "note = repeat('x', 201)"],
        "issued_card_has_a_code": [
            "code_hash = NULL WHERE status = 'issued'",
            "last4 = NULL WHERE status = 'issued'",
            "issued_at = NULL WHERE status = 'issued'",
            "last4 = 'ABCD' WHERE status = 'proposed'",
        ],
        "large_gift_card_is_confirmed": [
            "large = true, decided_by_id = NULL WHERE status = 'issued'"
        ],
        "redeemed_card_says_by_whom": [
            "redeemed_by_id = NULL WHERE status = 'redeemed'",
            "redeemed_by_id = proposed_by_id WHERE status = 'issued'",
        ],
        "voided_card_says_why": [
            "void_reason = NULL WHERE status = 'voided'",
            "voided_by_id = NULL WHERE status = 'voided'",
            "void_reason = '' WHERE status = 'voided'",
            "void_reason = repeat('x', 201) WHERE status = 'voided'",
            "void_reason = 'x', voided_by_id = proposed_by_id WHERE status = 'issued'",
        ],
    },
    "returns": {
        "disposal_has_a_witness": [
            "witness_id = NULL WHERE status = 'disposed'",
            (
                "witness_id = (SELECT id FROM people p WHERE p.id <> inspected_by_id LIMIT 1)"
                " WHERE status = 'inspected'"
            ),
        ],
        "inspected_return_says_what_was_found": [
            "storage = NULL WHERE status = 'inspected'",
            "condition = 'opened' WHERE status = 'received'",
        ],
        "opened_goods_are_not_restocked": [
            "condition = 'opened' WHERE disposition = 'restock'",
            "storage = 'unknown' WHERE disposition = 'restock'",
        ],
        "return_condition_is_known": ["condition = 'nice' WHERE disposition = 'destroy'"],
        "return_disposition_is_known": ["disposition = 'keep' WHERE disposition = 'destroy'"],
        "return_note_is_short": ["note = ''", "note = repeat('x', 501)"],
        "return_reason_is_known": ["reason = 'boredom'"],
        "return_storage_is_known": ["storage = 'warm' WHERE disposition = 'destroy'"],
        "something_came_back": ["units = 0"],
        "witness_is_another": ["witness_id = inspected_by_id WHERE status = 'disposed'"],
    },
    "reservation_parts": {"part_holds_something": ["units = 0", "units = -1"]},
    "reservations": {
        "released_or_shipped_not_both": ["released_at = now(), shipped_at = now()"],
        "reserved_units_are_sane": ["units = 0", "units = 1001"],
    },
    "picks": {
        "picked_something": ["units = 0", "units = -1"],
        "put_back_by_someone": [
            "put_back_at = now() WHERE put_back_at IS NULL",
            "put_back_by_id = picked_by_id WHERE put_back_at IS NULL",
        ],
    },
    "shortages": {"something_is_short": ["units = 0", "units = -1"]},
    "shipments": {
        "handed_over_to_somebody_identified": [
            "identified_by = 'birth_date'",
            "handed_to = 'X', tracking = ''",
        ],
        "identifier_is_known": ["identified_by = 'face', handed_to = 'X', tracking = ''"],
        "parcel_has_a_tracking_number": [
            "tracking = ''",
            "handed_to = 'X', identified_by = 'birth_date'",
        ],
    },
    "shipment_lines": {"shipped_something": ["units = 0", "units = -1"]},
    "shop_clock": {"one_clock": ["singleton = false"]},
    "sign_ins": {"secret_is_hashed": [f"secret_hash = {NO_HASH}"]},
    "performances": {
        "nobody_treats_themselves": ["performer_id = client_id"],
        "nothing_is_performed_ahead": ["performed_at = recorded_at + interval '1 second'"],
        "performance_note_is_sealed": [f"note_sealed = {bad}" for bad in NOT_SEALED],
    },
    "calendar_feeds": {
        "calendar_secret_is_hashed": [f"secret_hash = {NO_HASH}"],
        "calendar_words_are_known": ["words = 'loud'"],
    },
    "plan_starts": {
        "nobody_starts_their_own_plan": ["physician_id = client_id"],
        "sign_in_was_fresh_when_started": [
            "fresh_at = started_at - interval '301 seconds'",
            "fresh_at = started_at + interval '1 second'",
        ],
        "started_after_a_fresh_sign_in": ["fresh_kind = 'sign_in'"],
    },
    "plan_versions": {
        "plan_version_is_hashed": [f"content_hash = {NO_HASH}"],
        "plan_version_is_sealed": [f"content_sealed = {bad}" for bad in NOT_SEALED],
    },
    "plans": {
        "nobody_plans_for_themselves": ["drafted_by_id = client_id"],
        "plan_names_its_template_whole": [
            "template_version = NULL WHERE template IS NOT NULL",
            "template_version = '2026-1' WHERE template IS NULL",
        ],
        "plan_reason_is_sealed": [f"reason_sealed = {bad}" for bad in NOT_SEALED],
        "plan_state_is_a_usps_code": [one.format("state") for one in NO_STATE],
    },
    "session_moves": {"move_reason_is_sealed": [f"reason_sealed = {bad}" for bad in NOT_SEALED]},
    "arrivals": {
        "arrived_units_are_sane": [
            "units = 0 WHERE damage IS NOT NULL",
            "units = 100001 WHERE damage IS NOT NULL",
        ],
        "arrival_is_booked_or_damaged": [
            "damage = NULL WHERE damage IS NOT NULL",
            "damage = 'Wet' WHERE damage IS NULL",
            "receipt_line_id = NULL WHERE damage IS NULL",
        ],
        "damage_is_described": [
            "damage = '' WHERE damage IS NOT NULL",
            "damage = repeat('x', 201) WHERE damage IS NOT NULL",
        ],
    },
    "lot_certificates": {
        "certificate_fits_in_5_mb": [
            "content = '', sha256 = sha256('')",
            (
                "content = decode(repeat('00', 5242881), 'hex'),"
                " sha256 = sha256(decode(repeat('00', 5242881), 'hex'))"
            ),
        ],
        "certificate_has_a_name": ["name = ''", "name = repeat('x', 121)"],
        "certificate_is_paper_or_picture": ["media_type = 'text/html'"],
        "certificate_is_what_it_was": ["content = content || '\\x00'"],
    },
    "lot_checks": {
        "check_note_is_short": ["note = repeat('x', 201)"],
        "lot_is_released_by_another": [
            "released_by_id = checked_by_id WHERE released_by_id IS NOT NULL"
        ],
        "released_check_says_when": [
            "released_at = NULL WHERE released_by_id IS NOT NULL",
            "released_at = now() WHERE released_by_id IS NULL",
        ],
    },
    "purchase_lines": {
        "purchase_cost_is_sane": ["unit_cost_cents = -1", "unit_cost_cents = 10000001"],
        "purchased_units_are_sane": ["units = 0", "units = 100001"],
    },
    "purchase_orders": {"purchase_note_is_short": ["note = repeat('x', 2001)"]},
    "receipts": {"delivery_note_is_a_number": ["delivery_note = repeat('x', 61)"]},
    "suppliers": {
        "lead_time_is_within_a_year": ["lead_days = -1", "lead_days = 366"],
        "supplier_has_a_name": ["name = ''", "name = ' x'"],
    },
    "reaction_accounts": {
        "account_is_due_in_weeks": [
            "due_on = received_on + 14 WHERE serious",
            "due_on = received_on + 41 WHERE serious",
        ],
        "account_is_sealed": [f"told_sealed = {bad}" for bad in NOT_SEALED],
        "serious_account_is_due": [
            "due_on = NULL WHERE serious",
            "due_on = received_on + 20 WHERE NOT serious",
        ],
    },
    "reaction_filings": {
        "filing_has_its_reference": ["reference = ''", "reference = repeat('x', 201)"]
    },
    "reactions": {
        "closed_reaction_says_why": [
            "reason_sealed = NULL WHERE status = 'closed'",
            (
                "reason_sealed = (SELECT reason_sealed FROM reactions WHERE status = 'closed'"
                " LIMIT 1) WHERE status = 'open'"
            ),
        ],
        "reaction_reason_is_sealed": [
            f"reason_sealed = {bad} WHERE status = 'closed'" for bad in NOT_SEALED
        ],
    },
    "recalls": {
        "drill_locks_nothing_and_writes_to_nobody": ["status = 'notified' WHERE drill"],
        "recall_class_is_known": ["hazard_class = 'IV'"],
        "recall_listed_at_some_time": [
            "listed_at = NULL WHERE status = 'listed'",
            "status = 'locked' WHERE status = 'notified'",
        ],
        "recall_says_why_and_what_to_do": [
            "reason = ''",
            "reason = repeat('x', 2001)",
            "instructions = ''",
            "instructions = repeat('x', 2001)",
            "reference = repeat('x', 201)",
        ],
        "recall_source_is_known": ["source = 'hearsay'"],
    },
    "recall_clients": {
        "listed_client_got_something": [
            "retail_units = 0, treatment_units = 0",
            "retail_units = -1, treatment_units = 2",
            "retail_units = 2, treatment_units = -1",
        ]
    },
    "recall_answers": {
        "answer_accounts_for_every_unit": [
            "has = has + 1",
            "used_up = used_up + 1",
            "returned = returned + 1",
            "never_got = never_got + 1",
            "unreachable = true, channel = 'phone'",
        ],
        "answer_channel_is_known": ["channel = 'rumour'"],
        "answered_units_are_not_negative": [
            "has = retail_units + 1, used_up = -1, returned = 0, never_got = 0",
            "has = retail_units + 1, used_up = 0, returned = -1, never_got = 0",
            "has = retail_units + 1, used_up = 0, returned = 0, never_got = -1",
            "has = -1, used_up = retail_units + 1, returned = 0, never_got = 0",
        ],
        "who_answers_was_reached": [
            "unreachable = true, has = 0, used_up = 0, returned = 0, never_got = 0"
        ],
    },
    "recall_collections": {"something_was_collected": ["units = 0", "units = -1"]},
    "recall_dispositions": {
        "disposition_has_its_reference": ["reference = ''", "reference = repeat('x', 201)"],
        "disposition_is_witnessed_by_another": [
            "witnessed_by_id = planned_by_id WHERE witnessed_by_id IS NOT NULL"
        ],
        "disposition_outcome_is_known": ["outcome = 'sell'"],
        "something_is_disposed_of": ["units = 0"],
        "witnessed_at_some_time": [
            "witnessed_at = NULL WHERE witnessed_at IS NOT NULL",
            "witnessed_at = now() WHERE witnessed_at IS NULL",
        ],
    },
    "report_answers": {
        "report_answer_is_sealed": [f"message_sealed = {bad}" for bad in NOT_SEALED]
    },
    "report_photos": {
        "photo_is_sealed": [
            f"picture_sealed = {bad} WHERE erased_at IS NULL" for bad in NOT_SEALED
        ],
        "photo_is_small": [
            (
                "picture_sealed = '\\x01'::bytea || decode(repeat('00', 4194304), 'hex')"
                " WHERE erased_at IS NULL"
            ),
        ],
        "photo_is_there_or_erased": [
            "erased_at = now() WHERE erased_at IS NULL",
            "erased_at = NULL WHERE erased_at IS NOT NULL",
        ],
        "photo_names_what_was_agreed_to": ["statement = ''"],
        "report_takes_3_photos": ["number = 0", "number = 4"],
    },
    "refill_consents": {
        "refill_consent_says_what_was_agreed_to": [
            "statement = 'Yes.'",
            "statement = repeat('x', 4001)",
            "statement_version = ''",
        ],
        "refill_price_is_told_whole": [
            "unit_cents = -1",
            "total_cents = quantity * unit_cents - 1",
        ],
        "refill_quantity_is_sane": ["quantity = 0", "quantity = 21, unit_cents = 0"],
        "refill_state_is_a_usps_code": [one.format("state") for one in NO_STATE],
    },
    "refill_cycles": {
        "blocked_cycle_says_why": [
            "obstacle = NULL WHERE status = 'blocked'",
            "reasons_sealed = NULL WHERE status = 'blocked'",
            "obstacle = 'card' WHERE status = 'noticed'",
        ],
        "charged_cycle_has_its_order": [
            "order_id = NULL WHERE status = 'charged'",
            "order_id = NULL WHERE status = 'charging'",
            "order_id = NULL, status = 'failed' WHERE status = 'charging'",
        ],
        "cycle_ahead_has_no_order": [
            f"order_id = (SELECT id FROM orders LIMIT 1) WHERE status = '{status}'"
            for status in ("noticed", "blocked")
        ],
        "cycle_reasons_are_sealed": [
            f"reasons_sealed = {bad} WHERE status = 'blocked'" for bad in NOT_SEALED
        ],
        "obstacle_is_known": ["obstacle = 'mood' WHERE status = 'blocked'"],
    },
    "refill_notices": {"notice_says_how_much": ["total_cents = 49"]},
    "refill_reminders": {"run_out_only_moves_on": ["moved_days = -1"]},
    "session_reports": {
        "report_course_is_known": ["course = 'bad'"],
        "report_is_sealed": [f"said_sealed = {bad}" for bad in NOT_SEALED],
        "report_replaces_another": ["replaces_id = id WHERE replaces_id IS NOT NULL"],
        "report_was_judged_by_rules": ["rules_version = ''"],
        "session_takes_100_reports": ["number = 0", "number = 101"],
    },
    "session_waivers": {
        "nobody_waives_for_themselves": ["physician_id = client_id"],
        "waiver_names_its_findings": [
            "findings = '{}'",
            "findings = array_fill('used:aha'::text, ARRAY[41])",
        ],
        "waiver_reason_is_sealed": [f"reason_sealed = {bad}" for bad in NOT_SEALED],
    },
    "sessions": {
        "booked_session_has_a_performer": [
            "performer_id = NULL WHERE status = 'booked'",
            "performer_id = NULL WHERE status = 'performed'",
        ],
        "cancelled_session_says_why": [
            "reason_sealed = NULL WHERE status = 'cancelled'",
            (
                "reason_sealed = (SELECT reason_sealed FROM sessions WHERE status = 'cancelled'"
                " LIMIT 1) WHERE status = 'booked'"
            ),
        ],
        "session_ends_the_same_day": [
            "ends_at = starts_at",
            "ends_at = starts_at + interval '721 minutes'",
        ],
        "session_names_a_procedure": ["procedure = ''", "procedure = 'Peel'", "procedure = 'a b'"],
        "session_reason_is_sealed": [
            f"reason_sealed = {bad} WHERE status = 'cancelled'" for bad in NOT_SEALED
        ],
    },
    "supervisions": {
        "nobody_supervises_themselves": ["supervisor_id = prescriber_id"],
        "supervision_ended_by_someone": [
            "ended_on = valid_from, ended_by_id = NULL",
            "ended_on = NULL WHERE ended_on IS NOT NULL",
        ],
        "supervision_range_is_forward": ["valid_until = valid_from"],
        "supervision_state_is_a_usps_code": [one.format("state") for one in NO_STATE],
    },
    "tokens": {
        "token_has_a_scope": ["scopes = '{}'"],
        "token_is_hashed": [f"secret_hash = {NO_HASH}"],
    },
    "visibility_rules": {
        **RULE,
        "shown_class_is_known": ["legal_class = 'food'"],
        "visibility_is_known": ["visibility = 'dim'"],
    },
    "scope_rules": {
        **RULE,
        "needed_supervision_is_described": [
            "supervision = '' WHERE verdict = 'needs_supervision'",
            "verdict = 'allowed' WHERE verdict = 'needs_supervision'",
        ],
        "ruled_licence_is_known": ["licence = 'barber'"],
        "ruled_procedure_is_a_code": ["procedure = 'Micro needling'", "procedure = ''"],
        "verdict_is_known": ["verdict = 'perhaps', supervision = ''"],
    },
    "window_rules": {
        **RULE,
        "anchor_is_known": ["anchor = 'middle'"],
        "condition_is_an_object": ["condition = '[]'", "condition = 'null'"],
        "what_stops_nothing_is_told": ["action = 'prime'", "action = 'allow'"],
        "window_action_is_known": ["action = 'burn'"],
        "window_is_forward": ["to_day = from_day"],
        "window_is_within_400_days": ["from_day = -401", "to_day = 401"],
        "window_says_what_was_published": ["published = ''"],
        "window_severity_is_known": ["severity = 'dire'"],
        "windowed_procedure_is_a_code": ["procedure = 'Micro needling'", "procedure = ''"],
        "windowed_subject_is_a_code": ["subject = 'A cream'", "subject = ''"],
    },
    "clinic_looks": {
        "accent_is_a_colour": ["accent = 'red'", "accent = '#FFFFFF'", "accent = '#fff'"],
        "clinic_has_a_name": ["name = ''", "name = ' x'", "name = repeat('x', 81)"],
        "hero_text_is_short": ["hero_text = repeat('x', 241)"],
        "hero_title_is_short": ["hero_title = repeat('x', 81)"],
        "logo_has_a_type": ["logo_type = NULL WHERE logo IS NOT NULL"],
        "logo_is_small": [
            "logo = decode(repeat('00', 200001), 'hex') WHERE logo IS NOT NULL",
            "logo = '' WHERE logo IS NOT NULL",
        ],
        "logo_type_is_known": ["logo_type = 'image/svg+xml' WHERE logo IS NOT NULL"],
    },
    "merchant_permissions": {
        "permission_ended_by_someone": ["ended_on = valid_until WHERE ended_on IS NULL"],
        "permission_is_for_a_route_that_asks": ["route = 'desk'", "route = ''"],
        "permission_names_its_document": [
            "document = ''",
            "document = ' x'",
            "document = repeat('x', 81)",
        ],
        "permission_range_is_forward": ["valid_until = valid_from"],
        "permitted_class_is_known": ["legal_class = 'candy'"],
        "permitted_class_is_sold": ["legal_class = 'clinic_use'"],
    },
    "registers": {
        "register_has_a_name": ["name = ''", "name = ' x'", "name = repeat('x', 41)"],
    },
    "drawers": {
        "counted_cash_is_there": ["counted_cash_cents = -1 WHERE status <> 'open'"],
        "counted_drawer_says_what_was_found": [
            "counted_cheque_cents = NULL WHERE status <> 'open'",
            "counted_cash_cents = 0 WHERE status = 'open'",
        ],
        "drawer_explanation_is_short": [
            "explanation = '' WHERE status <> 'open'",
            "explanation = repeat('x', 501) WHERE status <> 'open'",
        ],
        "drawer_is_explained_when_counted": ["explanation = 'x' WHERE status = 'open'"],
        "drawer_is_signed_by_another": [
            "signed_by_id = opened_by_id WHERE status = 'closed'",
            "signed_by_id = counted_by_id WHERE status = 'closed'",
        ],
        "float_is_sane": ["float_cents = -1", "float_cents = 1000001"],
        "signature_closes_a_drawer": [
            (
                "signed_by_id = (SELECT id FROM people WHERE role = 'manager' LIMIT 1)"
                " WHERE status = 'counted'"
            )
        ],
    },
    "drawer_pieces": {
        "counting_is_known": ["counting = 'lunch'"],
        "denomination_is_known": ["denomination_cents = 3"],
        "pieces_are_some": ["pieces = 0", "pieces = -1", "pieces = 2001"],
    },
    "drawer_moves": {
        "cash_given_covers_what_is_due": [
            "tendered_cents = cents - 1 WHERE tendered_cents IS NOT NULL"
        ],
        "cash_is_there": ["balance_cents = -1 WHERE tender = 'cash'"],
        "cash_says_what_was_given": [
            "tendered_cents = NULL WHERE tendered_cents IS NOT NULL",
            "tendered_cents = 1000000 WHERE kind = 'float'",
        ],
        "money_goes_the_way_it_says": [
            "cents = -1 WHERE kind = 'float'",
            "cents = 1 WHERE kind = 'pay_out'",
            "cents = 0, payment_id = payment_id WHERE kind = 'pay_out'",
        ],
        "money_move_has_its_reason": [
            "refund_id = NULL WHERE kind = 'pay_out'",
            "payment_id = (SELECT id FROM payments LIMIT 1), tender = 'cash' WHERE kind = 'float'",
        ],
        "money_move_kind_is_known": ["kind = 'gift', cents = -1 WHERE kind = 'float'"],
        "moved_tender_is_known": ["tender = 'gold', reference = 'x' WHERE kind = 'pay_out'"],
        "slip_number_is_short": [
            "reference = '' WHERE reference IS NOT NULL",
            "reference = ' x' WHERE reference IS NOT NULL",
            "reference = repeat('x', 41) WHERE reference IS NOT NULL",
        ],
        "slip_or_cheque_has_its_number": [
            "reference = NULL WHERE tender = 'terminal'",
            "reference = 'x' WHERE tender = 'cash'",
        ],
    },
    "variants": {
        "clinic_use_is_never_sold": ["for_sale = true WHERE legal_class = 'clinic_use'"],
        "days_of_use_are_sane": ["days_of_use = -1", "days_of_use = 731"],
        "net_content_is_positive": ["net_content = 0", "net_content = -1"],
        "sku_fits_an_address": ["sku = 'a b'", "sku = ''", "sku = '-x'", "sku = repeat('x', 41)"],
        "variant_weight_is_sane": ["weight_grams = 0", "weight_grams = 30001"],
    },
}


def attacks() -> Iterator[Attack]:
    """An attack for each assignment."""
    for table, named in CHECKS.items():
        for name, assignments in named.items():
            for assignment in assignments:
                statement = f"UPDATE {table} SET {assignment}"
                act = past_triggers(table, statement)
                yield Attack(statement, name, act, OWNER, Effect.REFUSED)
