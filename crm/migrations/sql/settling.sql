-- What a transaction has touched is told at its end, all of it at once (ADR 0032). Statement triggers note whose facts
-- a statement has touched; the first note of a transaction queues the one deferred trigger that tells the feed, the shares
-- and the directory of all of them. So the end of a transaction costs a few statements for a thousand organisations,
-- whether they were written by one command or by a thousand.
drop trigger feed_told on organisation;
drop trigger feed_told on identifier;
drop trigger feed_told on organisation_profile;
drop trigger share_told on contact;
drop function feed_organisation();
drop function share_contact();
drop table directory_stale;
drop function directory_settle();
drop function directory_touched() cascade;
drop function directory_touched_organisation() cascade;
drop function directory_touched_policy() cascade;
drop function directory_publish_some(uuid[], date);
drop function directory_view(uuid[], date);
drop function directory_next(uuid, date);
drop function directory_name_slugs(uuid[]);

-- A batch is what is told together: crm.touched says its number from the first note to the telling, in this transaction
-- alone (it goes back with a savepoint, as the notes do). Notes are found by their batch and never by looking
-- through the table, which is full of others' dead ones until it is vacuumed.
create sequence touched_batch;
create unlogged table touched (
    batch bigint not null,
    opens boolean not null,
    about text not null check (about in ('directory', 'feed', 'feed and directory', 'contacts', 'nothing')),
    organisations uuid[] not null
);
create index touched_of_batch on touched (batch);

create function touch(p_about text, p_organisations uuid[]) returns void language plpgsql as $$
declare
    ours text := current_setting('crm.touched', true);
begin
    if ours <> '' then
        insert into touched values (ours::bigint, false, p_about, p_organisations);
    else
        ours := nextval('touched_batch');
        perform set_config('crm.touched', ours, true);
        insert into touched values (ours::bigint, true, p_about, p_organisations);
    end if;
end $$;

-- The feed and the shares of what has been touched until now: for who knows that most of it is told of nobody yet, and will
-- be when it is complete (imports).
create function touched_tell_news(p_batch bigint) returns void language plpgsql
    set enable_seqscan = off as $$
declare
    told uuid[];
    spoken uuid[];
begin
    select array_agg(distinct id) filter (where about <> 'contacts'), array_agg(distinct id) filter (where about = 'contacts')
    into told, spoken from touched, unnest(organisations) id
    where batch = p_batch and about in ('feed', 'feed and directory', 'contacts');
    if told is null and spoken is null then
        return;
    end if;
    update touched set about = case about when 'feed and directory' then 'directory' else 'nothing' end
    where batch = p_batch and about in ('feed', 'feed and directory', 'contacts');
    if told is not null then
        perform feed_publish_of(told);
    end if;
    if spoken is not null then
        perform share_publish_of(spoken);
    end if;
end $$;
create function touched_tell_batch(p_batch bigint) returns void language plpgsql set enable_seqscan = off as $$
declare
    listed uuid[];
begin
    perform touched_tell_news(p_batch);
    with taken as (delete from touched where batch = p_batch returning about, organisations)
    select array_agg(distinct id) into listed from taken, unnest(organisations) id where about = 'directory';
    if listed is not null then
        perform directory_publish(listed, (select day from directory_state));
    end if;
end $$;
-- Now, for who is about to hold what others wait for; the deferred trigger then finds nothing left.
create function touched_settle() returns void language plpgsql as $$
declare
    ours text := current_setting('crm.touched', true);
begin
    if ours <> '' then
        perform set_config('crm.touched', '', true);
        perform touched_tell_batch(ours::bigint);
    end if;
end $$;
create function touched_tell() returns trigger language plpgsql as $$
begin
    if current_setting('crm.touched', true) = new.batch::text then
        perform touched_settle();
    end if;
    return null;
end $$;
create constraint trigger touched_told after insert on touched deferrable initially deferred
    for each row when (new.opens) execute function touched_tell();

create function touched_by_rows() returns trigger language plpgsql as $$
declare
    theirs uuid[] := (select array_agg(distinct organisation_id) from fresh where organisation_id is not null);
begin
    if theirs is not null then
        perform touch(tg_argv[0], theirs);
    end if;
    return null;
end $$;
create function touched_organisation() returns trigger language plpgsql as $$
declare
    named uuid[];
    other uuid[];
begin
    select array_agg(n.id) filter (where (n.name, n.website) is distinct from (b.name, b.website)),
        array_agg(n.id) filter (where (n.name, n.website) is not distinct from (b.name, b.website))
    into named, other from fresh n join before b on b.id = n.id
    where (n.name, n.website, n.fields, n.merged_on) is distinct from (b.name, b.website, b.fields, b.merged_on);
    if named is not null then
        perform touch('feed and directory', named);
    end if;
    if other is not null then
        perform touch('directory', other);
    end if;
    return null;
end $$;
create function touched_policy() returns trigger language plpgsql as $$
declare
    theirs uuid[] := (select array_agg(distinct m.organisation_id) from fresh p
                      join membership m on m.network_id = p.network_id);
begin
    if theirs is not null then
        perform touch('directory', theirs);
    end if;
    return null;
end $$;
do $$
declare
    each text[];
begin
    foreach each slice 1 in array array[
        ['membership_period', 'directory', 'insert update'], ['membership_grant', 'directory', 'insert update'],
        ['listing', 'directory', 'insert update'], ['consent', 'directory', 'insert'],
        ['organisation_profile', 'feed and directory', 'insert update'],
        ['identifier', 'feed', 'insert update delete'], ['contact', 'contacts', 'insert update delete']] loop
        if each[3] like '%insert%' then
            execute format('create trigger touched_new after insert on %I referencing new table as fresh
                for each statement execute function touched_by_rows(%L)', each[1], each[2]);
        end if;
        if each[3] like '%update%' then
            execute format('create trigger touched_changed after update on %I referencing new table as fresh
                for each statement execute function touched_by_rows(%L)', each[1], each[2]);
        end if;
        if each[3] like '%delete%' then
            execute format('create trigger touched_gone after delete on %I referencing old table as fresh
                for each statement execute function touched_by_rows(%L)', each[1], each[2]);
        end if;
    end loop;
end $$;
create trigger touched_changed after update on organisation referencing new table as fresh old table as before
    for each statement execute function touched_organisation();
create trigger touched_new after insert on directory_policy referencing new table as fresh
    for each statement execute function touched_policy();
create trigger touched_changed after update on directory_policy referencing new table as fresh
    for each statement execute function touched_policy();

-- From here on: what is told, a thousand at a time in the order of their locks. The plans of these functions are made once
-- for each connection, often while tables are nearly empty: so everything is found by index, and costs the same for each
-- of a thousand as for one alone.

create function slices(p_ids uuid[]) returns setof uuid[] language sql immutable rows 1 as $$
    select sorted.ids[at : at + 999]
    from (select array(select distinct id from unnest(p_ids) id order by id) as ids) sorted,
        generate_series(1, cardinality(sorted.ids), 1000) at
$$;

create or replace function feed_publish(p_memberships uuid[], p_day date) returns bigint language plpgsql as $$
declare
    slice uuid[];
    removed bigint := 0;
begin
    for slice in select * from slices(p_memberships) loop
        removed := removed + feed_publish_some(slice, p_day);
    end loop;
    return removed;
end $$;

-- See sync.sql: locked first, looked at by the next statement; no version without a difference; a position is never below
-- that of the member's entry before it.
create function feed_publish_some(p_memberships uuid[], p_day date) returns bigint language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    removed bigint;
begin
    if p_day is not null then
        insert into feed_member (membership_id, network_id, organisation_id, version, op, listed, origin, shown_on, bucket)
        select m.id, m.network_id, m.organisation_id, 0, 'new', false, '', p_day, get_byte(sha256(m.id::text::bytea), 0)
        from membership m where m.id = any (p_memberships)
        and not exists (select from feed_member f where f.membership_id = m.id)
        order by m.id on conflict (membership_id) do nothing;
    end if;
    perform from feed_member where membership_id = any (p_memberships) order by membership_id for update;
    with seen as materialized (
        select f.membership_id, f.network_id, f.organisation_id, f.version, f.op, f.body, f.moved_xid,
            coalesce(p_day, f.shown_on) as day, v.pending, v.origin, v.body as looks
        from feed_member f
        left join lateral feed_view(f.membership_id, f.network_id, f.organisation_id, coalesce(p_day, f.shown_on)) v
            on true
        where f.membership_id = any (p_memberships)
    ), compared as materialized (
        select s.*, told.one, case when told.one = 1 then feed_versioned(s.looks, s.version + 1) else s.body end as said
        from seen s cross join lateral (
            select (s.op = 'new' or (s.op = 'upsert') <> (s.looks is not null)
                    or s.body is distinct from feed_versioned(s.looks, s.version))::int as one
        ) told
    ), marked as (
        update feed_member f set shown_on = s.day, listed = s.looks is not null and not s.pending,
            origin = coalesce(s.origin, ''), op = case when s.looks is null then 'remove' else 'upsert' end,
            version = s.version + s.one, body = s.said,
            body_hash = case when s.one = 1 then sha256(convert_to(s.said, 'UTF8')) else f.body_hash end,
            moved_xid = case when s.one = 1 then greatest(pg_current_xact_id(), s.moved_xid) else f.moved_xid end
        from compared s where f.membership_id = s.membership_id
        returning f.membership_id, f.network_id, f.organisation_id, f.op, f.version, f.body, f.moved_xid, s.day,
            s.one, case when s.op <> 'upsert' and s.pending then 'planned' when s.op <> 'upsert' then 'joined'
                   when s.body like '%,"status":"pending",%' and not s.pending then 'joined'
                   else 'changed' end as why
    ), told as (
        insert into feed (network_id, organisation_id, membership_id, op, reason, version, recorded_at, xid, member)
        select network_id, organisation_id, membership_id, op,
            case op when 'remove' then feed_reason(membership_id, organisation_id, day) else why end,
            version, now(), moved_xid, body
        from marked where one = 1 order by membership_id returning network_id, op
    ), heard as (
        select pg_notify('klynge_feed', network_id::text) from told group by network_id
    )
    select count(*) filter (where op = 'remove') from told, (select count(*) from heard) h into removed;
    return removed;
end $$;

-- What organisations are called and what they are is told as of the day each of their memberships was last looked at.
create function feed_publish_of(p_organisations uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
begin
    perform feed_publish(array(select membership_id from feed_member where organisation_id = any (p_organisations)), null);
end $$;

-- Who speaks for an organisation is told where that is disclosed.
create function share_publish_of(p_organisations uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    slice uuid[];
begin
    if not exists (select from disclosure d join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force
                   where t.fields ?| '{contact_name,contact_email}') then
        return;
    end if;
    for slice in select * from slices(array(
        select f.membership_id from feed_member f
        join disclosure d on d.network_id = f.network_id
        join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force
        where f.organisation_id = any (p_organisations) and t.fields ?| '{contact_name,contact_email}'))
    loop
        perform share_publish(slice);
    end loop;
end $$;

-- See shares.sql. Whether a share is there is asked by the membership, and by no other index: the planner that knows
-- an empty table would look through all shares of the disclosure for each.
create or replace function share_publish(p_memberships uuid[], p_wait boolean default true) returns bigint
    language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
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
    and not exists (select from (select s.disclosure_id from share s where s.membership_id = f.membership_id offset 0) s
                    where s.disclosure_id = d.id)
    order by f.membership_id, d.id on conflict (disclosure_id, membership_id) do nothing;
    if p_wait then
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update);
    else
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update skip locked);
    end if;
    if ours = '{}' then
        return 0;
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

-- Is a field of a membership to be seen by anybody: what the member says, else its network, else the default?
create function directory_open(p_said jsonb, p_policy jsonb, p_field text) returns boolean
language sql immutable parallel safe as $$
    select coalesce(p_said ->> p_field, p_policy ->> p_field, directory_defaults() ->> p_field) = 'public'
$$;

-- What anybody may see of an organisation on a day; no row when it is not to be seen at all. (`offset 0`: looked at for each
-- organisation of the caller, never for all there are and then compared.)
create function directory_view(p_organisation uuid, p_day date)
returns table (name text, sort_name text, joined_on date, tags text[], body jsonb) language sql stable rows 1 as $$
    select w.name, w.sort_name, li.joined_on,
        li.tags || ('k:' || w.kind) || ('l:' || w.country)
            || case when li.place and w.county <> '' then array['c:' || w.county] else '{}' end
            || case when li.size and w.employees is not null then array['s:' || directory_band(w.employees)] else '{}' end
            || case when li.fields then array(select 'f:' || e from jsonb_array_elements_text(w.fields) e) else '{}' end
            || case when li.offers then array(select 'o:' || e from jsonb_array_elements_text(w.offers) e)
                || array(select 'w:' || e from jsonb_array_elements_text(w.seeks) e) else '{}' end
            || array(select 'g:' || e from jsonb_array_elements_text(w.languages) e),
        jsonb_build_object('kind', w.kind, 'country', w.country, 'memberships', li.memberships,
            'languages', w.languages,
            'county', case when li.place then w.county else '' end,
            'municipality', case when li.place then w.municipality else '' end,
            'size', case when li.size then directory_band(w.employees) else '' end,
            'website', case when li.website then w.website else '' end,
            'summary', case when li.summary then w.summary else '{}' end,
            'fields', case when li.fields then w.fields else '[]' end,
            'offers', case when li.offers then w.offers else '[]' end,
            'seeks', case when li.offers then w.seeks else '[]' end)
    from (
        select o.id, o.name, o.sort_name, o.website, f.kind, f.country, f.county, f.municipality, f.employees,
            coalesce(l.summary, '{}') as summary,
            case when jsonb_array_length(l.fields) > 0 then l.fields else o.fields end as fields,
            coalesce(l.offers, '[]') as offers, coalesce(l.seeks, '[]') as seeks,
            coalesce(l.languages, '[]') as languages, coalesce(l.visibility, '{}') as visibility
        from organisation o
        join organisation_profile f on f.organisation_id = o.id and f.superseded_at is null
            and f.starts_on <= p_day and (f.ends_on is null or f.ends_on > p_day)
        left join listing l on l.organisation_id = o.id
        left join lateral (select c.given from consent c where c.organisation_id = o.id and c.purpose = 'directory'
            order by c.recorded_at desc limit 1) said on true
        where o.id = p_organisation and coalesce(o.merged_on > p_day, true)
            and coalesce(l.listed, true) and l.restricted_at is null and coalesce(said.given, f.kind <> 'person')
    ) w cross join lateral (
        select min(m.since) as joined_on,
            jsonb_agg(jsonb_build_object('network', m.slug, 'tier', case when m.tier_open then m.tier else '' end,
                'origin', m.origin, 'since', m.since, 'via', case when m.via = any (m.slugs) then m.via else '' end,
                'rule', case when m.via = any (m.slugs) then m.rule else '' end)
                order by m.origin = 'linked', m.slug) as memberships,
            array_agg('n:' || m.slug order by m.slug)
                || coalesce(array_agg('t:' || m.slug || '/' || m.tier order by m.slug) filter (where m.tier_open), '{}')
                || case when bool_or(m.origin <> 'direct') then array['m:linked'] else '{}' end as tags,
            bool_or(m.place) as place, bool_or(m.size) as size, bool_or(m.fields) as fields,
            bool_or(m.offers) as offers, bool_or(m.website) as website, bool_or(m.summary) as summary
        from (
            select n.slug, p.tier, p.origin, s.since, coalesce(g.via, '') as via, coalesce(g.rule, '') as rule,
                array_agg(n.slug) over () as slugs,
                directory_open(w.visibility -> n.slug, d.visibility, 'tier') as tier_open,
                directory_open(w.visibility -> n.slug, d.visibility, 'place') as place,
                directory_open(w.visibility -> n.slug, d.visibility, 'size') as size,
                directory_open(w.visibility -> n.slug, d.visibility, 'fields') as fields,
                directory_open(w.visibility -> n.slug, d.visibility, 'offers') as offers,
                directory_open(w.visibility -> n.slug, d.visibility, 'website') as website,
                directory_open(w.visibility -> n.slug, d.visibility, 'summary') as summary
            from membership_period p
            join network n on n.id = p.network_id and n.instance = ''
            left join directory_policy d on d.network_id = n.id
            cross join lateral (select least(min(b.starts_on), min(c.carried_since)) as since from membership c
                join membership_period b on b.organisation_id = p.organisation_id and b.membership_id = c.id
                    and b.superseded_at is null
                where c.id = p.membership_id) s
            left join lateral (select v.slug as via, g.rule from membership_grant g
                join network v on v.id = g.source_network_id
                where g.membership_id = p.membership_id and g.kind = 'linked' and g.superseded_at is null
                    and g.starts_on <= p_day and (g.ends_on is null or g.ends_on > p_day)
                order by g.starts_on, v.slug, g.rule limit 1) g on true
            where p.organisation_id = w.id and p.superseded_at is null and p.status = 'active'
                and p.starts_on <= p_day and (p.ends_on is null or p.ends_on > p_day)
                and directory_open(w.visibility -> n.slug, d.visibility, 'membership')
        ) m
    ) li
    where li.joined_on is not null
    offset 0
$$;

-- How an organisation looks in the directory; `next_on`: the first day after this one on which anything of it starts or ends.
create type directory_look as (organisation_id uuid, shown boolean, name text, skey text, sort_name text, joined_on date,
    next_on date, tags text[], body jsonb);

-- Addresses: the name in plain letters; who comes second to a name has a few letters of its id behind it, for good.
create function directory_name_slugs(p_looks directory_look[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    theirs uuid[];
    bases text[];
begin
    select array_agg(w.organisation_id order by w.base, w.organisation_id), array_agg(w.base order by w.base, w.organisation_id)
    into theirs, bases from (
        select organisation_id, coalesce(nullif(rtrim(left(replace(skey, ' ', '-'), 80), '-'), ''), 'x') as base
        from unnest(p_looks) where shown) w
    where not exists (select from directory_slug s where s.organisation_id = w.organisation_id and s.newest
        and s.slug in (w.base, w.base || '-' || left(md5(w.organisation_id::text), 6)));
    if theirs is null then
        return;
    end if;
    update directory_slug set newest = false where organisation_id = any (theirs) and newest;
    -- Its own old name again, or a name nobody has had: else the longer one.
    update directory_slug s set newest = true from unnest(theirs, bases) w (id, base)
    where s.organisation_id = w.id and s.slug = w.base;
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base, w.id, true, now() from unnest(theirs, bases) w (id, base)
    where not exists (select from directory_slug s where s.organisation_id = w.id and s.newest)
    order by w.base, w.id on conflict do nothing;
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base || '-' || left(md5(w.id::text), 6), w.id, true, now() from unnest(theirs, bases) w (id, base)
    where not exists (select from directory_slug s where s.organisation_id = w.id and s.newest)
    on conflict (slug) do update set newest = true;
end $$;

-- (directory_words: directory_search.sql.)
-- Look at these organisations on a day and keep what anybody may see. Locked first and looked at by the next statement,
-- so that what another transaction has changed meanwhile is seen; written once, and only if anything is different. How
-- many look otherwise than before.
create function directory_publish_some(p_organisations uuid[], p_day date) returns bigint language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    looks directory_look[];
begin
    insert into directory_entry (organisation_id, changed_at)
    select m.organisation_id, now() from membership m where m.organisation_id = any (p_organisations)
    and not exists (select from directory_entry e where e.organisation_id = m.organisation_id)
    group by m.organisation_id order by m.organisation_id on conflict do nothing;
    perform from directory_entry where organisation_id = any (p_organisations) order by organisation_id for update;
    looks := array(
        select row(e.organisation_id, v.name is not null, coalesce(v.name, ''), k.skey, coalesce(v.sort_name, ''),
            v.joined_on, n.next_on, coalesce(v.tags, '{}'), v.body)::directory_look
        from directory_entry e
        left join lateral directory_view(e.organisation_id, p_day) v on true
        cross join lateral (select least(
            (select min(case when p.starts_on > p_day then p.starts_on else p.ends_on end) from membership_period p
             where p.organisation_id = e.organisation_id and p.superseded_at is null
             and (p.starts_on > p_day or p.ends_on > p_day)),
            (select min(case when f.starts_on > p_day then f.starts_on else f.ends_on end) from organisation_profile f
             where f.organisation_id = e.organisation_id and f.superseded_at is null
             and (f.starts_on > p_day or f.ends_on > p_day)),
            (select o.merged_on from organisation o where o.id = e.organisation_id and o.merged_on > p_day)) as next_on) n
        cross join lateral (select case when v.name is null then '' when v.name = e.name then e.skey
            else directory_key(v.name) end as skey) k
        where e.organisation_id = any (p_organisations)
            and (v.name is not null, coalesce(v.name, ''), coalesce(v.tags, '{}'), v.body, v.joined_on, n.next_on)
                is distinct from (e.shown, e.name, e.tags, e.body, e.joined_on, e.next_on));
    if looks <> '{}' then
        perform directory_name_slugs(looks);
        update directory_entry e set shown = s.shown, name = s.name, skey = s.skey, sort_name = s.sort_name, tags = s.tags,
            body = s.body, joined_on = s.joined_on, next_on = s.next_on, changed_at = now(),
            moved_xid = pg_current_xact_id(),
            slug = case when s.shown then (select d.slug from directory_slug d
                where d.organisation_id = e.organisation_id and d.newest) else '' end,
            doc = case when s.shown then
                directory_words(s.skey, directory_key(concat_ws(' ', s.body ->> 'municipality',
                    s.body -> 'summary' ->> 'nb', s.body -> 'summary' ->> 'en')), s.tags) else '' end
        from unnest(looks) s where e.organisation_id = s.organisation_id;
    end if;
    -- The address of a person who is not shown says who it was.
    delete from directory_slug s using directory_entry e
    where e.organisation_id = any (p_organisations) and not e.shown and s.organisation_id = e.organisation_id
        and exists (select from organisation_profile f where f.organisation_id = e.organisation_id
                    and f.superseded_at is null and f.kind = 'person');
    return cardinality(looks);
end $$;

create or replace function directory_publish(p_organisations uuid[], p_day date) returns bigint language plpgsql as $$
declare
    slice uuid[];
    moved bigint := 0;
begin
    for slice in select * from slices(p_organisations) loop
        moved := moved + directory_publish_some(slice, p_day);
    end loop;
    return moved;
end $$;

-- New words wait in a list until they are sorted into an index, and every search reads that list: a short one.
alter index directory_entry_doc set (gin_pending_list_limit = 256);
alter index directory_entry_like set (gin_pending_list_limit = 256);
