"""Everything stored about an organisation, or about a person who signs in: for them to take along (GDPR 15, 20).

Whole rows as JSON, whatever columns they have; only secrets, and what is about others, are left out. Whoever calls
has seen to it that it is the reader's own.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from crm.database import Connection

Sections = dict[str, list[dict[str, Any]]]

# $1 the organisation
# What a member answered, where it is known: not in an anonymous survey.
_ANSWERED = (
    "'answers', (select jsonb_object_agg(q.text ->> 'nb', coalesce(a.number::text, a.text)) from survey_response r"
    " join survey_answer a on a.response_row_id = r.row_id join survey_question q on q.row_id = a.question_row_id"
    " where r.survey_id = s.id and r.organisation_id = i.organisation_id and r.superseded_at is null)"
)
_ORGANISATION: Mapping[str, str] = {
    "organisation": "select to_jsonb(o) as row from organisation o where o.id = $1",
    "facts": "select to_jsonb(f) as row from organisation_profile f where f.organisation_id = $1 order by f.starts_on",
    "numbers": "select to_jsonb(i) as row from identifier i where i.organisation_id = $1 order by i.scheme",
    "names": "select to_jsonb(k) - 'actor' as row from known_name k where k.organisation_id = $1"
    " order by k.starts_on nulls first",
    "contacts": "select to_jsonb(c) as row from contact c where c.organisation_id = $1 order by c.created_at",
    "people": "select jsonb_build_object('name', a.name, 'email', a.email, 'role', r.role, 'given_by', r.given_by,"
    " 'given_at', r.given_at) as row from role r join account a on a.id = r.account_id where r.organisation_id = $1"
    " order by r.given_at",
    "invitations": "select to_jsonb(i) - 'token_hash' as row from invitation i where i.organisation_id = $1"
    " order by i.created_at",
    "memberships": "select to_jsonb(m) || jsonb_build_object('network', n.slug) as row from membership m"
    " join network n on n.id = m.network_id where m.organisation_id = $1 order by n.slug",
    "membership_periods": "select to_jsonb(p) as row from membership_period p where p.organisation_id = $1"
    " order by p.membership_id, p.starts_on",
    "membership_reasons": "select to_jsonb(g) as row from membership_grant g where g.organisation_id = $1"
    " order by g.starts_on",
    "decisions": "select to_jsonb(d) as row from membership_decision d join membership m on m.id = d.membership_id"
    " where m.organisation_id = $1 order by d.recorded_at",
    "applications": "select to_jsonb(a) - 'token_hash' as row from application a where a.organisation_id = $1"
    " order by a.submitted_at",
    "application_steps": "select jsonb_build_object('application_id', e.application_id, 'kind', e.kind, 'note', e.note,"
    " 'recorded_at', e.recorded_at) as row from application_event e join application a on a.id = e.application_id"
    " where a.organisation_id = $1 order by e.recorded_at",
    "consents": "select to_jsonb(c) as row from consent c where c.organisation_id = $1 order by c.recorded_at",
    "billing": "select to_jsonb(b) as row from billing b where b.organisation_id = $1",
    "invoices": "select to_jsonb(i) || jsonb_build_object('document', d.document) as row from invoice i"
    " left join invoice_document d on d.invoice_id = i.id where i.organisation_id = $1 and i.status = 'issued'"
    " order by i.issued_on, i.number",
    "ledger": "select to_jsonb(e) || jsonb_build_object('on_date', t.on_date, 'kind', t.kind) as row"
    " from ledger_entry e join ledger_transaction t on t.id = e.transaction_id where e.organisation_id = $1"
    " order by t.on_date",
    "directory_entry": "select to_jsonb(l) as row from listing l where l.organisation_id = $1",
    "directory_changes": "select to_jsonb(l) as row from listing_change l where l.organisation_id = $1"
    " order by l.recorded_at",
    "directory_people": "select to_jsonb(l) as row from listing_person l where l.organisation_id = $1"
    " order by l.given_at",
    "told_to_partners": "select jsonb_build_object('agreement', a.code, 'network_id', d.to_network_id,"
    " 'since', s.since, 'what', s.body::jsonb) as row from share s join disclosure d on d.id = s.disclosure_id"
    " join agreement a on a.id = d.agreement_id where s.organisation_id = $1 and s.op = 'upsert' order by a.code",
    "said_to_partners": "select to_jsonb(c) as row from share_choice c where c.organisation_id = $1"
    " order by c.recorded_at",
    "in_kind": "select to_jsonb(c) - '{recorded_by,superseded_by}'::text[] as row from contribution c"
    " where c.organisation_id = $1 order by c.row_id",
    "surveys": "select jsonb_build_object('survey', s.title, 'asked_at', i.asked_at, 'contact', i.email,"
    f" {_ANSWERED}) as row"
    " from survey_invitation i join survey s on s.id = i.survey_id where i.organisation_id = $1 order by i.row_id",
    "mails": "select jsonb_build_object('kind', m.kind, 'recipient', m.recipient, 'subject', m.subject,"
    " 'status', m.status, 'created_at', m.created_at, 'sent_at', m.sent_at) as row from mail m"
    " where m.organisation_id = $1 and (m.recipient in (select c.email from contact c where c.organisation_id = $1)"
    " or m.recipient in (select a.email from account a join role r on r.account_id = a.id"
    " where r.organisation_id = $1)) order by m.created_at",
    "events": "select jsonb_build_object('action', a.action, 'channel', a.channel, 'network_id', a.network_id,"
    " 'recorded_at', a.recorded_at) as row from audit a where a.organisation_id = $1 order by a.seq",
    "forgotten": "select to_jsonb(e) - '{salt,email_hash}'::text[] as row from erasure e where e.organisation_id = $1"
    " order by e.erased_at",
}
# $1 the account, $2 its address in small letters
_PERSON: Mapping[str, str] = {
    "account": "select to_jsonb(a) - 'password_hash' || jsonb_build_object('has_password', a.password_hash is not null)"
    " as row from account a where a.id = $1 and $2::text is not null",
    "roles": "select to_jsonb(r) as row from role r where r.account_id = $1 and $2::text is not null"
    " order by r.given_at",
    "sessions": "select to_jsonb(s) - '{token_hash,csrf}'::text[] as row from session s where s.account_id = $1"
    " and $2::text is not null order by s.created_at",
    "passkeys": "select to_jsonb(p) - '{credential_id,public_key}'::text[] as row from passkey p"
    " where p.account_id = $1 and $2::text is not null order by p.created_at",
    "other_sign_ins": "select to_jsonb(i) as row from identity i where i.account_id = $1 and $2::text is not null"
    " order by i.created_at",
    "invitations": "select to_jsonb(i) - 'token_hash' as row from invitation i where (i.account_id = $1"
    " or lower(i.email) = $2) order by i.created_at",
    "claims": "select to_jsonb(c) as row from claim c where c.account_id = $1 and $2::text is not null"
    " order by c.created_at",
    "contact_of": "select to_jsonb(c) || jsonb_build_object('organisation', o.name) as row from contact c"
    " join organisation o on o.id = c.organisation_id where $1::uuid is not null and lower(c.email) = $2"
    " order by c.created_at",
    "named_in_directory": "select to_jsonb(l) as row from listing_person l join contact c on c.id = l.contact_id"
    " where $1::uuid is not null and lower(c.email) = $2 order by l.given_at",
    "consents": "select to_jsonb(s) as row from consent s join application a on a.id = s.application_id"
    " where $1::uuid is not null and lower(a.answers -> 'contact' ->> 'email') = $2 order by s.recorded_at",
    "applications": "select jsonb_build_object('reference', a.reference, 'status', a.status,"
    " 'contact', a.answers -> 'contact', 'submitted_at', a.submitted_at) as row from application a"
    " where $1::uuid is not null and lower(a.answers -> 'contact' ->> 'email') = $2 order by a.submitted_at",
    "invoices": "select jsonb_build_object('number', i.series || '-' || i.number, 'issued_on', i.issued_on,"
    " 'organisation', o.name) as row from contact c join invoice i on i.organisation_id = c.organisation_id"
    " join organisation o on o.id = i.organisation_id join invoice_document d on d.invoice_id = i.id"
    " where $1::uuid is not null and lower(c.email) = $2 and i.status = 'issued'"
    " and (strpos(lower(d.document::text), $2) > 0 or strpos(d.document::text, c.name) > 0)"
    " order by i.issued_on, i.number",
    "shared_with": "select jsonb_build_object('agreement', a.code, 'network', n.slug, 'since', s.since) as row"
    " from contact c join share s on s.organisation_id = c.organisation_id join disclosure d on"
    " d.id = s.disclosure_id join network n on n.id = d.to_network_id join agreement a on a.id = d.agreement_id"
    " where $1::uuid is not null and lower(c.email) = $2 and s.op = 'upsert' and strpos(lower(s.body), $2) > 0"
    " order by a.code",
    "surveys": "select jsonb_build_object('survey', s.title, 'asked_at', i.asked_at, 'reminded_at', i.reminded_at,"
    f" {_ANSWERED}) as row"
    " from survey_invitation i join survey s on s.id = i.survey_id"
    " where $1::uuid is not null and lower(i.email) = $2 order by i.row_id",
    "notes_written": "select jsonb_build_object('network', w.slug, 'kind', n.kind, 'on_date', n.on_date, 'text',"
    " n.text, 'created_at', n.created_at) as row from account a join note n on n.author_id = a.id join network w"
    " on w.id = n.network_id where a.id = $1 and $2::text is not null order by n.created_at",
    "tasks": "select jsonb_build_object('network', w.slug, 'title', d.title, 'due_on', d.due_on, 'assigned',"
    " d.assignee_id = a.id, 'written', d.actor = a.name, 'created_at', d.created_at, 'done_at', d.done_at) as row"
    " from account a join todo d on d.assignee_id = a.id or d.actor = a.name or d.done_by = a.name join network w"
    " on w.id = d.network_id where a.id = $1 and $2::text is not null and exists (select from role r"
    " where r.account_id = a.id and r.network_id = d.network_id) order by d.created_at",
    "mails": "select jsonb_build_object('kind', m.kind, 'subject', m.subject, 'status', m.status, 'created_at',"
    " m.created_at, 'sent_at', m.sent_at) as row from mail m where $1::uuid is not null and lower(m.recipient) = $2"
    " order by m.created_at",
    "events": "select jsonb_build_object('action', a.action, 'channel', a.channel, 'recorded_at', a.recorded_at) as row"
    " from audit a where a.subject_id = $1 and $2::text is not null order by a.seq",
}
# Of one contact, for the office: no other network's papers. `who`: organisation, email (small letters), name, networks.
_WHO = (
    "with who as (select $1::uuid as organisation, $2::text as email, $3::text as name, $4::uuid[] as networks,"
    " $5::uuid as id) "
)
_CONTACT: Mapping[str, str] = {
    "contacts": "select to_jsonb(c) as row from who join contact c on c.organisation_id = organisation"
    " and lower(c.email) = who.email order by c.created_at",
    "roles": "select jsonb_build_object('role', r.role, 'given_by', r.given_by, 'given_at', r.given_at) as row"
    " from who join account a on lower(a.email) = who.email join role r on r.account_id = a.id"
    " and r.organisation_id = organisation order by r.given_at",
    "invitations": "select to_jsonb(i) - 'token_hash' as row from who join invitation i on lower(i.email) = who.email"
    " and (i.organisation_id = organisation or i.network_id = any (networks)) order by i.created_at",
    "named_in_directory": "select to_jsonb(l) as row from who join contact c on c.organisation_id = organisation"
    " and lower(c.email) = who.email join listing_person l on l.contact_id = c.id order by l.given_at",
    "consents": "select to_jsonb(s) as row from who join consent s on s.organisation_id = organisation"
    " left join application a on a.id = s.application_id where s.actor = who.name"
    " or lower(a.answers -> 'contact' ->> 'email') = who.email order by s.recorded_at",
    "applications": "select jsonb_build_object('reference', a.reference, 'status', a.status, 'contact',"
    " a.answers -> 'contact', 'submitted_at', a.submitted_at) as row from who join application a on"
    " a.organisation_id = organisation and a.network_id = any (networks)"
    " and lower(a.answers -> 'contact' ->> 'email') = who.email order by a.submitted_at",
    "application_steps": "select jsonb_build_object('kind', e.kind, 'note', e.note, 'recorded_at', e.recorded_at)"
    " as row from who join application a on a.organisation_id = organisation and a.network_id = any (networks)"
    " join application_event e on e.application_id = a.id and e.actor = who.name order by e.recorded_at",
    "billing": "select to_jsonb(b) as row from who join billing b on b.organisation_id = organisation"
    " and lower(b.email) = who.email",
    "invoices": "select jsonb_build_object('number', i.series || '-' || i.number, 'issued_on', i.issued_on, 'buyer',"
    " d.document -> 'buyer') as row from who join invoice i on i.organisation_id = organisation and i.status = 'issued'"
    " join invoice_document d on d.invoice_id = i.id and d.network_ids <@ networks where"
    " strpos(lower(d.document::text), who.email) > 0 or strpos(d.document::text, who.name) > 0"
    " order by i.issued_on, i.number",
    "deliveries": "select jsonb_build_object('number', i.series || '-' || i.number, 'channel', v.channel, 'recipient',"
    " v.recipient, 'status', v.status, 'created_at', v.created_at) as row from who join invoice i"
    " on i.organisation_id = organisation join invoice_document d on d.invoice_id = i.id and d.network_ids <@ networks"
    " join invoice_delivery v on v.invoice_id = i.id and lower(v.recipient) = who.email order by v.created_at",
    "shared_with": "select jsonb_build_object('agreement', a.code, 'network', n.slug, 'since', s.since, 'contact',"
    " s.body::jsonb -> 'contact') as row from who join share s on s.organisation_id = organisation and s.op = 'upsert'"
    " join disclosure d on d.id = s.disclosure_id and d.network_id = any (networks) join network n"
    " on n.id = d.to_network_id join agreement a on a.id = d.agreement_id"
    " where strpos(lower(s.body), who.email) > 0 or strpos(s.body, who.name) > 0 order by a.code",
    "said_to_partners": "select to_jsonb(s) as row from who join contact c on c.organisation_id = organisation"
    " and lower(c.email) = who.email join share_choice s on s.contact_id = c.id order by s.recorded_at",
    "mails": "select jsonb_build_object('kind', m.kind, 'subject', m.subject, 'status', m.status, 'created_at',"
    " m.created_at, 'sent_at', m.sent_at) as row from who join mail m on lower(m.recipient) = who.email"
    " and m.organisation_id = organisation and (m.network_id is null or m.network_id = any (networks))"
    " order by m.created_at",
    "mailings": "select jsonb_build_object('mailing', g.name, 'purpose', g.purpose, 'begun_at', g.begun_at) as row"
    " from who join mailing_recipient r on r.organisation_id = organisation and lower(r.email) = who.email"
    " and r.network_id = any (networks) join mailing g on g.id = r.mailing_id order by r.row_id",
    "surveys": "select jsonb_build_object('survey', s.title, 'asked_at', i.asked_at, 'reminded_at', i.reminded_at,"
    f" {_ANSWERED}) as row"
    " from who join survey_invitation i on i.organisation_id = organisation and lower(i.email) = who.email"
    " and i.network_id = any (networks) join survey s on s.id = i.survey_id order by i.row_id",
    "newsletters": "select jsonb_build_object('given', c.given, 'channel', c.channel, 'recorded_at',"
    " c.recorded_at) as row from who join newsletter_choice c on lower(c.email) = who.email"
    " and c.network_id = any (networks) order by c.row_id",
    "notes": "select jsonb_build_object('kind', n.kind, 'on_date', n.on_date, 'text', n.text) as row from who"
    " join note n on n.organisation_id = organisation and n.network_id = any (networks)"
    " and (who.id = any (n.contact_ids) or strpos(lower(n.text), lower(who.name)) > 0"
    " or strpos(lower(n.text), who.email) > 0) order by n.on_date",
    "tasks": "select jsonb_build_object('title', d.title, 'due_on', d.due_on, 'done_at', d.done_at) as row from who"
    " join todo d on d.organisation_id = organisation and d.network_id = any (networks)"
    " and (strpos(lower(d.title), lower(who.name)) > 0 or strpos(lower(d.title), who.email) > 0)"
    " order by d.created_at",
    "events": "select jsonb_build_object('action', a.action, 'channel', a.channel, 'recorded_at', a.recorded_at) as row"
    " from who join audit a on (a.organisation_id = organisation or a.subject_id = who.id)"
    " and (a.network_id is null or a.network_id = any (networks))"
    " and (a.subject_id = who.id or a.actor = who.name or lower(a.detail ->> 'email') = who.email) order by a.seq",
}
ORGANISATION, PERSON, CONTACT = tuple(_ORGANISATION), tuple(_PERSON), tuple(_CONTACT)


async def of_organisation(connection: Connection, organisation: UUID) -> Sections:
    """Section -> rows, every section, the empty ones too."""
    return await _read(connection, _ORGANISATION, organisation)


async def of_person(connection: Connection, account: UUID, email: str) -> Sections:
    """The same of a person: the account, and whatever stands under its address."""
    return await _read(connection, _PERSON, account, email.lower())


async def of_contact(
    connection: Connection, organisation: UUID, contact: UUID, networks: Collection[UUID]
) -> Sections | None:
    """What these networks' offices have stored of who speaks for an organisation; None: no such contact."""
    row = await connection.fetchrow(
        "select name, email from contact where id = $1 and organisation_id = $2", contact, organisation
    )
    if row is None:
        return None
    sections = {name: _WHO + statement for name, statement in _CONTACT.items()}
    return await _read(connection, sections, organisation, row["email"].lower(), row["name"], list(networks), contact)


async def _read(connection: Connection, sections: Mapping[str, str], *values: object) -> Sections:
    return {
        name: [row["row"] for row in await connection.fetch(statement, *values)] for name, statement in sections.items()
    }
