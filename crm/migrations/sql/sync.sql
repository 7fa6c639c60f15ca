-- What partners read (ADR 0020). `feed_publish` is the only writer of feed and feed_member: it looks at memberships
-- on a day, and tells of those that look otherwise than they were last told.

alter table feed_member add column moved_xid xid8 not null default '0';
alter table feed_head add column pruned_xid xid8 not null default '0';
alter table feed_epoch add constraint feed_epoch_one check (id = 1);

-- The server a position is of: another one, or another timeline of it, counts its transactions differently.
create function feed_server() returns text language sql volatile as $$
    select (select system_identifier from pg_control_system()) || '/' || (select timeline_id from pg_control_checkpoint())
$$;
insert into feed_epoch (id, epoch, server, secret)
select 1, left(md5(gen_random_uuid()::text), 8), feed_server(),
    sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea);

-- One membership on a day: the stretch it is in (or the next one, which is pending), and the member as JSON without a
-- space, its keys in the order of the alphabet (RFC 8785), so that anybody can compute the same hash. The last key,
-- `version`, is put there by `feed_versioned`. No row: it is gone.
create function feed_view(p_membership uuid, p_network uuid, p_organisation uuid, p_day date)
returns table (pending boolean, origin text, body text) language sql stable as $$
    with stretch as (
        select * from membership_period
        where network_id = p_network and organisation_id = p_organisation and superseded_at is null
    )
    select p.starts_on > p_day, p.origin::text, (
        select row_to_json(member)::text from (
            select
                (select nullif(min(coalesce(e.ends_on, 'infinity')), 'infinity') from stretch e
                 where e.starts_on >= p.starts_on
                 and not exists (select from stretch x where x.starts_on = e.ends_on)) as ends_on,
                p_membership as id,
                n.slug as network,
                (select row_to_json(o) from (
                    select profile.country, organisation.id, coalesce((
                        select '[' || string_agg(row_to_json(i)::text, ',' order by i.scheme, i.value) || ']'
                        from (select scheme, value from identifier where organisation_id = p_organisation) i
                    ), '[]')::json as identifiers, profile.kind, organisation.name, organisation.website
                ) o) as organisation,
                p.origin,
                (select max(s.starts_on) from stretch s where s.starts_on <= p.starts_on
                 and not exists (select from stretch x where x.ends_on = s.starts_on)) as starts_on,
                case when p.starts_on > p_day then 'pending' else p.status end as status,
                p.tier
        ) member)
    from (select * from stretch q where q.ends_on is null or q.ends_on > p_day order by q.starts_on limit 1) p
    join network n on n.id = p_network
    join organisation on organisation.id = p_organisation
    left join lateral (
        select f.kind, f.country from organisation_profile f
        where f.organisation_id = p_organisation and f.superseded_at is null
        order by (f.starts_on <= p_day and (f.ends_on is null or f.ends_on > p_day)) desc, f.starts_on limit 1
    ) profile on true
$$;

create function feed_versioned(p_body text, p_version bigint) returns text language sql immutable as $$
    select left(p_body, -1) || ',"version":' || p_version || '}'
$$;

-- Why somebody is gone: merged into another; what linked it ended; its own end was decided; nothing of it ever stood;
-- else its time ran out.
create function feed_reason(p_membership uuid, p_organisation uuid, p_day date) returns text language sql stable as $$
    select case
        when exists (select from organisation o where o.id = p_organisation and o.merged_on <= p_day) then 'merged'
        when newest.origin is null then 'withdrawn'
        when newest.origin = 'linked' then 'link_ended'
        when exists (select from membership_decision d where d.membership_id = p_membership and d.kind = 'ending'
                     and d.withdrawn_at is null and d.effective_on = newest.ends_on) then 'left'
        else 'lapsed' end
    from (select 1) one left join lateral (
        select p.origin, p.ends_on from membership_period p
        where p.membership_id = p_membership and p.superseded_at is null order by p.starts_on desc limit 1
    ) newest on true
$$;

-- Tell of these memberships as they are on a day (null: the day each was last looked at). A member that was told of
-- already and looks the same gets no entry, so that `version` grows exactly with what a partner can see.
-- Locked first, looked at by the next statement: what another transaction has changed meanwhile is seen.
-- The position of an entry is never below that of the member's entry before it, even if its transaction began earlier:
-- so one member's versions always come in order.
create function feed_publish(p_memberships uuid[], p_day date) returns bigint language plpgsql as $$
declare
    removed bigint;
begin
    if p_day is not null then
        insert into feed_member (membership_id, network_id, organisation_id, version, op, listed, origin, shown_on, bucket)
        select m.id, m.network_id, m.organisation_id, 0, 'new', false, '', p_day, get_byte(sha256(m.id::text::bytea), 0)
        from membership m where m.id = any (p_memberships) order by m.id on conflict (membership_id) do nothing;
    end if;
    perform from feed_member where membership_id = any (p_memberships) order by membership_id for update;
    with seen as materialized (
        select f.membership_id, f.network_id, f.organisation_id, f.version, f.op, f.body, f.moved_xid,
            coalesce(p_day, f.shown_on) as day, v.pending, v.origin, v.body as looks
        from feed_member f
        left join lateral feed_view(f.membership_id, f.network_id, f.organisation_id, coalesce(p_day, f.shown_on)) v
            on true
        where f.membership_id = any (p_memberships)
    ), marked as (
        update feed_member f set shown_on = s.day, listed = s.looks is not null and not s.pending,
            origin = coalesce(s.origin, ''), op = case when s.looks is null then 'remove' else 'upsert' end,
            version = s.version + told.one,
            body = case when told.one = 1 then feed_versioned(s.looks, s.version + 1) else f.body end,
            body_hash = case when told.one = 1 then sha256(convert_to(feed_versioned(s.looks, s.version + 1), 'UTF8'))
                        else f.body_hash end,
            moved_xid = case when told.one = 1 then greatest(pg_current_xact_id(), s.moved_xid) else f.moved_xid end
        from seen s cross join lateral (
            select (s.op = 'new' or (s.op = 'upsert') <> (s.looks is not null)
                    or s.body is distinct from feed_versioned(s.looks, s.version))::int as one
        ) told
        where f.membership_id = s.membership_id
        returning f.membership_id, f.network_id, f.organisation_id, f.op, f.version, f.body, f.moved_xid, s.day,
            told.one, case when s.op <> 'upsert' and s.pending then 'planned' when s.op <> 'upsert' then 'joined'
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

-- What an organisation is called and what it is, is told too, when the transaction that changes it commits.
create function feed_organisation() returns trigger language plpgsql as $$
declare
    who uuid := case when tg_table_name = 'organisation' then (to_jsonb(new) ->> 'id')::uuid
                     else (coalesce(to_jsonb(new), to_jsonb(old)) ->> 'organisation_id')::uuid end;
    theirs uuid[] := array(select membership_id from feed_member where organisation_id = who);
begin
    if theirs <> '{}' then
        perform feed_publish(theirs, null);
    end if;
    return null;
end $$;
create constraint trigger feed_told after update of name, website on organisation deferrable initially deferred
    for each row when (old.name is distinct from new.name or old.website is distinct from new.website)
    execute function feed_organisation();
create constraint trigger feed_told after insert or update or delete on identifier deferrable initially deferred
    for each row execute function feed_organisation();
create constraint trigger feed_told after insert or update on organisation_profile deferrable initially deferred
    for each row execute function feed_organisation();

create index feed_member_list on feed_member (network_id, organisation_id) where listed;
create index feed_member_bucket on feed_member (network_id, bucket, membership_id) where listed;
create index feed_member_organisation on feed_member (organisation_id);
create index feed_recorded on feed using brin (recorded_at);
alter table feed_member
    add constraint feed_member_op check (op in ('new', 'upsert', 'remove')),
    add constraint feed_member_body check ((op = 'upsert') = (body is not null) and (body is null) = (body_hash is null));

-- Entries are dropped after the retention, and only then; when positions start anew, all of them.
drop trigger no_change on feed;
create function feed_keep() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and (current_setting('crm.feed', true) = 'epoch'
        or (current_setting('crm.feed', true) = 'prune' and old.recorded_at < now() - interval '90 days')) then
        return old;
    end if;
    raise exception 'feed is append-only' using errcode = 'restrict_violation';
end $$;
create trigger no_change before update or delete on feed for each row execute function feed_keep();

-- The second tenant wall: as for the membership itself.
grant select on feed_member to crm_reader;
grant select on feed_head, feed_epoch to crm_reader;
alter table feed_member enable row level security;
create policy own_network on feed_member for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or exists (
        select 1 from membership_grant g where g.membership_id = feed_member.membership_id
        and g.source_network_id = any ((select crm_networks())::uuid[])));
drop policy own_network on feed;
create policy own_network on feed for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or exists (
        select 1 from membership_grant g where g.membership_id = feed.membership_id
        and g.source_network_id = any ((select crm_networks())::uuid[])));

-- What was told before positions were read by anybody: all of it anew.
do $$ begin
    perform set_config('crm.feed', 'epoch', true);
    delete from feed;
    perform feed_publish(array(select id from membership), current_date);
    perform set_config('crm.feed', '', true);
end $$;
