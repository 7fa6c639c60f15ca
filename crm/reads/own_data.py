"""Everything stored about an organisation, or about a person who signs in: for them to take along (GDPR 15, 20).

Whole rows as JSON, whatever columns they have; only secrets, and what is about others, are left out. Whoever calls
has seen to it that it is the reader's own.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crm.database import Connection

Sections = dict[str, list[dict[str, Any]]]

# $1 the organisation
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
    "mails": "select jsonb_build_object('kind', m.kind, 'subject', m.subject, 'status', m.status, 'created_at',"
    " m.created_at, 'sent_at', m.sent_at) as row from mail m where $1::uuid is not null and lower(m.recipient) = $2"
    " order by m.created_at",
    "events": "select jsonb_build_object('action', a.action, 'channel', a.channel, 'recorded_at', a.recorded_at) as row"
    " from audit a where a.subject_id = $1 and $2::text is not null order by a.seq",
}
ORGANISATION, PERSON = tuple(_ORGANISATION), tuple(_PERSON)


async def of_organisation(connection: Connection, organisation: UUID) -> Sections:
    """Section -> rows, every section, the empty ones too."""
    return await _read(connection, _ORGANISATION, organisation)


async def of_person(connection: Connection, account: UUID, email: str) -> Sections:
    """The same of a person: the account, and whatever stands under its address."""
    return await _read(connection, _PERSON, account, email.lower())


async def _read(connection: Connection, sections: Mapping[str, str], *values: object) -> Sections:
    return {
        name: [row["row"] for row in await connection.fetch(statement, *values)] for name, statement in sections.items()
    }
