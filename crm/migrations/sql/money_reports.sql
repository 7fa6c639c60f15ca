-- What reports on money read: a charge's fee of a whole year, and bookings in the order of reports.

-- The yearly fee that a line was a part of, by its own explanation (cluster_rules/explanations.py, fees.as_billed): the
-- steps up to the first that divides it. Null: it is no own recurring fee (of a link, given back). A line whose
-- explanation says nothing is taken by its days. What is billed for more than a year is one year's part of it.
create function charge_yearly(net bigint, starts_on date, ends_on date, steps jsonb) returns bigint
    language plpgsql immutable parallel safe as $$
declare
    step jsonb;
    v jsonb;
    fee numeric;
    divided boolean := false;
    days int := ends_on - starts_on;
begin
    if net <= 0 then
        return null;
    end if;
    for step in select value from jsonb_array_elements(case jsonb_typeof(steps) when 'array' then steps else '[]' end) loop
        v := step -> 'values';
        case step ->> 'code'
            when 'fixed', 'band', 'case', 'agreed', 'work' then
                fee := case when divided then fee else coalesce((v ->> 'amount')::numeric, 0) end;
            when 'percentage' then
                fee := greatest(round((v ->> 'of')::numeric * (v ->> 'basis_points')::numeric / 10000),
                    coalesce((v ->> 'floor')::numeric, 0));
                if coalesce((v ->> 'cap')::numeric, 0) > 0 then
                    fee := least(fee, (v ->> 'cap')::numeric);
                end if;
            when 'hours_as_money' then fee := (v ->> 'hours')::numeric * (v ->> 'value')::numeric;
            when 'hours_as_work' then fee := 0;
            when 'discount_percent' then
                fee := case when divided then fee else fee - round(fee * (v ->> 'percent')::numeric / 100) end;
            when 'discount_amount' then
                fee := case when divided then fee else greatest(0, fee - (v ->> 'amount')::numeric) end;
            when 'link_percent' then return null;
            when 'half_of_year', 'prorated_days', 'prorated_months', 'prorated_half_year', 'prorated_joining_half',
                'prorated_free', 'earlier_days', 'unused_days', 'used_days', 'withdrawn', 'credited_before', 'all_of_it'
                then
                divided := true;
            else
                fee := null;
                exit;
        end case;
    end loop;
    if fee is null then
        return case when days is null or days between 360 and 371 then net else round(net * 365.0 / days) end;
    end if;
    return case when days > 371 and not divided then round(fee * 365.0 / days) else fee end;
end
$$;
-- Most lines are a whole year at a fixed price: said without a loop.
alter table charge add column yearly bigint generated always as (
    case when net <= 0 then null
        when jsonb_array_length(steps) = 1 and steps #>> '{0,code}' in ('fixed', 'band', 'case', 'agreed')
            and ends_on - starts_on between 360 and 371 then coalesce((steps #>> '{0,values,amount}')::bigint, 0)
        else charge_yearly(net, starts_on, ends_on, steps) end) stored;
create index charge_fees on charge (membership_id, starts_on desc)
    include (component, grant_id, ends_on, currency, yearly, recorded_at, invoice_id) where yearly > 0;
create index charge_given_back on charge (grant_id, component, starts_on) where net < 0;
create index ledger_of_money on ledger_transaction (host_id, on_date) where kind <> 'issued';

-- Invoices that nothing is owed of any more: since when, and what became of them. Reports on a later day need not look
-- at their bookings again. The trigger keeps it: what is booked on an invoice takes it out, and puts it in again when
-- it comes to nothing. `crm verify` compares it with the ledger.
create function invoice_standing(wanted uuid[]) returns table (invoice_id uuid, host_id uuid, settled_on date, tier text,
    network text, paid bigint, credited bigint, written_off bigint, claimed bigint) language sql stable as $$
    select i.id, i.host_id, b.settled_on, coalesce(l.tier, ''), coalesce(l.network, own.slug, ''), b.paid, b.credited,
        b.written_off, b.claimed
    from unnest(wanted) w (id) join invoice i on i.id = w.id and i.kind = 'invoice'
    cross join lateral (
        select max(t.on_date) as settled_on, sum(e.amount) as owed,
            coalesce(-sum(e.amount) filter (where e.payment_id is not null), 0)::bigint as paid,
            coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'credited'), 0)::bigint as credited,
            coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'writtenoff'), 0)::bigint as written_off,
            coalesce(sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'claimed'), 0)::bigint as claimed
        from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        left join ledger_transaction r on r.id = t.reverses_id
        where e.invoice_id = i.id and e.account in ('receivable', 'member_credit')
    ) b
    left join lateral (
        select case when min(c.tier) = max(c.tier) then min(c.tier) else 'several' end as tier,
            case when min(n.slug) = max(n.slug) then min(n.slug) else 'several' end as network
        from charge c join membership m on m.id = c.membership_id join network n on n.id = m.network_id
        where c.invoice_id = i.id having count(*) > 0
    ) l on true
    left join network own on own.id = i.network_id
    where b.owed = 0
$$;
create function invoice_settles() returns trigger language plpgsql as $$
declare
    touched uuid[];
begin
    -- What an invoice is booked with when it is issued settles nothing.
    select array_agg(distinct f.invoice_id) into touched from fresh f
        join ledger_transaction t on t.id = f.transaction_id and t.kind not in ('issued', 'opened', 'shared')
        where f.invoice_id is not null and f.account in ('receivable', 'member_credit');
    if touched is not null then
        delete from invoice_settled s where s.invoice_id = any (touched);
        insert into invoice_settled (invoice_id, host_id, settled_on, tier, network, paid, credited, written_off, claimed)
            select * from invoice_standing(touched);
    end if;
    return null;
end
$$;
create trigger settles after insert on ledger_entry referencing new table as fresh
    for each statement execute function invoice_settles();
insert into invoice_settled (invoice_id, host_id, settled_on, tier, network, paid, credited, written_off, claimed)
    select * from invoice_standing(array(select distinct e.invoice_id from ledger_entry e where e.invoice_id is not null));
grant select on invoice_settled to crm_reader;
alter table invoice_settled enable row level security;
create policy own_host on invoice_settled for select to crm_reader using (host_id in (select crm_hosts()));

-- The networks out of some that whoever asks may read: for functions that read for a reader behind the tenant wall.
create function crm_readable(wanted uuid[]) returns uuid[] language sql stable parallel safe as $$
    select array(select n from unnest(wanted) n
        where current_setting('role', true) is distinct from 'crm_reader' or n = any ((select crm_networks())::uuid[]))
$$;
-- Own active memberships on a day with their contracted yearly fee (ADR 0036); `known`: as it was known then. It reads
-- past the row policies, for which a hundred thousand lines would be asked one by one, and holds the wall itself.
create function contracted_fees(wanted uuid[], day date, known timestamptz) returns table (membership_id uuid,
    organisation_id uuid, network_id uuid, tier text, currency text, fee bigint)
    language sql stable security definer set search_path = public set enable_nestloop = off set jit = off
    set work_mem = '32MB' as $$
    with mine as materialized (select unnest(crm_readable(wanted)) as id),
    entry as materialized (
        select t ->> 'code' as tier, f ->> 'code' as component
        from rulebook b, jsonb_array_elements(b.body -> 'tiers') t, jsonb_array_elements(t -> 'fees') f
        where b.network_id in (select id from mine) and f ->> 'charged' = 'first_year' and not exists
            (select from jsonb_array_elements(t -> 'fees') later where later ->> 'charged' = 'later_years')
    ), back as materialized (
        select c.grant_id, c.component, c.starts_on from charge c
        where c.net < 0 and c.starts_on <= day and (known is null or c.recorded_at <= known)
            and (c.recorded_at < (day + 1)::timestamp at time zone 'Europe/Oslo'
                or exists (select from invoice i where i.id = c.invoice_id and i.issued_on <= day))
    ), bill as materialized (
        select c.membership_id, c.currency, c.yearly, rank() over (partition by c.membership_id order by c.starts_on desc)
            as age
        from charge c
        where c.yearly > 0 and c.starts_on <= day and (c.ends_on is null or c.ends_on > day - 365)
            and (known is null or c.recorded_at <= known)
            and (c.recorded_at < (day + 1)::timestamp at time zone 'Europe/Oslo'
                or exists (select from invoice i where i.id = c.invoice_id and i.issued_on <= day))
            and not exists (select from back b where b.grant_id = c.grant_id and b.component = c.component
                and b.starts_on >= c.starts_on)
            and not exists (select from entry e where e.component = c.component and e.tier = c.tier)
    )
    select p.membership_id, p.organisation_id, p.network_id, p.tier::text, b.currency::text, sum(b.yearly)::bigint
    from membership_period p join bill b on b.membership_id = p.membership_id and b.age = 1
    where p.network_id in (select id from mine) and p.status = 'active' and p.origin in ('direct', 'both')
        and p.starts_on <= day and (p.ends_on is null or p.ends_on > day)
        and (case when known is null then p.superseded_at is null
            else p.recorded_at <= known and (p.superseded_at is null or p.superseded_at > known) end)
        and not exists (select from fee_waiver v where v.membership_id = p.membership_id and v.starts_on <= day
            and (v.ends_on is null or v.ends_on > day) and (known is null or v.recorded_at <= known))
    group by 1, 2, 3, 4, 5
$$;
-- Lines of issued invoices with a day in [first, after), less what was credited of them by `day`; behind the same wall.
create function earned_lines(wanted uuid[], first date, after date, day date, known timestamptz) returns table (id uuid,
    invoice_id uuid, number text, organisation_id uuid, network_id uuid, tier text, currency text, starts_on date,
    ends_on date, net bigint)
    language sql stable security definer set search_path = public set enable_nestloop = off set jit = off
    set work_mem = '32MB' as $$
    with mine as materialized (select unnest(crm_readable(wanted)) as id),
    credited as materialized (
        select l.charge_id, sum(l.net)::bigint as net from credit_line l join invoice n on n.id = l.invoice_id
        where n.status = 'issued' and n.issued_on <= day group by 1
    )
    select c.id, i.id, i.series || '-' || i.number, i.organisation_id, m.network_id, c.tier::text, c.currency::text,
        c.starts_on, coalesce(c.ends_on, c.starts_on + 1), c.net - coalesce(b.net, 0)
    from charge c join invoice i on i.id = c.invoice_id and i.kind = 'invoice' and i.status = 'issued' and i.issued_on <= day
    join membership m on m.id = c.membership_id left join credited b on b.charge_id = c.id
    where m.network_id in (select id from mine) and c.starts_on < after and coalesce(c.ends_on, c.starts_on + 1) > first
        and c.net <> coalesce(b.net, 0)
        and (known is null or exists (select from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = i.id and t.kind = 'issued' and t.recorded_at <= known))
$$;
