"""Named points at which a test may kill the process: `KLYNGE_CRASH_AT=name` (tests/crash).

Unset (always, outside those tests) a point costs one comparison.
"""

import os
import signal

CRASH_AT = os.environ.get("KLYNGE_CRASH_AT", "")

# Each is used exactly once in the code (tests/test_house.py) and crashed at (tests/crash).
POINTS = (
    "approval_locked",
    "approval_decided",
    "approval_recorded",
    "apply_grants",
    "apply_charges",
    "apply_feed",
    "approval_applied",
    "approval_before_commit",
    "approval_committed",
    "change_recorded",
    "member_list_before_commit",
    "member_list_committed",
    "import_before_commit",
    "import_rows_stored",
    "register_before_commit",
    "register_committed",
    "register_bulk_rows",
    "issue_locked",
    "issue_numbered",
    "issue_stored",
    "issue_booked",
    "issue_before_commit",
    "issue_committed",
    "payment_posted",
    "bank_posted",
    "card_form_asked",
    "card_form_opened",
    "card_refund_asked",
    "card_refund_done",
    "card_event_read",
    "card_event_booked",
    "renewal_listed",
    "renewal_locked",
    "renewal_numbered",
    "renewal_stored",
    "renewal_before_commit",
    "renewal_committed",
    "renewal_told",
    "dunning_taken",
    "mail_claimed",
    "mail_accepted",
    "mail_marked",
    "webhook_claimed",
    "webhook_answered",
    "federation_taken",
    "federation_sent",
)


def point(name: str) -> None:
    """Die here, at once and without clean-up, when a test asked for it."""
    if CRASH_AT and name == CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
