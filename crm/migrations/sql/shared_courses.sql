-- What reports over several networks of a host read (ADR 0052): of organisations in several of them, each stretch with the
-- unbroken standing it is part of in all of these together. Kept with the courses, compared by `crm verify`.
create index shared_course_of_organisation on shared_course (organisation_id);
-- What was recorded after a moment: only whom that concerns has to be worked out anew to say what was known at it.
create index period_superseded on membership_period (superseded_at) where superseded_at is not null;
create index profile_recorded on organisation_profile (recorded_at);
create index profile_superseded on organisation_profile (superseded_at) where superseded_at is not null;

-- Memberships overlap: what goes on is told by the latest end of all that began before. At the end of what is unbroken that
-- stretch stands which says why it ended (crm/reads/reports/movements.py): rather an own one.
create function shared_courses(wanted uuid[]) returns setof shared_course language sql stable as $$
    with mine as (
        select p.row_id, p.membership_id, p.organisation_id, p.network_id, n.host_id, p.tier, p.status, p.origin,
            p.starts_on, coalesce(p.ends_on, 'infinity') as ends_on
        from membership_period p join network n on n.id = p.network_id
        where p.organisation_id = any (wanted) and p.superseded_at is null
    ), several as (
        select organisation_id, host_id, array_agg(distinct network_id order by network_id) as networks
        from mine group by 1, 2 having count(distinct network_id) > 1
    ), marked as (
        select m.*, s.networks, case when m.starts_on <= max(m.ends_on) over (w rows between unbounded preceding
            and 1 preceding) then 0 else 1 end as fresh
        from mine m join several s using (organisation_id, host_id)
        window w as (partition by m.organisation_id, m.host_id order by m.starts_on, m.ends_on, m.row_id)
    ), numbered as (
        select m.*, sum(m.fresh) over (partition by m.organisation_id, m.host_id
                order by m.starts_on, m.ends_on, m.row_id rows unbounded preceding) as number,
            min(m.starts_on) over (partition by m.organisation_id, m.host_id) as first_on
        from marked m
    )
    select n.row_id, n.membership_id, n.network_id, n.organisation_id, n.networks, n.tier, n.status, n.origin,
        (select case when min(f.kind) = max(f.kind) then min(f.kind) end from organisation_profile f
            where f.organisation_id = n.organisation_id and f.superseded_at is null),
        n.starts_on, nullif(n.ends_on, 'infinity'), n.first_on, min(n.starts_on) over island,
        nullif(max(n.ends_on) over island, 'infinity'), n.number::smallint,
        row_number() over (partition by n.organisation_id, n.host_id, n.number
            order by n.ends_on desc, n.origin = 'linked', n.network_id) = 1
    from numbered n window island as (partition by n.organisation_id, n.host_id, n.number)
$$;

create or replace function membership_courses(wanted uuid[]) returns setof membership_course language sql stable as $$
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
        s.own and lead(s.row_id) over o is null,
        exists (select from shared_course k where k.period_id = s.row_id)
    from numbered s
    window w as (partition by s.membership_id, s.number order by s.starts_on
            rows between unbounded preceding and unbounded following),
        o as (partition by s.membership_id, s.own, s.own_number order by s.starts_on
            rows between unbounded preceding and unbounded following)
$$;

create function shared_courses_settle(p_organisations uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    looks shared_course[] := array(select s from shared_courses(p_organisations) s);
begin
    delete from shared_course k where k.organisation_id = any (p_organisations)
        and k.period_id <> all (array(select (s).period_id from unnest(looks) s));
    if looks <> '{}' then
        insert into shared_course as k select (s).* from unnest(looks) s
        on conflict (period_id) do update set networks = excluded.networks, kind = excluded.kind, first_on = excluded.first_on,
            joined_on = excluded.joined_on, left_on = excluded.left_on, number = excluded.number,
            closes = excluded.closes
        where k is distinct from excluded;
    end if;
end $$;
create or replace function courses_settle_some(p_organisations uuid[]) returns void language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan as $$
declare
    looks membership_course[];
begin
    perform shared_courses_settle(p_organisations);
    delete from membership_course c where c.organisation_id = any (p_organisations) and not exists (
        select from membership_period p where p.row_id = c.period_id and p.superseded_at is null);
    looks := array(select c from membership_courses(p_organisations) c where not exists (
        select from membership_course k where k.period_id = c.period_id and k is not distinct from c));
    if looks <> '{}' then
        insert into membership_course select (c).* from unnest(looks) c
        on conflict (period_id) do update set kind = excluded.kind, first_on = excluded.first_on,
            joined_on = excluded.joined_on, left_on = excluded.left_on, number = excluded.number, next_on = excluded.next_on, closes = excluded.closes,
            own_joined_on = excluded.own_joined_on, own_left_on = excluded.own_left_on,
            own_number = excluded.own_number, own_next_on = excluded.own_next_on, own_closes = excluded.own_closes,
            shared = excluded.shared;
    end if;
end $$;

select courses_settle(array(select distinct organisation_id from membership_period where superseded_at is null));

-- It tells of all these networks: only who may read every one of them sees it.
grant select on shared_course to crm_reader;
alter table shared_course enable row level security;
create policy own_networks on shared_course for select to crm_reader using (networks <@ (select crm_networks())::uuid[]);
