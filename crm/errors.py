"""What can go wrong, and the status and stable code it has for the outside.

Rules refuse with `RuleViolation` (cluster_rules); everything else that a caller can cause is one
of these. Sentences are in `crm/words.py`, in both languages; a code never changes its meaning.
"""

from typing import Any

from cluster_rules.errors import RuleViolation


class NotFound(Exception):
    """Nothing by that id, or nothing this caller may know of: the answer is the same."""

    def __init__(self, noun: str, wanted: Any) -> None:
        super().__init__(f"{noun} {wanted}")
        self.noun = noun


class Refused(RuleViolation):
    """A request that is well-formed but cannot be: same shape as a rule's refusal."""


class Invalid(Exception):
    """Several fields are wrong at once; each is (field, code, values for the sentence)."""

    def __init__(self, problems: list[tuple[str, str, dict[str, Any]]]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code, _ in problems))
        self.problems = problems


class Forbidden(Exception):
    """Signed in, but not for this."""


class ScopeMissing(Forbidden):
    """A key that may write, but not this; `scope` is what it lacks (crm/store/keys.py)."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


class Unauthenticated(Exception):
    """No valid key or session."""


class TooMany(Exception):
    """Too many tries; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds


class Unavailable(Exception):
    """The database is away, or has no connection to spare: nothing is known to be done, trying again is right."""

    seconds = 2


class TooSlow(Exception):
    """The database was asked for more than it can find in the time there is; nothing was changed."""


# Conflicts with what is stored are 409; everything else a rule refuses is 422.
CONFLICTS = frozenset(
    {
        "agreement_ended",
        "agreement_known",
        "host_known",
        "network_known",
        "series_used",
        "already_decided",
        "already_ending",
        "already_issued",
        "already_member",
        "already_merged",
        "claim_over",
        "invitation_over",
        "last_manager",
        "last_way_in",
        "passkey_known",
        "role_held_already",
        "changed_since",
        "bulk_running",
        "selection_changed",
        "tag_known",
        "field_code_known",
        "facts_same",
        "application_open",
        "application_waiting",
        "credit_note_waiting",
        "decision_unknown",
        "ending_planned",
        "idempotency_in_progress",
        "import_nothing",
        "import_refused_rows",
        "import_stale",
        "import_status",
        "listing_decided",
        "locked_in",
        "not_a_member",
        "not_issued",
        "not_issued_yet",
        "not_sent",
        "nothing_to_credit",
        "nothing_to_issue",
        "organisation_known",
        "tier_same",
        "not_yours_to_undo",
        "dunning_decided",
        "not_overdue",
        "not_paused",
        "write_off_decided",
        "write_off_open",
        "return_placed",
        "register_bulk_status",
        "register_running",
        "renewal_not_previewed",
        "renewal_over",
        "renewal_running",
        "role_held",
        "share_settled",
        "already_said",
        "objection_closed",
        "suggestion_closed",
        "suggestion_same",
        "suggestion_stale",
        "not_reversible",
        "version_stale",
        "webhook_key_revoked",
        "key_revoked",
        "webhook_not_enabled",
        "webhooks_full",
        "mailing_begun",
        "mailing_changed",
        "mailing_nobody",
        "survey_answered",
        "survey_begun",
        "survey_closed",
        "survey_draft",
    }
)


def status_of(error: Exception) -> int:
    """The HTTP status for an error of ours; 500 for anything else."""
    if isinstance(error, RuleViolation):
        return 409 if error.code in CONFLICTS else 422
    known = {NotFound: 404, Invalid: 422, Forbidden: 403, Unauthenticated: 401, TooMany: 429}
    known |= {Unavailable: 503, TooSlow: 503}
    return next((status for kind, status in known.items() if isinstance(error, kind)), 500)
