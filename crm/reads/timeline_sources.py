"""Where a member's timeline comes from: one statement for each kind of row, all with the same first parameters.

$1 the organisation, $2 the networks, $3 to $5 the key to go on from (day, moment, text; null at the beginning), $6 how
many, $7 the time zone in which a moment is a day. Each gives `on_day`, `at` and `key` (newest first), and its fields.
"""

# These say what decisions, grants, applications, notes, facts, invoices and bookings on the same timeline say already.
TOLD_ELSEWHERE = (
    "application_sent",
    "application_approved",
    "application_declined",
    "application_question",
    "tier_change",
    "ending",
    "suspension",
    "event",
    "decision_withdrawn",
    "suspension_lifted",
    "linked_membership",
    "facts_changed",
    "facts_taken_back",
    "note_added",
    "invoice_issued",
    "credit_note_issued",
    "invoice_sent_again",
    "payment_recorded",
    "payment_placed",
    "payment_refunded",
    "received",
    "refunded",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
    "credit_used",
    "link_acknowledged",
    "link_objected",
)
# What of the audit trail is about notes, tasks and documents; the rest is about the member's data.
OF_THE_DESK = (
    "note_changed",
    "note_deleted",
    "note_restored",
    "task_added",
    "task_changed",
    "task_done",
    "task_reopened",
    "task_deleted",
    "task_restored",
    "document_added",
    "document_changed",
    "document_deleted",
    "document_restored",
)

_DAY = "at time zone $7)::date as on_day"
# By which way: as the audit entry of the same deed says, the last word of the same transaction.
_CHANNEL = (
    "coalesce((select a.channel from audit a where a.subject_id = {} and a.recorded_at = {} limit 1), '') as channel"
)
_PAGE = """
select * from ({rows}) found
where $3::date is null or (on_day, at, key) < ($3::date, $4::timestamptz, $5::text collate "C")
order by on_day desc, at desc, key desc limit $6
"""


def _source(rows: str) -> str:
    return _PAGE.format(rows=rows)


DECISIONS = """
select d.id, d.membership_id, m.network_id, d.kind, d.effective_on, d.until_on, d.tier, d.event, d.reason, d.actor,
    d.channel, d.application_id, d.recorded_at, d.withdrawn_at, d.withdrawn_by,
    (select min(a.seq) from audit a where a.subject_id = d.id) as audit
from membership_decision d join membership m on m.id = d.membership_id
where m.organisation_id = $1 and m.network_id = any($2)
"""
GRANTS = """
select g.row_id, g.id, g.network_id, g.source_network_id, g.tier, g.starts_on, g.ends_on, g.rule,
    g.rulebook_version as version, g.cause_id, g.reason ->> 'code' as reason, g.recorded_at, g.superseded_at,
    exists (select 1 from membership_grant later where later.id = g.id and later.row_id > g.row_id) as replaced,
    before.row_id is not null as again, before.ends_on as ended_before
from membership_grant g left join lateral (
    select b.row_id, b.ends_on from membership_grant b where b.id = g.id and b.row_id < g.row_id
    order by b.row_id desc limit 1) before on true
where g.organisation_id = $1 and g.kind = 'linked' and (g.network_id = any($2) or g.source_network_id = any($2))
"""
STEPS = f"""
select e.application_id, a.network_id, a.reference, e.kind, e.actor, e.note, e.recorded_at, e.row_id,
    {_CHANNEL.format("e.application_id", "e.recorded_at")}
from application_event e join application a on a.id = e.application_id
where a.organisation_id = $1 and a.network_id = any($2)
"""

PAGED_DECISIONS = _source(
    "select d.*, d.effective_on as on_day, d.recorded_at as at, ('d' || d.id) collate \"C\" as key"
    f" from ({DECISIONS}) d where $7::text <> ''"
)
PAGED_GRANTS = _source(
    f"select g.*, case when g.again then (g.recorded_at at time zone $7)::date else g.starts_on end as on_day,"
    f" g.recorded_at as at, ('g' || lpad(g.row_id::text, 12, '0')) collate \"C\" as key from ({GRANTS}) g"
)
PAGED_STEPS = _source(
    f"select s.*, (s.recorded_at {_DAY}, s.recorded_at as at,"
    f" ('s' || lpad(s.row_id::text, 12, '0')) collate \"C\" as key from ({STEPS}) s"
)
PAGED_MAILS = _source(
    f"select m.*, (m.at_moment {_DAY}, m.at_moment as at, ('m' || m.id) collate \"C\" as key from ("
    "  select l.id, l.network_id, l.subject, l.recipient, l.status, l.last_error, l.send_after, l.sent_at,"
    "   l.created_at,"
    "   coalesce(l.sent_at, case when l.status = 'queued' then l.send_after else l.created_at end) as at_moment,"
    "   g.id as mailing_id, coalesce(g.name, '') as mailing, coalesce(g.begun_by, '') as actor from mail l"
    "   left join mailing_recipient r on r.mail_id = l.id left join mailing g on g.id = r.mailing_id"
    "  where l.organisation_id = $1 and l.network_id = any($2)) m"
)
PAGED_AUDIT = _source(
    "select a.seq, a.network_id, a.action, a.actor, a.channel, a.detail, a.subject_id, a.recorded_at,"
    " case a.action when 'note_deleted' then exists (select from note n where n.id = a.subject_id"
    "   and n.deleted_at is not null)"
    "  when 'task_deleted' then exists (select from todo t where t.id = a.subject_id and t.deleted_at is not null)"
    "  when 'document_deleted' then exists (select from member_document f where f.id = a.subject_id"
    "   and f.deleted_at is not null) else false end as undoable,"
    f" (a.recorded_at {_DAY}, a.recorded_at as at, ('a' || lpad(a.seq::text, 12, '0')) collate \"C\" as key"
    " from audit a where a.organisation_id = $1 and (a.network_id = any($2) or a.network_id is null)"
    " and not a.action = any($8) and (a.action = any($9)) = $10"
)
# A note stands on the day it is about; in it, when it was written.
PAGED_NOTES = _source(
    "select n.id, n.network_id, n.kind, n.text, n.on_date, n.pinned, n.actor, n.channel, n.created_at, n.edited_at,"
    " array(select c.name from contact c where c.id = any(n.contact_ids) order by c.name) as people,"
    " n.on_date as on_day, n.created_at as at, ('n' || n.id) collate \"C\" as key from note n"
    " where n.organisation_id = $1 and n.network_id = any($2) and n.deleted_at is null and $7::text <> ''"
)
PAGED_FACTS = _source(
    "select c.id, c.facts, c.effective_on, c.reason, c.actor, c.channel, c.recorded_at, c.withdrawn_at, c.withdrawn_by,"
    f" (c.recorded_at {_DAY}, c.recorded_at as at, ('c' || c.id) collate \"C\" as key from profile_change c"
    " where c.organisation_id = $1 and cardinality($2::uuid[]) > 0"
)
PAGED_INVOICES = _source(
    "select i.id, i.kind as paper, coalesce(i.series || '-' || i.number, '') as number, i.gross, i.currency, e.kind,"
    f" e.actor, e.detail, e.recorded_at, {_CHANNEL.format('i.id', 'e.recorded_at')},"
    f" (e.recorded_at {_DAY}, e.recorded_at as at, ('i' || lpad(e.row_id::text, 12, '0')) collate \"C\" as key"
    " from invoice_event e join invoice i on i.id = e.invoice_id"
    " where i.organisation_id = $1 and cardinality($2::uuid[]) > 0 and e.kind <> 'queued'"
)
# What came in or went back; that an invoice was issued or credited is told by the invoice.
PAGED_BOOKINGS = _source(
    "select t.id, t.kind, t.currency, t.on_date, t.provider, t.actor, t.recorded_at,"
    " exists (select from ledger_transaction r where r.reverses_id = t.id) as reversed,"
    " coalesce((select -sum(e.amount) from ledger_entry e where e.transaction_id = t.id"
    "  and e.account in ('receivable', 'member_credit') and e.organisation_id = $1), 0)::bigint as amount,"
    " t.on_date as on_day, t.recorded_at as at, ('k' || lpad(t.seq::text, 12, '0')) collate \"C\" as key"
    " from ledger_transaction t where t.organisation_id = $1 and cardinality($2::uuid[]) > 0 and $7::text <> ''"
    " and t.kind not in ('issued', 'credited', 'writtenoff', 'claimed')"
)
PAGED_RECEIPTS = _source(
    "select r.id, r.network_id, r.source_network_id, r.word, r.reason, r.actor, r.recorded_at, r.outcome,"
    f" (r.recorded_at {_DAY}, r.recorded_at as at, ('r' || r.id) collate \"C\" as key from link_receipt r"
    " where r.organisation_id = $1 and (r.network_id = any($2) or r.source_network_id = any($2))"
)
PAGED_SHARES = _source(
    "select v.row_id, d.network_id, d.to_network_id, a.names as agreement, v.op, v.reason, v.version, v.recorded_at,"
    f" (v.recorded_at {_DAY}, v.recorded_at as at, ('v' || lpad(v.row_id::text, 12, '0')) collate \"C\" as key"
    " from share_version v join disclosure d on d.id = v.disclosure_id join agreement a on a.id = d.agreement_id"
    " where v.organisation_id = $1 and (d.network_id = any($2) or d.to_network_id = any($2)) and v.op <> 'none'"
)
