-- What reports read of timelines (ADR 0044): each stretch that stands, with the unbroken membership it is part of, and the
-- unbroken own membership. Kept at the end of every transaction for whom it has touched (settling.sql), compared by
-- `crm verify`. As it was known on an earlier day, it is worked out anew from membership_period.
create index course_of_organisation on membership_course (organisation_id);
create index course_of_network on membership_course (network_id);
-- A million rows are counted by years: that these are few, the planner only knows when it is told (and then counts with
-- several processes, instead of handing every row to one).
create statistics course_years (ndistinct) on (date_part('year', first_on)::int), (date_part('year', joined_on)::int),
    (date_part('year', left_on)::int), (number = 1) from membership_course;

-- A membership's stretches never overlap (period_once): one that begins when the one before it ends goes on.
create function membership_courses(wanted uuid[]) returns setof membership_course language sql stable as $$
    with marked as (
        select p.*, p.origin <> 'linked' as own,
            case when lag(p.ends_on) over w = p.starts_on then 0 else 1 end as fresh,
            case when lag(p.ends_on) over o = p.starts_on then 0 else 1 end as own_fresh
        from membership_period p where p.organisation_id = any (wanted) and p.superseded_at is null
        window w as (partition by p.membership_id order by p.starts_on),
            o as (partition by p.membership_id, p.origin <> 'linked' order by p.starts_on)
    ), numbered as (
        select m.*, sum(m.fresh) over w as number, sum(m.own_fresh) over o as own_number,
            min(case m.fresh when 1 then m.starts_on end)
                over (w rows between 1 following and unbounded following) as next_on,
            min(case m.own_fresh when 1 then m.starts_on end)
                over (o rows between 1 following and unbounded following) as own_next_on,
            min(m.starts_on) over w as first_on
        from marked m
        window w as (partition by m.membership_id order by m.starts_on),
            o as (partition by m.membership_id, m.own order by m.starts_on)
    )
    select s.row_id, s.membership_id, s.network_id, s.organisation_id, s.tier, s.status, s.origin,
        (select case when min(f.kind) = max(f.kind) then min(f.kind) end from organisation_profile f
            where f.organisation_id = s.organisation_id and f.superseded_at is null),
        s.starts_on, s.ends_on,
        s.first_on, first_value(s.starts_on) over w, last_value(s.ends_on) over w, s.number::smallint, s.next_on,
        lead(s.row_id) over w is null,
        case when s.own then first_value(s.starts_on) over o end, case when s.own then last_value(s.ends_on) over o end,
        case when s.own then s.own_number::smallint end, case when s.own then s.own_next_on end,
        s.own and lead(s.row_id) over o is null
    from numbered s
    window w as (partition by s.membership_id, s.number order by s.starts_on
            rows between unbounded preceding and unbounded following),
        o as (partition by s.membership_id, s.own, s.own_number order by s.starts_on
            rows between unbounded preceding and unbounded following)
$$;

create function courses_settle_some(p_organisations uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    looks membership_course[];
begin
    delete from membership_course c where c.organisation_id = any (p_organisations) and not exists (
        select from membership_period p where p.row_id = c.period_id and p.superseded_at is null);
    looks := array(select c from membership_courses(p_organisations) c where not exists (
        select from membership_course k where k.period_id = c.period_id and k is not distinct from c));
    if looks <> '{}' then
        insert into membership_course select (c).* from unnest(looks) c
        on conflict (period_id) do update set kind = excluded.kind, first_on = excluded.first_on,
            joined_on = excluded.joined_on, left_on = excluded.left_on, number = excluded.number, next_on = excluded.next_on, closes = excluded.closes,
            own_joined_on = excluded.own_joined_on, own_left_on = excluded.own_left_on,
            own_number = excluded.own_number, own_next_on = excluded.own_next_on, own_closes = excluded.own_closes;
    end if;
end $$;
create function courses_settle(p_organisations uuid[]) returns void language plpgsql as $$
declare
    slice uuid[];
begin
    for slice in select * from slices(p_organisations) loop
        perform courses_settle_some(slice);
    end loop;
end $$;

-- See settling.sql. After the directory: it has locked every one of them, so that of two transactions the second looks
-- when the first is done.
create or replace function touched_tell_batch(p_batch bigint) returns void language plpgsql set enable_seqscan = off as $$
declare
    listed uuid[];
begin
    perform touched_tell_news(p_batch);
    with taken as (delete from touched where batch = p_batch returning about, organisations)
    select array_agg(distinct id) into listed from taken, unnest(organisations) id where about = 'directory';
    if listed is not null then
        perform directory_publish(listed, (select day from directory_state));
        perform courses_settle(listed);
    end if;
end $$;

select courses_settle(array(select distinct organisation_id from membership_period where superseded_at is null));

-- Narrower than the wall of membership_period, where a network also sees what its rules gave in others: reports count
-- only members of the networks that are asked for.
grant select on membership_course to crm_reader;
alter table membership_course enable row level security;
create policy own_network on membership_course for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));

-- Who paid, and who agreed to terms, after a day and until another one; as it was known then. They read past the row
-- policies, for which every charge and consent would be asked one by one, and hold the wall themselves (crm_readable).
create function members_paid(wanted uuid[], after date, day date, known timestamptz)
    returns table (organisation_id uuid, on_day date)
    language sql stable security definer set search_path = public set jit = off set work_mem = '32MB' as $$
    with mine as materialized (select unnest(crm_readable(wanted)) as id),
    paid as materialized (
        select e.organisation_id, e.invoice_id, max(t.on_date) as on_day
        from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
        where t.host_id in (select n.host_id from network n where n.id in (select id from mine))
            and t.kind <> 'issued' and t.reverses_id is null and t.on_date > after and t.on_date <= day
            and (known is null or t.recorded_at <= known)
            and e.account = 'receivable' and e.payment_id is not null and e.amount < 0
            and not exists (select from ledger_transaction r where r.reverses_id = t.id and r.on_date <= day
                and (known is null or r.recorded_at <= known))
        group by 1, 2
    )
    select p.organisation_id, max(p.on_day) from paid p
    where exists (select from charge c join membership m on m.id = c.membership_id
        where c.invoice_id = p.invoice_id and m.network_id in (select id from mine))
    group by 1
$$;
create function members_agreed(wanted uuid[], after date, day date, known timestamptz)
    returns table (organisation_id uuid, on_day date)
    language sql stable security definer set search_path = public set jit = off set work_mem = '32MB' as $$
    select a.organisation_id, max(x.recorded_at)::date from consent x join application a on a.id = x.application_id
    where a.network_id = any (crm_readable(wanted)) and a.organisation_id is not null
        and x.purpose = 'terms' and x.given
        and x.recorded_at >= (after + 1)::timestamptz and x.recorded_at < (day + 1)::timestamptz
        and (known is null or x.recorded_at <= known)
    group by 1
$$;
revoke execute on function members_paid, members_agreed from public;
grant execute on function members_paid, members_agreed to crm_reader;
