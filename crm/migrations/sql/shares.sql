-- What agreements disclose (ADR 0023). `share_publish` is the only writer of share and share_version; feed_publish
-- calls it, so a share changes in the transaction of the member.

alter table share add column moved_xid xid8 not null default '0';
create sequence share_seq;
alter table disclosure
    add constraint disclosure_two_networks check (network_id <> to_network_id),
    add constraint disclosure_direction unique (agreement_id, network_id);
alter table disclosure_terms
    add constraint disclosure_terms_version unique (disclosure_id, version),
    add constraint disclosure_terms_basis check (legal_basis in
        ('consent', 'contract', 'legal_obligation', 'public_task', 'legitimate_interest')),
    add constraint disclosure_terms_persons check (persons_basis in ('', 'consent', 'notice')),
    add constraint disclosure_terms_fields check (fields <@
        '["name", "identifiers", "country", "kind", "website", "tier", "status", "origin", "starts_on", "ends_on",
          "contact_name", "contact_email"]'),
    add constraint disclosure_terms_contacts
        check (persons_basis <> '' or not fields ?| '{contact_name,contact_email}'),
    add constraint disclosure_terms_retention check (retention_days between 0 and 3660);
alter table share
    add constraint share_once unique (disclosure_id, membership_id),
    add constraint share_op check (op in ('none', 'upsert', 'remove')),
    add constraint share_body check ((op = 'upsert') = (body is not null) and (body is null) = (body_hash is null)
        and (op = 'upsert') = (since is not null));
alter table share_version add constraint share_version_once unique (disclosure_id, membership_id, version);
alter table share_choice
    add constraint share_choice_said check (about = 'organisation' and choice in ('consents', 'objects', 'erased')
        and contact_id is null or about = 'contact' and choice in ('consents', 'objects') and contact_id is not null);
create unique index share_choice_once on share_choice (disclosure_id, organisation_id, about, contact_id)
    nulls not distinct where withdrawn_at is null;
create index share_feed on share (disclosure_id, moved_xid, seq) where op <> 'none';
create index share_list on share (disclosure_id, organisation_id) where op = 'upsert';
create index share_bucket on share (disclosure_id, bucket, membership_id) where op = 'upsert';
create index share_stale on share (disclosure_id, state);
create index disclosure_of on disclosure (network_id);
create index share_reading_of on share_reading (disclosure_id, row_id);

create trigger no_change before update or delete on disclosure_terms for each row execute function forbid_change();
create trigger no_change before update or delete on share_version for each row execute function forbid_change();
create trigger no_change before update or delete on share_reading for each row execute function forbid_change();
create trigger no_delete before delete on share_choice for each row execute function forbid_change();
create trigger only_withdrawn after update on share_choice for each row
    execute function only_these_columns('withdrawn_at', 'withdrawn_by');
create trigger no_truncate before truncate on disclosure_terms execute function forbid_change();
create trigger no_truncate before truncate on share_version execute function forbid_change();
create trigger no_truncate before truncate on share_reading execute function forbid_change();
create trigger no_truncate before truncate on share_choice execute function forbid_change();

-- A member as a disclosure tells of it: of what the network's own feed says (canonical JSON, keys in order) only what
-- is on the list. What nobody thought of is left out, because only names that are written here can come in.
create function share_body(p_body json, p_fields jsonb, p_agreement text, p_contact text) returns text
language sql immutable as $$
    select '{' || string_agg(to_json(key)::text || ':' || value, ',' order by key collate "C") || '}' from (
        select key, value::text from json_each(p_body)
        where key in ('id', 'network')
        or key in ('ends_on', 'origin', 'starts_on', 'status', 'tier') and p_fields ? key
        union all select 'agreement', to_json(p_agreement)::text
        union all select 'contact', p_contact where p_contact is not null
        union all
        select 'organisation', '{' || string_agg(to_json(key)::text || ':' || value, ',' order by key collate "C") || '}'
        from json_each(p_body -> 'organisation')
        where key = 'id' or key in ('country', 'identifiers', 'kind', 'name', 'website') and p_fields ? key
    ) shown
$$;

-- Memberships as every disclosure of their network tells of them now; `body` null: not, and `why` says why.
-- An objection counts where the law gives the right to object (GDPR 21(1): legitimate interest, public task); where the
-- basis is consent (7(3)), nobody is told of who has not given it. A contact who may not be told of is left out.
create function share_view(p_memberships uuid[])
returns table (disclosure_id uuid, membership_id uuid, state bigint, in_force int, why text, body text)
language sql stable as $$
    select d.id, f.membership_id, d.state, d.in_force, verdict.why,
        case when verdict.why = '' then share_body(f.body::json, t.fields, a.code, speaks.said) end
    from feed_member f
    join disclosure d on d.network_id = f.network_id
    join agreement a on a.id = d.agreement_id
    left join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force and t.fields <> '[]'
    left join lateral (
        select max(c.choice) filter (where c.choice = 'erased') as erased,
            max(c.choice) filter (where c.choice = 'objects') as objects,
            max(c.choice) filter (where c.choice = 'consents') as consents
        from share_choice c where c.disclosure_id = d.id and c.organisation_id = f.organisation_id
        and c.about = 'organisation' and c.withdrawn_at is null
    ) chosen on true
    cross join lateral (
        select case
            when not f.listed then 'left'
            when chosen.erased is not null then 'erased'
            when t.version is null then 'revoked'
            when t.legal_basis in ('legitimate_interest', 'public_task') and chosen.objects is not null then 'revoked'
            when t.legal_basis = 'consent' and chosen.consents is null then 'revoked'
            when t.tiers <> '[]' and not t.tiers ? (f.body::json ->> 'tier') then 'out_of_scope'
            when t.persons_basis = '' and f.body::json -> 'organisation' ->> 'kind' = 'person' then 'out_of_scope'
            when t.only_linked and not exists (
                select from membership_grant g where g.membership_id = f.membership_id and g.agreement = a.code
                and g.kind = 'linked' and g.superseded_at is null
                and g.starts_on <= greatest(f.shown_on, d.turned_on)
                and (g.ends_on is null or g.ends_on > greatest(f.shown_on, d.turned_on))
            ) then 'out_of_scope'
            else '' end as why
    ) verdict
    left join lateral (
        select '{' || concat_ws(',', case when t.fields ? 'contact_email' then '"email":' || to_json(p.email)::text end,
            case when t.fields ? 'contact_name' then '"name":' || to_json(p.name)::text end) || '}' as said
        from (select id, name, email from contact where organisation_id = f.organisation_id and main
              order by created_at, id limit 1) p
        left join share_choice c on c.disclosure_id = d.id and c.organisation_id = f.organisation_id
            and c.contact_id = p.id and c.withdrawn_at is null
        where t.fields ?| '{contact_name,contact_email}'
        and case t.persons_basis when 'consent' then c.choice = 'consents' when 'notice' then c.choice is distinct from
            'objects' else false end
    ) speaks on true
    where f.membership_id = any (p_memberships)
$$;

-- Tell of these memberships in every disclosure of their networks. As with feed_publish: locked first, looked at by the
-- next statement; no version without a difference; a position is never below the member's one before it.
-- `p_wait` false: what another transaction is changing is passed by and stays in its old state, which is shown to
-- nobody; so who changes terms waits for no one, and cannot lie in a deadlock with those who change members.
create function share_publish(p_memberships uuid[], p_wait boolean default true) returns bigint language plpgsql as $$
declare
    changed bigint;
    ours bigint[];
begin
    if not exists (select from disclosure) then
        return 0;
    end if;
    insert into share (disclosure_id, membership_id, organisation_id, bucket)
    select d.id, f.membership_id, f.organisation_id, f.bucket
    from feed_member f join disclosure d on d.network_id = f.network_id
    where f.membership_id = any (p_memberships)
    and not exists (select from share s where s.disclosure_id = d.id and s.membership_id = f.membership_id)
    order by f.membership_id, d.id on conflict (disclosure_id, membership_id) do nothing;
    if p_wait then
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update);
    else
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update skip locked);
    end if;
    with seen as materialized (
        select s.row_id, s.version, s.op, s.moved_xid, s.since, v.state, v.in_force, v.why, v.body as looks,
            (s.op = 'upsert' or v.body is not null) and s.body is distinct from feed_versioned(v.body, s.version)
                or s.op = 'remove' and v.why = 'erased' and s.reason <> 'erased' as told
        from share s join share_view(p_memberships) v
            on v.disclosure_id = s.disclosure_id and v.membership_id = s.membership_id
        where s.row_id = any (ours)
    ), moved as (
        update share s set state = n.state, terms_version = n.in_force, op = n.op, reason = n.reason,
            version = n.version + 1, body = n.body, body_hash = sha256(convert_to(n.body, 'UTF8')),
            seq = nextval('share_seq'), moved_xid = greatest(pg_current_xact_id(), n.moved_xid),
            since = case when n.op = 'upsert' then coalesce(n.since, now()) end
        from (
            select row_id, version, moved_xid, since, state, in_force, feed_versioned(looks, version + 1) as body,
                case when looks is null then 'remove' else 'upsert' end as op,
                case when looks is null then why when seen.op = 'upsert' then 'changed' else 'shared' end as reason
            from seen where told
        ) n
        where s.row_id = n.row_id
        returning s.disclosure_id, s.membership_id, s.organisation_id, s.version, s.op, s.reason, s.terms_version,
            s.body_hash
    ), same as (
        update share s set state = seen.state, terms_version = seen.in_force from seen
        where s.row_id = seen.row_id and not seen.told and (s.state, s.terms_version) <> (seen.state, seen.in_force)
    ), logged as (
        insert into share_version (disclosure_id, membership_id, organisation_id, version, op, reason, terms_version,
            body_hash, recorded_at)
        select disclosure_id, membership_id, organisation_id, version, op, reason, terms_version, body_hash, now()
        from moved order by disclosure_id, membership_id returning disclosure_id
    ), heard as (
        select pg_notify('klynge_feed', disclosure_id::text) from logged group by disclosure_id
    )
    select count(*) from logged, (select count(*) from heard) h into changed;
    return changed;
end $$;

-- The terms that hold on a day: the newest that has started, while the agreement is in force.
create function disclosure_on(p_disclosure uuid, p_day date) returns int language sql stable as $$
    select coalesce((
        select t.version from disclosure_terms t
        join disclosure d on d.id = t.disclosure_id join agreement a on a.id = d.agreement_id
        where d.id = p_disclosure and t.starts_on <= p_day
        and a.starts_on <= p_day and (a.ends_on is null or a.ends_on > p_day)
        order by t.version desc limit 1
    ), 0)
$$;

-- Bring the disclosures of these networks (null: of all) to their today: terms that hold from now on or no more are
-- applied to every member, and so is what a concurrent transaction looked at in the state before. How many changed.
create function share_turn(p_networks uuid[], p_now timestamptz) returns bigint language plpgsql as $$
declare
    turning uuid[];
    changed uuid[];
begin
    turning := array(select d.id from disclosure d where p_networks is null or d.network_id = any (p_networks));
    perform from disclosure where id = any (turning) order by id for no key update;
    changed := array(
        with at as materialized (
            select d.id, d.network_id, d.in_force, d.state, d.turned_on, a.code, day.today,
                d.in_force <> disclosure_on(d.id, day.today) as moves
            from disclosure d join network n on n.id = d.network_id join agreement a on a.id = d.agreement_id
            cross join lateral (select (p_now at time zone n.time_zone)::date as today) day
            where d.id = any (turning)
        )
        select f.membership_id
        from at join feed_member f on f.network_id = at.network_id
        left join share s on s.disclosure_id = at.id and s.membership_id = f.membership_id
        where at.moves or s.row_id is null or s.state < at.state
        union select g.membership_id from at join membership_grant g on g.agreement = at.code
        where at.turned_on < at.today and g.network_id = at.network_id
        and (g.starts_on > at.turned_on and g.starts_on <= at.today
             or g.ends_on > at.turned_on and g.ends_on <= at.today)
    );
    update disclosure d set turned_on = at.today, in_force = at.terms, state = d.state + (d.in_force <> at.terms)::int
    from (
        select d.id, (p_now at time zone n.time_zone)::date as today,
            disclosure_on(d.id, (p_now at time zone n.time_zone)::date) as terms
        from disclosure d join network n on n.id = d.network_id where d.id = any (turning)
    ) at
    where d.id = at.id and (d.turned_on is distinct from at.today or d.in_force <> at.terms);
    -- What applicants are told the other network gets is what it gets.
    update agreement a set shared_fields = coalesce(t.fields, '[]')
    from disclosure d left join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force
    where d.id = any (turning) and a.id = d.agreement_id and a.source_network_id = d.network_id
    and exists (select from disclosure_terms any_of where any_of.disclosure_id = d.id)
    and a.shared_fields is distinct from coalesce(t.fields, '[]');
    return share_publish(changed, false);
end $$;

-- Whatever is told of a member is told to those it is disclosed to, in the same transaction.
create function share_feed_member() returns trigger language plpgsql as $$
begin
    perform share_publish(array(select membership_id from seen));
    return null;
end $$;
create trigger share_told after update on feed_member referencing new table as seen
    for each statement execute function share_feed_member();

-- Who speaks for an organisation is told too, where that is disclosed, when the transaction that changes it commits.
create function share_contact() returns trigger language plpgsql as $$
begin
    perform share_publish(array(
        select f.membership_id from feed_member f
        join disclosure d on d.network_id = f.network_id
        join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force
        where f.organisation_id in (old.organisation_id, new.organisation_id)
        and t.fields ?| '{contact_name,contact_email}'));
    return null;
end $$;
create constraint trigger share_told after insert or update or delete on contact deferrable initially deferred
    for each row execute function share_contact();

-- Both directions of every agreement, nothing disclosed until there are terms.
create function disclosure_of_agreement() returns trigger language plpgsql as $$
begin
    insert into disclosure (id, agreement_id, network_id, to_network_id, in_force, state) values
        (gen_random_uuid(), new.id, new.source_network_id, new.target_network_id, 0, 1),
        (gen_random_uuid(), new.id, new.target_network_id, new.source_network_id, 0, 1);
    return null;
end $$;
create trigger disclosures after insert on agreement for each row execute function disclosure_of_agreement();
insert into disclosure (id, agreement_id, network_id, to_network_id, in_force, state)
select gen_random_uuid(), id, source_network_id, target_network_id, 0, 1 from agreement
union all select gen_random_uuid(), id, target_network_id, source_network_id, 0, 1 from agreement;

-- The second tenant wall. Of another network's members only shares: their feed is for who sees that network.
create function crm_networks_disclosures() returns uuid[] language sql stable parallel safe as $$
    select array_agg(id) from disclosure
    where network_id = any ((select crm_networks())::uuid[]) or to_network_id = any ((select crm_networks())::uuid[])
$$;
grant select on disclosure, disclosure_terms, share, share_version, share_reading, share_choice to crm_reader;
alter table disclosure enable row level security;
create policy own_network on disclosure for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or to_network_id = any ((select crm_networks())::uuid[]));
do $$
declare
    t text;
begin
    foreach t in array array['disclosure_terms', 'share', 'share_version', 'share_reading', 'share_choice'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy own_network on %I for select to crm_reader
            using (disclosure_id = any ((select crm_networks_disclosures())::uuid[]))', t);
    end loop;
end $$;
-- Who acts for an organisation may see what is told of it, and under which terms.
do $$ begin
    create role crm_member nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant select on share, share_choice, disclosure, disclosure_terms, share_reading to crm_member;
create policy own_organisation on share for select to crm_member using (organisation_id = any (
    (select string_to_array(nullif(current_setting('crm.organisations', true), ''), ','))::uuid[]));
create policy own_organisation on share_choice for select to crm_member using (organisation_id = any (
    (select string_to_array(nullif(current_setting('crm.organisations', true), ''), ','))::uuid[]));
create policy own_organisation on disclosure for select to crm_member
    using (exists (select from share s where s.disclosure_id = disclosure.id));
create policy own_organisation on disclosure_terms for select to crm_member
    using (exists (select from share s where s.disclosure_id = disclosure_terms.disclosure_id));
create policy own_organisation on share_reading for select to crm_member
    using (exists (select from share s where s.disclosure_id = share_reading.disclosure_id));
drop policy own_network on feed_member;
create policy own_network on feed_member for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
drop policy own_network on feed;
create policy own_network on feed for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
