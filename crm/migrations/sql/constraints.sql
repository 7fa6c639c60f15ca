-- What Piccolo has no words for: uniqueness over several columns, exclusion, checks, the feed's xid.
create extension if not exists btree_gist;

alter table rulebook add constraint rulebook_version_once unique (network_id, version);
alter table terms add constraint terms_version_once unique (network_id, version);
alter table agreement
    add constraint agreement_on_end check (on_end in ('end_links', 'period_end', 'grandfather')),
    add constraint agreement_period check (ends_on is null or ends_on > starts_on),
    add constraint agreement_two_networks check (source_network_id <> target_network_id);

-- Norwegian order without ICU: aa = å, and æ ø å come after z (stack.md 1).
alter table organisation
    add column sort_name text generated always as
        (translate(replace(lower(name), 'aa', 'å'), 'æøåäö', '{|}{|}')) stored,
    add constraint organisation_family foreign key (family_id) references organisation (id) deferrable initially deferred;
create index organisation_sort_name on organisation (sort_name, id);
alter table organisation_profile
    add constraint profile_period check (ends_on is null or ends_on > starts_on),
    add constraint profile_once exclude using gist
        (organisation_id with =, daterange(starts_on, ends_on) with &&) where (superseded_at is null),
    add constraint profile_kind check (kind in ('company', 'university', 'university_college',
        'research_institute', 'public_body', 'association', 'network', 'person')),
    add constraint profile_country check (country ~ '^[A-Z]{2}$'),
    add constraint profile_employees check (employees >= 0);
create index profile_current on organisation_profile (organisation_id) where superseded_at is null;
create index profile_parent on organisation_profile (parent_id) where parent_id is not null;
alter table identifier
    add constraint identifier_once unique (scheme, value),
    add constraint identifier_scheme check (scheme in ('no-orgnr', 'vat', 'lei', 'ror', 'pic'));

alter table membership add constraint membership_once unique (organisation_id, network_id);
alter table membership_decision
    add constraint decision_kind check (kind in ('joining', 'tier_change', 'ending', 'suspension')),
    add constraint decision_until check (until_on is null or until_on > effective_on),
    add constraint decision_tier check ((tier <> '') = (kind in ('joining', 'tier_change')));
-- An application opens a membership once, whatever is sent twice.
create unique index decision_of_application on membership_decision (application_id)
    where application_id is not null and withdrawn_at is null;

alter table membership_grant
    add column source_key text generated always as
        (case when kind = 'direct' then 'direct' else source_network_id::text || '/' || rule end) stored,
    add constraint grant_kind check (kind in ('direct', 'linked')),
    add constraint grant_period check (ends_on is null or ends_on > starts_on),
    add constraint grant_rooted check ((kind = 'linked') = (cause_id is not null and rule <> '' and source_network_id is not null)),
    add constraint grant_never_overlaps exclude using gist
        (membership_id with =, source_key with =, daterange(starts_on, ends_on) with &&) where (superseded_at is null);
create unique index grant_current on membership_grant (id) where superseded_at is null;
create index grant_of_organisation on membership_grant (organisation_id) where superseded_at is null;
create index grant_by_source on membership_grant (source_network_id, rule) where superseded_at is null and kind = 'linked';
create index grant_of_membership on membership_grant (membership_id);

alter table membership_period
    add constraint period_status check (status in ('active', 'suspended')),
    add constraint period_origin check (origin in ('direct', 'linked', 'both')),
    add constraint period_days check (ends_on is null or ends_on > starts_on),
    add constraint period_once exclude using gist
        (membership_id with =, daterange(starts_on, ends_on) with &&) where (superseded_at is null);
create index period_list on membership_period (network_id, organisation_id, starts_on) where superseded_at is null;
create index period_of_organisation on membership_period (organisation_id) where superseded_at is null;
create index period_known on membership_period (network_id, recorded_at, superseded_at);

alter table link_answer add constraint answer_kind check (answer in ('accepted', 'declined'));

alter table application
    add constraint application_status check (status in ('draft', 'sent', 'info_needed', 'approved', 'declined', 'withdrawn'));
create index application_queue on application (network_id, status, submitted_at);
create unique index application_once_open on application (network_id, organisation_id)
    where status in ('sent', 'info_needed') and organisation_id is not null;
create unique index application_token on application (token_hash) where token_hash is not null;

alter table invoice add constraint invoice_status check (status in ('draft', 'issued'));
create unique index invoice_one_draft on invoice (host_id, organisation_id, currency) where status = 'draft';
alter table charge add constraint charge_vat check (vat_percent between 0 and 100);
create unique index charge_once on charge (grant_id, component, starts_on, sign(net::numeric));

alter table feed add column xid xid8 not null default pg_current_xact_id();
alter table feed add constraint feed_op check (op in ('upsert', 'remove'));
create index feed_position on feed (network_id, xid, seq);
create index feed_of_member on feed (membership_id, version);

alter table mail add constraint mail_status check (status in ('queued', 'sending', 'sent', 'failed', 'cancelled'));
create index mail_waiting on mail (send_after) where status in ('queued', 'sending');
create index mail_about on mail (organisation_id, network_id, kind) where status = 'queued';
create index mail_recent on mail (created_at desc);

alter table role add constraint role_once unique (account_id, network_id, role), add constraint role_known check (role in ('manager'));
alter table api_key
    add constraint key_role check (role in ('manager', 'partner')),
    add constraint key_scope check (role = 'manager' or network_id is not null);
alter table idempotency_key add constraint idempotency_once unique (owner, key);

create unlogged table rate_limit (
    key text not null, window_start timestamptz not null, hits integer not null, primary key (key, window_start)
);
