-- What telling of many new ones costs (ADR 0047): a row that is new is written once, finished, instead of held empty first
-- and filled afterwards. Whoever stands there already is locked, and looked at by the next statement, as before.
-- (A subquery that gives one value is looked up for each row by its index; of a join with a table that was nearly empty
-- when the plan was made, the planner would rather look through all of it, each time.)

-- See sync.sql and settling.sql. Of two transactions that tell of a member for the first time, the second waits for the
-- first at its row, writes none, and goes on as for every other member.
create or replace function feed_publish_some(p_memberships uuid[], p_day date) returns bigint language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    removed bigint := 0;
    new uuid[] := '{}';
    rest uuid[] := p_memberships;
begin
    if p_day is not null then
        new := array(select m.id from membership m where m.id = any (p_memberships)
                     and (select true from feed_member f where f.membership_id = m.id) is null);
    end if;
    if new <> '{}' then
        with looks as materialized (
            select m.id, m.network_id, m.organisation_id, v.pending, v.origin, feed_versioned(v.body, 1) as body
            from membership m left join lateral feed_view(m.id, m.network_id, m.organisation_id, p_day) v on true
            where m.id = any (new)
        ), made as (
            insert into feed_member (membership_id, network_id, organisation_id, version, op, listed, origin, shown_on,
                bucket, body, body_hash, moved_xid)
            select id, network_id, organisation_id, 1, case when body is null then 'remove' else 'upsert' end,
                body is not null and not pending, coalesce(origin, ''), p_day, get_byte(sha256(id::text::bytea), 0), body,
                sha256(convert_to(body, 'UTF8')), pg_current_xact_id()
            from looks order by id on conflict (membership_id) do nothing
            returning membership_id, network_id, organisation_id, op, listed, body, moved_xid
        ), told as (
            insert into feed (network_id, organisation_id, membership_id, op, reason, version, recorded_at, xid, member)
            select network_id, organisation_id, membership_id, op, case when op = 'remove' then
                    feed_reason(membership_id, organisation_id, p_day) when listed then 'joined' else 'planned' end,
                1, now(), moved_xid, body
            from made order by membership_id returning network_id, membership_id, op
        ), heard as (
            select pg_notify('klynge_feed', network_id::text) from told group by network_id
        )
        select count(*) filter (where op = 'remove'), coalesce(array_agg(membership_id), '{}')
        from told, (select count(*) from heard) h into removed, new;
        rest := array(select unnest(p_memberships) except select unnest(new));
    end if;
    if rest = '{}' then
        return removed;
    end if;
    perform from feed_member where membership_id = any (rest) order by membership_id for update;
    with seen as materialized (
        select f.membership_id, f.network_id, f.organisation_id, f.version, f.op, f.body, f.moved_xid,
            coalesce(p_day, f.shown_on) as day, v.pending, v.origin, v.body as looks
        from feed_member f
        left join lateral feed_view(f.membership_id, f.network_id, f.organisation_id, coalesce(p_day, f.shown_on)) v
            on true
        where f.membership_id = any (rest)
    ), compared as materialized (
        select s.*, told.one, case when told.one = 1 then feed_versioned(s.looks, s.version + 1) else s.body end as said
        from seen s cross join lateral (
            select ((s.op = 'upsert') <> (s.looks is not null)
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
    select removed + count(*) filter (where op = 'remove') from told, (select count(*) from heard) h into removed;
    return removed;
end $$;
create trigger share_told_new after insert on feed_member referencing new table as seen
    for each statement execute function share_feed_member();

-- See shares.sql and settling.sql.
create or replace function share_publish(p_memberships uuid[], p_wait boolean default true) returns bigint
    language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    changed bigint;
    first bigint;
    made bigint;
    ours bigint[];
begin
    if p_memberships = '{}' or not exists (select from disclosure) then
        return 0;
    end if;
    with looks as materialized (
        select v.disclosure_id, v.membership_id, f.organisation_id, f.bucket, v.state, v.in_force,
            feed_versioned(v.body, 1) as body
        from share_view(p_memberships) v cross join lateral (
            select organisation_id, bucket from feed_member f where f.membership_id = v.membership_id offset 0) f
        where (select true from (select s.disclosure_id from share s where s.membership_id = v.membership_id offset 0) s
               where s.disclosure_id = v.disclosure_id) is null
    ), new as (
        insert into share (disclosure_id, membership_id, organisation_id, bucket, state, terms_version, version, op, reason,
            body, body_hash, since, seq, moved_xid)
        select disclosure_id, membership_id, organisation_id, bucket, state, in_force, t.told, case t.told when 1 then
            'upsert' else 'none' end, case t.told when 1 then 'shared' else '' end, body,
            sha256(convert_to(body, 'UTF8')), case t.told when 1 then now() end,
            case t.told when 1 then nextval('share_seq') else 0 end,
            case t.told when 1 then pg_current_xact_id() else '0'::xid8 end
        from looks cross join lateral (select (body is not null)::int as told) t
        order by membership_id, disclosure_id on conflict (disclosure_id, membership_id) do nothing
        returning disclosure_id, membership_id, organisation_id, op, terms_version, body_hash
    ), logged as (
        insert into share_version (disclosure_id, membership_id, organisation_id, version, op, reason, terms_version,
            body_hash, recorded_at)
        select disclosure_id, membership_id, organisation_id, 1, op, 'shared', terms_version, body_hash, now()
        from new where op = 'upsert' order by disclosure_id, membership_id returning disclosure_id
    ), heard as (
        select pg_notify('klynge_feed', disclosure_id::text) from logged group by disclosure_id
    )
    select (select count(*) from logged), (select count(*) from new) from (select count(*) from heard) h into first, made;
    -- All of them new: there is nothing else to look at.
    if made = (select count(*) from share where membership_id = any (p_memberships)) then
        return first;
    end if;
    if p_wait then
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update);
    else
        ours := array(select row_id from share where membership_id = any (p_memberships)
                      order by membership_id, disclosure_id for update skip locked);
    end if;
    if ours = '{}' then
        return first;
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
    select first + count(*) from logged, (select count(*) from heard) h into changed;
    return changed;
end $$;

-- How these organisations look in the directory on a day.
create function directory_look_at(p_organisations uuid[], p_day date) returns setof directory_look language sql stable as $$
    select o.id, v.name is not null, coalesce(v.name, ''), case when v.name is null then '' else directory_key(v.name) end,
        coalesce(v.sort_name, ''), v.joined_on, least(
            (select min(case when p.starts_on > p_day then p.starts_on else p.ends_on end) from membership_period p
             where p.organisation_id = o.id and p.superseded_at is null and (p.starts_on > p_day or p.ends_on > p_day)),
            (select min(case when f.starts_on > p_day then f.starts_on else f.ends_on end) from organisation_profile f
             where f.organisation_id = o.id and f.superseded_at is null and (f.starts_on > p_day or f.ends_on > p_day)),
            case when o.merged_on > p_day then o.merged_on end),
        coalesce(v.tags, '{}'), v.body
    from organisation o left join lateral directory_view(o.id, p_day) v on true
    where o.id = any (p_organisations)
$$;

-- See settling.sql.
create or replace function directory_name_slugs(p_looks directory_look[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    theirs uuid[];
    bases text[];
    made bigint;
begin
    select array_agg(w.organisation_id order by w.base, w.organisation_id), array_agg(w.base order by w.base, w.organisation_id)
    into theirs, bases from (
        select organisation_id, coalesce(nullif(rtrim(left(replace(skey, ' ', '-'), 80), '-'), ''), 'x') as base
        from unnest(p_looks) where shown) w
    where (select true from directory_slug s where s.organisation_id = w.organisation_id and s.newest
        and s.slug in (w.base, w.base || '-' || left(md5(w.organisation_id::text), 6))) is null;
    if theirs is null then
        return;
    end if;
    update directory_slug set newest = false where organisation_id = any (theirs) and newest;
    -- Its own old name again, or a name nobody has had: else the longer one.
    update directory_slug set newest = true where slug = any (array(
        select own.slug from unnest(theirs, bases) w (id, base) cross join lateral (
            select s.slug from directory_slug s where s.slug = w.base and s.organisation_id = w.id offset 0) own));
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base, w.id, true, now() from unnest(theirs, bases) w (id, base)
    where (select true from directory_slug s where s.organisation_id = w.id and s.newest) is null
    order by w.base, w.id on conflict do nothing;
    get diagnostics made = row_count;
    if made = cardinality(theirs) then
        return;
    end if;
    insert into directory_slug (slug, organisation_id, newest, since)
    select w.base || '-' || left(md5(w.id::text), 6), w.id, true, now() from unnest(theirs, bases) w (id, base)
    where (select true from directory_slug s where s.organisation_id = w.id and s.newest) is null
    on conflict (slug) do update set newest = true;
end $$;

-- The words it is found by.
create function directory_doc(p_look directory_look) returns tsvector language sql immutable as $$
    select directory_words(p_look.skey, directory_key(concat_ws(' ', p_look.body ->> 'municipality',
        p_look.body -> 'summary' ->> 'nb', p_look.body -> 'summary' ->> 'en')), p_look.tags)
$$;

-- See directory.sql and settling.sql.
create or replace function directory_publish_some(p_organisations uuid[], p_day date) returns bigint language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    new uuid[] := array(select distinct m.organisation_id from membership m where m.organisation_id = any (p_organisations)
        and (select true from directory_entry e where e.organisation_id = m.organisation_id) is null);
    rest uuid[] := p_organisations;
    looks directory_look[];
    moved bigint := 0;
begin
    if new <> '{}' then
        looks := array(select l from directory_look_at(new, p_day) l);
        perform directory_name_slugs(looks);
        with made as (
            insert into directory_entry (organisation_id, shown, name, skey, sort_name, tags, body, joined_on, next_on,
                changed_at, moved_xid, slug, doc)
            select s.organisation_id, s.shown, s.name, s.skey, s.sort_name, s.tags, s.body, s.joined_on, s.next_on, now(),
                pg_current_xact_id(), case when s.shown then (select d.slug from directory_slug d
                    where d.organisation_id = s.organisation_id and d.newest) else '' end,
                case when s.shown then directory_doc(s) else '' end
            from unnest(looks) s order by s.organisation_id on conflict (organisation_id) do nothing
            returning organisation_id, shown or next_on is not null as moved
        )
        select array_agg(organisation_id), count(*) filter (where made.moved) from made into new, moved;
        rest := array(select unnest(p_organisations) except select unnest(new));
    end if;
    perform from directory_entry where organisation_id = any (rest) order by organisation_id for update;
    if not found then
        return moved;
    end if;
    looks := array(
        select l from directory_look_at(rest, p_day) l join directory_entry e on e.organisation_id = l.organisation_id
        where (l.shown, l.name, l.tags, l.body, l.joined_on, l.next_on)
            is distinct from (e.shown, e.name, e.tags, e.body, e.joined_on, e.next_on));
    if looks <> '{}' then
        perform directory_name_slugs(looks);
        update directory_entry e set shown = s.shown, name = s.name, skey = s.skey, sort_name = s.sort_name, tags = s.tags,
            body = s.body, joined_on = s.joined_on, next_on = s.next_on, changed_at = now(),
            moved_xid = pg_current_xact_id(),
            slug = case when s.shown then (select d.slug from directory_slug d
                where d.organisation_id = e.organisation_id and d.newest) else '' end,
            doc = case when s.shown then directory_doc(s) else '' end
        from unnest(looks) s where e.organisation_id = s.organisation_id;
    end if;
    -- The address of a person who is not shown says who it was.
    delete from directory_slug s using directory_entry e
    where e.organisation_id = any (rest) and not e.shown and s.organisation_id = e.organisation_id
        and exists (select from organisation_profile f where f.organisation_id = e.organisation_id
                    and f.superseded_at is null and f.kind = 'person');
    return moved + cardinality(looks);
end $$;

-- What points to what never vanishes is looked up by the statement (ADR 0021): here too, all that a row points to in one go.
create trigger no_delete before delete on disclosure for each row execute function forbid_change();
create trigger no_truncate before truncate on disclosure for each statement execute function forbid_change();
create trigger id_stays before update of id on disclosure for each row when (new.id is distinct from old.id)
    execute function forbid_change();
do $$
declare
    pair text[];
    target text;
    lookups text;
    whether text;
begin
    foreach pair slice 1 in array array[
        ['membership', 'organisation network'], ['membership_grant', 'membership organisation network source_network'],
        ['membership_period', 'membership organisation network'], ['feed_member', 'organisation network'],
        ['feed', 'organisation network'], ['share', 'organisation disclosure'],
        ['share_version', 'organisation disclosure']] loop
        lookups := '';
        foreach target in array string_to_array(pair[2], ' ') loop
            execute format('alter table %I drop constraint %I', pair[1], format('%s_%s_id_fkey', pair[1], target));
            lookups := lookups || format(' when f.%1$s_id is not null and (select true from %2$I t where t.id = f.%1$s_id)'
                ' is null then %2$L', target, replace(target, 'source_', ''));
        end loop;
        execute format($function$
            create function %1$I() returns trigger language plpgsql set enable_seqscan = off as $body$
            declare
                missing text := (select w.missing from (select case %2$s end as missing from fresh f) w
                                 where w.missing is not null limit 1);
            begin
                if missing is not null then
                    raise exception '%% points to a missing %%', tg_table_name, missing
                        using errcode = 'foreign_key_violation';
                end if;
                return null;
            end $body$ $function$, 'points_of_' || pair[1], lookups);
        execute format('create trigger points_somewhere after insert on %1$I referencing new table as fresh
            for each statement execute function %2$I()', pair[1], 'points_of_' || pair[1]);
    end loop;
end $$;
-- (Of grants, periods, entries of the feed and versions of shares nothing that points is ever updated.)
create trigger points_stay before update of organisation_id, network_id on membership for each row
    when ((new.organisation_id, new.network_id) is distinct from (old.organisation_id, old.network_id))
    execute function forbid_change();
create trigger points_stay before update of organisation_id, network_id on feed_member for each row
    when ((new.organisation_id, new.network_id) is distinct from (old.organisation_id, old.network_id))
    execute function forbid_change();
create trigger points_stay before update of organisation_id, disclosure_id on share for each row
    when ((new.organisation_id, new.disclosure_id) is distinct from (old.organisation_id, old.disclosure_id))
    execute function forbid_change();

-- Many entries of one deed: their texts and seals by the statement, the chain alone one after the other.
create function audit_told(a audit) returns text language sql immutable as $$
    select jsonb_build_object('seq', a.seq, 'channel', a.channel, 'action', a.action, 'network_id', a.network_id,
            'organisation_id', a.organisation_id, 'subject_id', a.subject_id,
            'actor_seal', case when a.actor_seal <> '' then a.actor_seal else audit_sealed(a.actor_salt, a.actor) end,
            'detail_seal', case when a.detail_seal <> '' then a.detail_seal
                else audit_sealed(a.detail_salt, a.detail::text) end)::text
        || e'\n' || extract(epoch from a.recorded_at)::text
$$;
create or replace function audit_hash(prev text, a audit) returns text language sql immutable as $$
    select encode(sha256(convert_to(prev || e'\n' || audit_told(a), 'UTF8')), 'hex')
$$;
create or replace function audit_append_rows(
    p_actor text, p_channel text, p_action text, p_network uuid, p_subject uuid, p_organisations uuid[], p_details jsonb[]
) returns bigint language plpgsql as $$
declare
    head audit_head;
    entries audit[];
    texts text[];
    hashes text[];
begin
    update audit_head set seq = audit_head.seq returning * into head;
    for start in 1 .. coalesce(cardinality(p_organisations), 0) by 1000 loop
        select array_agg(e order by place), array_agg(audit_told(e) order by place) into entries, texts from (
            select place, row(head.seq + place, clock_timestamp(), p_actor, p_channel, p_action, p_network, organisation,
                p_subject, detail, '', audit_salt(), '', audit_salt(), '')::audit as e
            from unnest(p_organisations[start : start + 999], p_details[start : start + 999])
                with ordinality as o (organisation, detail, place)
            offset 0) made;
        hashes := '{}';
        for place in 1 .. cardinality(texts) loop
            head.hash := encode(sha256(convert_to(head.hash || e'\n' || texts[place], 'UTF8')), 'hex');
            hashes[place] := head.hash;
        end loop;
        insert into audit (seq, recorded_at, actor, channel, action, network_id, organisation_id, subject_id, detail, hash,
            actor_salt, actor_seal, detail_salt, detail_seal)
        select e.seq, e.recorded_at, e.actor, e.channel, e.action, e.network_id, e.organisation_id, e.subject_id, e.detail,
            hashes[place], e.actor_salt, e.actor_seal, e.detail_salt, e.detail_seal
        from unnest(entries) with ordinality as e (seq, recorded_at, actor, channel, action, network_id, organisation_id,
            subject_id, detail, hash, actor_salt, actor_seal, detail_salt, detail_seal, place) order by place;
        head.seq := head.seq + cardinality(texts);
    end loop;
    update audit_head set seq = head.seq, hash = head.hash;
    return head.seq;
end $$;
