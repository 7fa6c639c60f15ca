-- Reports on money at 100,000 members (ADR 0045): the same wall asked once a statement, indexes that issuing does not
-- write to, and functions that read lines in one pass.

-- The hosts of the reader's networks as one value: compared with each row, and of use to an index, where `in (select ...)`
-- is looked up for each row anew. The same rows as by crm_hosts().
create function crm_hosts_array() returns uuid[] language sql stable parallel safe as $$
    select array(select distinct n.host_id from network n where n.id = any ((select crm_networks())::uuid[]))
$$;
create or replace function crm_readable(wanted uuid[]) returns uuid[] language sql stable parallel safe as $$
    select array(select n from unnest(wanted) n
        where coalesce(current_setting('role', true), 'none') = 'none' or n = any ((select crm_networks())::uuid[]))
$$;
alter policy own_host on invoice using (host_id = any ((select crm_hosts_array())::uuid[]));
alter policy own_host on ledger_transaction using (host_id = any ((select crm_hosts_array())::uuid[]));
alter policy own_host on ledger_entry using (host_id = any ((select crm_hosts_array())::uuid[])
    and (network_id is null or network_id = any ((select crm_networks())::uuid[])
        or account in ('share_payable', 'share_receivable')));
alter policy own_host on payment using (host_id = any ((select crm_hosts_array())::uuid[]));

-- Money of an organisation that is on no invoice: what is issued has no place in it.
create index entry_loose on ledger_entry (host_id, organisation_id)
    where invoice_id is null and account in ('receivable', 'member_credit');
-- The same column is indexed twice.
drop index credit_line_of_charge;
-- The level decides whether a fee is paid once only: then the newest bills are read from the index alone.
drop index charge_fees;
create index charge_fees on charge (membership_id, starts_on desc)
    include (component, tier, grant_id, ends_on, currency, yearly, recorded_at, invoice_id) where yearly > 0;

-- Own active memberships with their contracted yearly fee on a day, and on a day before beside it when one is asked for
-- (ADR 0036); `known`: as it was known then. One pass over the bills in the order of memberships; only of those that were
-- recorded after the day is the invoice looked up. It reads past the row policies, for which a hundred thousand lines would
-- be asked one by one, and holds the wall itself.
drop function contracted_fees(uuid[], date, timestamptz);
create function contracted_fees(wanted uuid[], earlier date, day date, known timestamptz) returns table (
    membership_id uuid, organisation_id uuid, network_id uuid, currency text, tier_before text, before bigint, tier text,
    fee bigint, billed_before boolean)
    language sql stable security definer set search_path = public set enable_nestloop = off set jit = off
    set work_mem = '64MB' set plan_cache_mode = force_custom_plan as $$
    with mine as materialized (select unnest(crm_readable(wanted)) as id),
    once as materialized (
        select f ->> 'code' as component, t ->> 'code' as tier
        from rulebook b, jsonb_array_elements(b.body -> 'tiers') t, jsonb_array_elements(t -> 'fees') f
        where b.network_id in (select id from mine) and f ->> 'charged' = 'first_year' and not exists
            (select from jsonb_array_elements(t -> 'fees') later where later ->> 'charged' = 'later_years')
    ), back as materialized (
        select c.grant_id, c.component, c.starts_on, c.starts_on <= earlier and (
                c.recorded_at < (select (earlier + 1)::timestamp at time zone 'Europe/Oslo') or i.issued_on <= earlier)
                as by_earlier,
            c.starts_on <= day and (c.recorded_at < (select (day + 1)::timestamp at time zone 'Europe/Oslo')
                or i.issued_on <= day) as by_day
        from charge c left join invoice i on i.id = c.invoice_id
        where c.net < 0 and (known is null or c.recorded_at <= known)
    ), bill as (
        select c.membership_id, c.currency, c.yearly, c.on_earlier, c.on_day,
            max(c.on_earlier) over bills as newest_earlier, max(c.on_day) over bills as newest
        from (
            select c.membership_id, c.currency, c.yearly,
                case when c.starts_on <= earlier and (c.ends_on is null or c.ends_on > earlier - 365)
                    and (c.recorded_at < (select (earlier + 1)::timestamp at time zone 'Europe/Oslo')
                        or (select i.issued_on from invoice i where i.id = c.invoice_id) <= earlier)
                    and not (c.grant_id in (select b.grant_id from back b where b.by_earlier) and exists (select from back b
                        where b.by_earlier and b.grant_id = c.grant_id and b.component = c.component
                            and b.starts_on >= c.starts_on)) then c.starts_on end as on_earlier,
                case when c.starts_on <= day and (c.ends_on is null or c.ends_on > day - 365)
                    and (c.recorded_at < (select (day + 1)::timestamp at time zone 'Europe/Oslo')
                        or (select i.issued_on from invoice i where i.id = c.invoice_id) <= day)
                    and not (c.grant_id in (select b.grant_id from back b where b.by_day) and exists (select from back b
                        where b.by_day and b.grant_id = c.grant_id and b.component = c.component
                            and b.starts_on >= c.starts_on)) then c.starts_on end as on_day
            from charge c
            where c.yearly > 0 and c.starts_on <= day and (c.ends_on is null or c.ends_on > coalesce(earlier, day) - 365)
                and (known is null or c.recorded_at <= known)
                and not ((c.component, c.tier) in (select o.component, o.tier from once o))
            order by c.membership_id, c.starts_on desc
        ) c window bills as (partition by c.membership_id)
    ), fees as (
        select b.membership_id, b.currency, sum(b.yearly) filter (where b.on_earlier = b.newest_earlier) as before,
            sum(b.yearly) filter (where b.on_day = b.newest) as fee
        from bill b where b.on_earlier = b.newest_earlier or b.on_day = b.newest group by 1, 2
    ), period as not materialized (
        select p.membership_id, p.organisation_id, p.network_id, p.tier, p.starts_on, p.ends_on from membership_period p
        where p.network_id in (select id from mine) and p.status = 'active' and p.origin in ('direct', 'both')
            and (case when known is null then p.superseded_at is null
                else p.recorded_at <= known and (p.superseded_at is null or p.superseded_at > known) end)
    ), waived as materialized (
        select w.membership_id, w.starts_on, w.ends_on from fee_waiver w where known is null or w.recorded_at <= known
    ), one as (
        select p.membership_id, p.organisation_id, p.network_id, p.tier from period p
        where p.starts_on <= earlier and (p.ends_on is null or p.ends_on > earlier)
            and not p.membership_id in (select w.membership_id from waived w
                where w.starts_on <= earlier and (w.ends_on is null or w.ends_on > earlier))
    ), two as (
        select p.membership_id, p.organisation_id, p.network_id, p.tier from period p
        where p.starts_on <= day and (p.ends_on is null or p.ends_on > day)
            and not p.membership_id in (select w.membership_id from waived w
                where w.starts_on <= day and (w.ends_on is null or w.ends_on > day))
    ), standing as (
        select coalesce(two.membership_id, one.membership_id) as membership_id,
            coalesce(two.organisation_id, one.organisation_id) as organisation_id,
            coalesce(two.network_id, one.network_id) as network_id, one.tier as tier_before, two.tier
        from one full join two on two.membership_id = one.membership_id
    ), told as (
        select s.membership_id, s.organisation_id, s.network_id, f.currency::text,
            case when f.before is not null then s.tier_before end::text as tier_before,
            case when s.tier_before is not null then f.before end::bigint as before,
            case when f.fee is not null then s.tier end::text as tier,
            case when s.tier is not null then f.fee end::bigint as fee
        from standing s join fees f on f.membership_id = s.membership_id
    )
    -- (With a limit it is looked up for the few who are new, and not hashed for all.)
    select t.*, t.before is null and coalesce((select true from charge c
            where c.membership_id = t.membership_id and c.yearly > 0 and c.starts_on < earlier limit 1), false)
    from told t where t.before is not null or t.fee is not null
$$;

-- Lines of issued invoices with a day in [first, after), less what was credited of them by `day`: how many are alike.
create function earned_alike(wanted uuid[], first date, after date, day date, known timestamptz) returns table (
    tier text, network_id uuid, currency text, starts_on date, ends_on date, net bigint, lines bigint)
    language sql stable security definer set search_path = public set enable_nestloop = off set jit = off
    set work_mem = '64MB' set plan_cache_mode = force_custom_plan as $$
    with mine as materialized (select unnest(crm_readable(wanted)) as id),
    later as materialized (select i.id from invoice i where i.status <> 'issued' or i.issued_on > day),
    credited as materialized (
        select l.charge_id, sum(l.net)::bigint as net from credit_line l
        where l.invoice_id not in (select x.id from later x) group by 1
    )
    select c.tier::text, m.network_id, c.currency::text, c.starts_on, coalesce(c.ends_on, c.starts_on + 1),
        c.net - coalesce(b.net, 0), count(*)
    from charge c join membership m on m.id = c.membership_id left join credited b on b.charge_id = c.id
    where m.network_id in (select id from mine) and c.starts_on < after and coalesce(c.ends_on, c.starts_on + 1) > first
        and c.invoice_id not in (select x.id from later x) and c.net <> coalesce(b.net, 0)
        and (known is null or exists (select from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = c.invoice_id and t.kind = 'issued' and t.recorded_at <= known))
    group by 1, 2, 3, 4, 5, 6
$$;

-- Invoices for all networks of a host that have lines of some of these.
create function invoices_together(wanted uuid[]) returns setof uuid
    language sql stable security definer set search_path = public set enable_nestloop = off set jit = off
    set work_mem = '64MB' as $$
    select distinct c.invoice_id from charge c join membership m on m.id = c.membership_id
    join invoice i on i.id = c.invoice_id and i.network_id is null
    where m.network_id = any (crm_readable(wanted))
$$;

-- Invoices that did not arrive are looked for among what failed.
create index mail_failed on mail (id) where status = 'failed';
