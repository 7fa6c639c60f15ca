-- The directory (ADR 0029). `directory_publish` is the only writer of directory_entry: it looks at organisations on a
-- day and keeps what anybody may see of them. Triggers note whose facts a transaction has touched, and one look is taken
-- at all of them together as its last act: so what is searched is what is stored, from the moment of the commit.
create extension if not exists pg_trgm;

alter table listing
    add constraint listing_shapes check (jsonb_typeof(summary) = 'object' and jsonb_typeof(visibility) = 'object'
        and jsonb_typeof(fields) = 'array' and jsonb_typeof(offers) = 'array' and jsonb_typeof(seeks) = 'array'
        and jsonb_typeof(languages) = 'array');
alter table listing_change
    add constraint listing_change_state check (state in ('published', 'waiting', 'declined', 'replaced'));
create unique index listing_waits_once on listing_change (organisation_id) where state = 'waiting';
create unique index listing_person_once on listing_person (contact_id) where withdrawn_at is null;
create trigger no_delete before delete on listing_change for each row execute function forbid_change();

-- Letters as they are typed on any keyboard: small, without marks, æ ø å as ae o a; everything else is a gap. The same
-- in Python: crm/directory_words.py.
create function directory_key(p_text text) returns text language sql immutable parallel safe as $$
    select trim(regexp_replace(regexp_replace(
        replace(replace(replace(replace(translate(lower(normalize(p_text, nfkd)), 'øđðłıħŧ', 'oddliht'),
            'æ', 'ae'), 'œ', 'oe'), 'ß', 'ss'), 'þ', 'th'),
        '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+', ' ', 'g'))
$$;

create sequence directory_place as integer;
create table directory_state (
    only_one boolean primary key default true check (only_one),
    day date not null,
    epoch uuid not null default gen_random_uuid()
);
insert into directory_state (day) values (current_date);

alter table directory_entry
    add column tags text[] not null default '{}',
    add column doc tsvector not null default '',
    add column moved_xid xid8 not null default pg_current_xact_id(),
    alter column place set default nextval('directory_place'),
    add constraint directory_nothing_left check (shown or (name = '' and body is null and tags = '{}'));
create unique index directory_entry_place on directory_entry (place);
create index directory_entry_moved on directory_entry (moved_xid);
create index directory_entry_next on directory_entry (next_on) where next_on is not null;
create index directory_entry_slug on directory_entry (slug) where shown;
create index directory_entry_order on directory_entry (sort_name, organisation_id) where shown;
create index directory_entry_joined on directory_entry (joined_on desc, organisation_id) where shown;
create index directory_entry_prefix on directory_entry (skey text_pattern_ops) where shown;
create index directory_entry_doc on directory_entry using gin (doc) where shown;
create index directory_entry_like on directory_entry using gin (skey gin_trgm_ops) where shown;
create unique index directory_slug_newest on directory_slug (organisation_id) where newest;

-- {field: default}: as in cluster_rules/listings.py (tests/crm/reads/test_directory.py compares).
create function directory_defaults() returns jsonb language sql immutable parallel safe as $$
    select '{"membership": "public", "tier": "public", "summary": "public", "fields": "public", "offers": "public",
        "website": "public", "size": "public", "place": "public", "people": "members"}'::jsonb
$$;

create function directory_band(p_employees integer) returns text language sql immutable parallel safe as $$
    select case when p_employees is null then '' when p_employees < 10 then '1-9' when p_employees < 50 then '10-49'
        when p_employees < 250 then '50-249' else '250' end
$$;

-- What anybody may see of these organisations on a day; no row for one that is not to be seen at all.
create function directory_view(p_organisations uuid[], p_day date)
returns table (organisation_id uuid, name text, sort_name text, joined_on date, tags text[], body jsonb)
language sql stable as $$
    with who as (
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
        where o.id = any (p_organisations) and coalesce(o.merged_on > p_day, true)
            and coalesce(l.listed, true) and l.restricted_at is null and coalesce(said.given, f.kind <> 'person')
    ), standing as (
        select w.id, n.id as network_id, n.slug, p.tier, p.origin, s.since, w.visibility -> n.slug as said,
            d.visibility as policy, coalesce(g.via, '') as via, coalesce(g.rule, '') as rule
        from who w
        join membership_period p on p.organisation_id = w.id and p.superseded_at is null and p.status = 'active'
            and p.starts_on <= p_day and (p.ends_on is null or p.ends_on > p_day)
        join network n on n.id = p.network_id and n.instance = ''
        join lateral (select least(min(b.starts_on), min(m.carried_since)) as since from membership_period b
            join membership m on m.id = b.membership_id
            where b.membership_id = p.membership_id and b.superseded_at is null) s on true
        left join lateral (select v.slug as via, g.rule from membership_grant g
            join network v on v.id = g.source_network_id
            where g.membership_id = p.membership_id and g.kind = 'linked' and g.superseded_at is null
                and g.starts_on <= p_day and (g.ends_on is null or g.ends_on > p_day)
            order by g.starts_on, v.slug, g.rule limit 1) g on true
        left join directory_policy d on d.network_id = n.id
    ), levels as (
        select s.id, s.slug, f.key as field, coalesce(s.said ->> f.key, s.policy ->> f.key, f.value) as level
        from standing s cross join jsonb_each_text(directory_defaults()) f
    ), outward as (
        select s.*, l.level = 'public' as tier_open
        from standing s
        join levels m on m.id = s.id and m.slug = s.slug and m.field = 'membership' and m.level = 'public'
        join levels l on l.id = s.id and l.slug = s.slug and l.field = 'tier'
    ), open as (
        select l.id, array_agg(distinct l.field) as fields
        from levels l join outward o on o.id = l.id and o.slug = l.slug
        where l.level = 'public' group by l.id
    ), listed as (
        select o.id, min(o.since) as joined_on,
            jsonb_agg(jsonb_build_object('network', o.slug, 'tier', case when o.tier_open then o.tier else '' end,
                'origin', o.origin, 'since', o.since,
                'via', case when t.slug is null then '' else o.via end,
                'rule', case when t.slug is null then '' else o.rule end) order by o.origin = 'linked', o.slug) as memberships,
            array_agg('n:' || o.slug) || coalesce(array_agg('t:' || o.slug || '/' || o.tier) filter (where o.tier_open), '{}')
                || case when bool_or(o.origin <> 'direct') then array['m:linked'] else '{}' end as tags
        from outward o left join outward t on t.id = o.id and t.slug = o.via group by o.id
    )
    select w.id, w.name, w.sort_name, li.joined_on,
        li.tags || ('k:' || w.kind) || ('l:' || w.country)
            || case when 'place' = any (op.fields) and w.county <> '' then array['c:' || w.county] else '{}' end
            || case when 'size' = any (op.fields) and w.employees is not null
                then array['s:' || directory_band(w.employees)] else '{}' end
            || case when 'fields' = any (op.fields)
                then array(select 'f:' || e from jsonb_array_elements_text(w.fields) e) else '{}' end
            || case when 'offers' = any (op.fields) then
                array(select 'o:' || e from jsonb_array_elements_text(w.offers) e)
                || array(select 'w:' || e from jsonb_array_elements_text(w.seeks) e) else '{}' end
            || array(select 'g:' || e from jsonb_array_elements_text(w.languages) e),
        jsonb_build_object('kind', w.kind, 'country', w.country, 'memberships', li.memberships,
            'languages', w.languages,
            'county', case when 'place' = any (op.fields) then w.county else '' end,
            'municipality', case when 'place' = any (op.fields) then w.municipality else '' end,
            'size', case when 'size' = any (op.fields) then directory_band(w.employees) else '' end,
            'website', case when 'website' = any (op.fields) then w.website else '' end,
            'summary', case when 'summary' = any (op.fields) then w.summary else '{}' end,
            'fields', case when 'fields' = any (op.fields) then w.fields else '[]' end,
            'offers', case when 'offers' = any (op.fields) then w.offers else '[]' end,
            'seeks', case when 'offers' = any (op.fields) then w.seeks else '[]' end)
    from who w join listed li on li.id = w.id join open op on op.id = w.id
$$;

-- When do these look otherwise by themselves? The first day after p_day on which anything of theirs starts or ends.
create function directory_next(p_organisation uuid, p_day date) returns date language sql stable as $$
    select min(day) from (
        select unnest(array[p.starts_on, p.ends_on]) as day from membership_period p
        where p.organisation_id = p_organisation and p.superseded_at is null
        union all
        select unnest(array[f.starts_on, f.ends_on]) from organisation_profile f
        where f.organisation_id = p_organisation and f.superseded_at is null
        union all
        select o.merged_on from organisation o where o.id = p_organisation
    ) days where day > p_day
$$;

-- Addresses: the name in plain letters; who comes second to a name has a few letters of its id behind it, for good.
create function directory_name_slugs(p_organisations uuid[]) returns void language plpgsql as $$
begin
    create temporary table if not exists directory_slug_wanted (id uuid, base text) on commit delete rows;
    delete from directory_slug_wanted;
    insert into directory_slug_wanted
    select w.id, w.base from (
        select o.id, coalesce(nullif(rtrim(left(replace(directory_key(o.name), ' ', '-'), 80), '-'), ''), 'x') as base
        from organisation o where o.id = any (p_organisations)) w
    where not exists (select from directory_slug s where s.organisation_id = w.id and s.newest
        and s.slug in (w.base, w.base || '-' || left(md5(w.id::text), 6)));
    if not found then
        return;
    end if;
    update directory_slug s set newest = false
    from directory_slug_wanted w where s.organisation_id = w.id and s.newest;
    -- Its own old name again, or a name nobody has had: else the longer one.
    update directory_slug s set newest = true from directory_slug_wanted w
    where s.organisation_id = w.id and s.slug = w.base;
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base, w.id, true, now() from directory_slug_wanted w
    where not exists (select from directory_slug s where s.organisation_id = w.id and s.newest)
    order by w.base, w.id on conflict do nothing;
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base || '-' || left(md5(w.id::text), 6), w.id, true, now() from directory_slug_wanted w
    where not exists (select from directory_slug s where s.organisation_id = w.id and s.newest)
    on conflict (slug) do update set newest = true;
end $$;

-- Look at these organisations on a day and keep what anybody may see. Locked first and looked at by the next statement,
-- so that what another transaction has changed meanwhile is seen. How many look otherwise than before.
create function directory_publish_some(p_organisations uuid[], p_day date) returns bigint language plpgsql as $$
declare
    moved bigint;
begin
    insert into directory_entry (organisation_id, changed_at)
    select o.id, now() from organisation o where o.id = any (p_organisations)
        and exists (select from membership m where m.organisation_id = o.id)
    order by o.id on conflict do nothing;
    perform from directory_entry where organisation_id = any (p_organisations) order by organisation_id for update;
    with view as materialized (
        select * from directory_view(p_organisations, p_day)
    ), seen as materialized (
        select e.organisation_id, v.organisation_id is not null as shown, coalesce(v.name, '') as name,
            coalesce(directory_key(v.name), '') as skey, coalesce(v.sort_name, '') as sort_name,
            coalesce(v.tags, '{}') as tags, v.body, v.joined_on, directory_next(e.organisation_id, p_day) as next_on
        from directory_entry e left join view v on v.organisation_id = e.organisation_id
        where e.organisation_id = any (p_organisations)
    )
    update directory_entry e set shown = s.shown, slug = case when s.shown then e.slug else '' end, name = s.name,
        skey = s.skey, sort_name = s.sort_name, tags = s.tags, body = s.body, joined_on = s.joined_on,
        next_on = s.next_on, changed_at = now(), moved_xid = pg_current_xact_id(), doc = case when s.shown then
            setweight(to_tsvector('simple', s.skey), 'A') || setweight(array_to_tsvector(s.tags), 'B')
            || setweight(to_tsvector('simple', directory_key(concat_ws(' ', s.body ->> 'municipality',
                s.body -> 'summary' ->> 'nb', s.body -> 'summary' ->> 'en'))), 'C') else '' end
    from seen s
    where s.organisation_id = e.organisation_id
        and (s.shown, s.name, s.tags, s.body, s.joined_on, s.next_on)
            is distinct from (e.shown, e.name, e.tags, e.body, e.joined_on, e.next_on);
    get diagnostics moved = row_count;
    if moved > 0 then
        perform directory_name_slugs(array(select e.organisation_id from directory_entry e
            where e.organisation_id = any (p_organisations) and e.shown));
        update directory_entry e set slug = s.slug, moved_xid = pg_current_xact_id() from directory_slug s
        where e.organisation_id = any (p_organisations) and e.shown
            and s.organisation_id = e.organisation_id and s.newest and s.slug <> e.slug;
    end if;
    -- The address of a person who is not shown says who it was.
    delete from directory_slug s using directory_entry e
    where e.organisation_id = any (p_organisations) and not e.shown and s.organisation_id = e.organisation_id
        and exists (select from organisation_profile f where f.organisation_id = e.organisation_id
                    and f.superseded_at is null and f.kind = 'person');
    return moved;
end $$;

-- The same for any number of them, a few at a time and in the order of their locks: nobody tells the planner how many there
-- are, so it compares each with each (5,000 at once took 100 s; in slices it is a matter of how many there are).
create function directory_publish(p_organisations uuid[], p_day date) returns bigint language plpgsql as $$
declare
    slice uuid[];
    moved bigint := 0;
begin
    for slice in
        select array_agg(id) from (
            select id, (row_number() over (order by id) - 1) / 50 as number from unnest(p_organisations) id) s
        group by number order by number
    loop
        moved := moved + directory_publish_some(slice, p_day);
    end loop;
    return moved;
end $$;

-- Another day has come: those who look otherwise on it. Going back (only a rehearsal does) looks at all.
create function directory_turn(p_day date) returns bigint language plpgsql as $$
declare
    kept date;
    theirs uuid[];
begin
    select day into kept from directory_state for update;
    theirs := array(select organisation_id from directory_entry where next_on <= p_day or p_day < kept);
    if kept <> p_day then
        update directory_state set day = p_day;
    end if;
    return case when theirs = '{}' then 0 else directory_publish(theirs, p_day) end;
end $$;

-- Whose facts this transaction has touched; never seen by another one, and empty when it ends. A row for a statement, not
-- for an organisation: the trigger below fires for each, and looks past all that are gone already.
create unlogged table directory_stale (organisations uuid[] not null);
create function directory_settle() returns trigger language plpgsql as $$
declare
    theirs uuid[];
begin
    with taken as (delete from directory_stale returning organisations)
    select array_agg(distinct id) into theirs from taken, unnest(organisations) id;
    if theirs is not null then
        perform directory_publish(theirs, (select day from directory_state));
    end if;
    return null;
end $$;
create constraint trigger directory_settled after insert on directory_stale deferrable initially deferred
    for each row execute function directory_settle();

create function directory_touched() returns trigger language plpgsql as $$
begin
    insert into directory_stale
    select array_agg(distinct organisation_id) from touched where organisation_id is not null having count(*) > 0;
    return null;
end $$;
create function directory_touched_organisation() returns trigger language plpgsql as $$
begin
    insert into directory_stale select array_agg(n.id) from touched n join before b on b.id = n.id
    where (n.name, n.website, n.fields, n.merged_on) is distinct from (b.name, b.website, b.fields, b.merged_on)
    having count(*) > 0;
    return null;
end $$;
create function directory_touched_policy() returns trigger language plpgsql as $$
begin
    insert into directory_stale select array_agg(distinct m.organisation_id) from touched t
    join membership m on m.network_id = t.network_id having count(*) > 0;
    return null;
end $$;
do $$
declare
    t text;
begin
    foreach t in array array['membership_period', 'membership_grant', 'organisation_profile', 'listing', 'consent'] loop
        execute format('create trigger directory_new after insert on %I referencing new table as touched
            for each statement execute function directory_touched()', t);
        if t <> 'consent' then
            execute format('create trigger directory_changed after update on %I referencing new table as touched
                for each statement execute function directory_touched()', t);
        end if;
    end loop;
end $$;
create trigger directory_changed after update on organisation referencing new table as touched old table as before
    for each statement execute function directory_touched_organisation();
create trigger directory_new after insert on directory_policy referencing new table as touched
    for each statement execute function directory_touched_policy();
create trigger directory_changed after update on directory_policy referencing new table as touched
    for each statement execute function directory_touched_policy();

-- Names like a text, the likest first: for who mistypes. Words of a name count alone.
create function directory_alike(p_text text, p_most integer) returns setof integer language sql stable
    set pg_trgm.word_similarity_threshold = 0.42 as $$
    select place from directory_entry where shown and p_text <% skey
    order by word_similarity(p_text, skey) desc, place limit p_most
$$;

-- Walls. What anybody may see is open to every reader, and nothing else is in it; what a listing is made of is for the
-- offices of its networks and for the organisation itself.
grant select on directory_entry, directory_slug, directory_state, directory_policy to crm_reader, crm_member;
grant select on listing, listing_change, listing_person to crm_reader, crm_member;
alter table directory_policy enable row level security;
create policy own_network on directory_policy for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
create policy own_organisation on directory_policy for select to crm_member using (exists (
    select from membership m where m.network_id = directory_policy.network_id
    and m.organisation_id = any ((select crm_organisations())::uuid[])));
do $$
declare
    t text;
begin
    foreach t in array array['listing', 'listing_change', 'listing_person'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy own_network on %I for select to crm_reader using (exists (
            select from membership m where m.organisation_id = %I.organisation_id
            and m.network_id = any ((select crm_networks())::uuid[])))', t, t);
        execute format('create policy own_organisation on %I for select to crm_member
            using (organisation_id = any ((select crm_organisations())::uuid[]))', t);
    end loop;
end $$;

select directory_publish(array(select id from organisation), current_date);
