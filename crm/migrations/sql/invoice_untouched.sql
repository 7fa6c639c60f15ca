-- What is owed, read without the invoices (ADR 0051): a row of what stands says what its invoice is, and an invoice that
-- nothing was booked on yet has a row among the few that are like it.
drop function invoice_stretches(uuid[]);
create function invoice_stretches(wanted uuid[]) returns table (invoice_id uuid, host_id uuid, starts_on date, ends_on date,
    tier text, network text, networks uuid[], currency text, balance bigint, paid bigint, credited bigint,
    written_off bigint, claimed bigint, by_bank bigint, by_card bigint, organisation_id uuid, issued_on date, due_on date,
    net bigint, gross bigint, first boolean) language sql stable as $$
    select i.id, i.host_id, b.starts_on, b.ends_on, coalesce(l.tier, ''), coalesce(l.network, own.slug, ''),
        case when i.network_id is null then coalesce(l.networks, '{}') else array[i.network_id] end, i.currency,
        b.balance, b.paid, b.credited, b.written_off, b.claimed, b.by_bank, b.by_card, i.organisation_id, i.issued_on,
        i.due_on, i.net, i.gross, b.first
    from unnest(wanted) w (id) join invoice i on i.id = w.id and i.kind = 'invoice'
    cross join lateral (
        select d.on_date as starts_on, lead(d.on_date) over days as ends_on,
            (sum(d.amount) over days + coalesce(d.opened, 0))::bigint as balance, (sum(d.paid) over days)::bigint as paid,
            (sum(d.credited) over days)::bigint as credited, (sum(d.written_off) over days)::bigint as written_off,
            (sum(d.claimed) over days)::bigint as claimed, d.by_bank, d.by_card, row_number() over days = 1 as first
        from (
            select t.on_date, bool_or(k.later) as later, sum(e.amount) filter (where k.later) as amount,
                sum(sum(e.amount) filter (where not k.later)) over () as opened,
                coalesce(-sum(e.amount) filter (where k.later and e.payment_id is not null), 0) as paid,
                coalesce(-sum(e.amount) filter (where k.kind = 'credited'), 0) as credited,
                coalesce(-sum(e.amount) filter (where k.kind = 'writtenoff'), 0) as written_off,
                coalesce(sum(e.amount) filter (where k.kind = 'claimed'), 0) as claimed,
                coalesce(-sum(e.amount) filter (where k.later and p.rail = 'bank'), 0)::bigint as by_bank,
                coalesce(-sum(e.amount) filter (where k.later and p.rail = 'card'), 0)::bigint as by_card
            from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
            left join ledger_transaction r on r.id = t.reverses_id left join payment p on p.id = e.payment_id
            cross join lateral (select coalesce(r.kind, t.kind) as kind, t.kind not in ('issued', 'opened') as later) k
            where e.invoice_id = i.id and e.account in ('receivable', 'member_credit') group by t.on_date
        ) d where d.later window days as (order by d.on_date)
    ) b
    left join lateral lines_of_invoices(array[i.id]) l on true left join network own on own.id = i.network_id
$$;
create or replace function invoice_stands() returns trigger language plpgsql as $$
declare
    touched uuid[];
    hosts uuid[];
begin
    -- What an invoice is booked with when it is issued needs no row.
    select array_agg(distinct f.invoice_id), array_agg(distinct f.host_id) into touched, hosts from fresh f
        join ledger_transaction t on t.id = f.transaction_id and t.kind not in ('issued', 'opened', 'shared')
        where f.invoice_id is not null and f.account in ('receivable', 'member_credit');
    if touched is not null then
        delete from invoice_untouched u where u.invoice_id = any (touched);
        delete from invoice_standing s where s.host_id = any (hosts) and s.invoice_id = any (touched);
        insert into invoice_standing (invoice_id, host_id, starts_on, ends_on, tier, network, networks, currency, balance,
            paid, credited, written_off, claimed, by_bank, by_card, organisation_id, issued_on, due_on, net, gross, first)
            select * from invoice_stretches(touched);
    end if;
    return null;
end
$$;

-- An invoice that was just issued, by what its lines say. (Its own network's, where it has one: all its lines are that
-- network's. By index whatever the planner thinks; a hundred thousand of them are written at once.)
create function invoice_begins() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    -- What changes on an issued invoice, as when its buyer's reference is forgotten, issues nothing.
    if tg_op = 'UPDATE' then -- by itself: there are no old rows to look at when some are new
        if exists (select from stale s where s.status = 'issued') then
            if exists (select from stale s where s.status <> 'issued') then
                raise exception 'drafts and issued invoices are never changed by one statement';
            end if;
            return null;
        end if;
    end if;
    insert into invoice_untouched (invoice_id, host_id, organisation_id, tier, network, networks, currency, issued_on, due_on,
        net, gross)
        select f.id, f.host_id, f.organisation_id, coalesce(l.tier, ''), own.slug, array[f.network_id], f.currency,
            f.issued_on, f.due_on, f.net, f.gross
        from fresh f join network own on own.id = f.network_id cross join lateral (
            select case when min(c.tier) is distinct from max(c.tier) then 'several' else min(c.tier) end as tier
            from charge c where c.invoice_id = f.id
        ) l where f.status = 'issued' and f.kind = 'invoice'
        union all
        select f.id, f.host_id, f.organisation_id, coalesce(l.tier, ''), coalesce(l.network, ''),
            coalesce(l.networks, '{}'), f.currency, f.issued_on, f.due_on, f.net, f.gross
        from fresh f left join lateral lines_of_invoices(array[f.id]) l on true
        where f.status = 'issued' and f.kind = 'invoice' and f.network_id is null;
    return null;
end
$$;
create trigger begins after insert on invoice referencing new table as fresh
    for each statement execute function invoice_begins();
create trigger begins_later after update on invoice referencing old table as stale new table as fresh
    for each statement execute function invoice_begins();
-- What the rows must be, for those that have none yet and for `crm verify`.
create function invoices_untouched() returns table (invoice_id uuid, host_id uuid, organisation_id uuid, tier text, network text,
    networks uuid[], currency text, issued_on date, due_on date, net bigint, gross bigint) language sql stable as $$
    with mine as materialized (
        select i.* from invoice i where i.status = 'issued' and i.kind = 'invoice' and not exists (
            select from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
                and t.kind not in ('issued', 'opened', 'shared')
            where e.invoice_id = i.id and e.account in ('receivable', 'member_credit'))
    )
    select i.id, i.host_id, i.organisation_id, coalesce(l.tier, ''), coalesce(l.network, own.slug, ''),
        case when i.network_id is null then coalesce(l.networks, '{}') else array[i.network_id] end, i.currency,
        i.issued_on, i.due_on, i.net, i.gross
    from mine i left join lines_of_invoices(array(select m.id from mine m)) l on l.invoice_id = i.id
    left join network own on own.id = i.network_id
$$;

insert into invoice_standing (invoice_id, host_id, starts_on, ends_on, tier, network, networks, currency, balance, paid,
    credited, written_off, claimed, by_bank, by_card, organisation_id, issued_on, due_on, net, gross, first)
    select * from invoice_stretches(array(select distinct e.invoice_id from ledger_entry e where e.invoice_id is not null))
    order by starts_on;
insert into invoice_untouched (invoice_id, host_id, organisation_id, tier, network, networks, currency, issued_on, due_on,
    net, gross) select * from invoices_untouched();

-- What is owed of invoices that something was booked on: of many, few.
create index standing_owed on invoice_standing (host_id, starts_on) where balance <> 0;
-- Rows are written when something is booked, and so lie in the order of their days; this says where each day lies.
create index standing_days_lie on invoice_standing using brin (starts_on date_minmax_multi_ops,
    issued_on date_minmax_multi_ops, due_on date_minmax_multi_ops) with (pages_per_range = 32, autosummarize = on);
grant select on invoice_untouched to crm_reader;
alter table invoice_untouched enable row level security;
create policy own_host on invoice_untouched for select to crm_reader
    using (host_id = any ((select crm_hosts_array())::uuid[]));

-- The invoices of a host that anything is owed of, or paid too much on, at the end of a day; by the policies of who asks.
-- As it was known earlier, nobody keeps: then all that were issued.
create or replace function invoices_open(host uuid, day date, known timestamptz) returns setof uuid language sql stable
    set jit = off set plan_cache_mode = force_custom_plan as $$
    select u.invoice_id from invoice_untouched u
    where known is null and u.host_id = host and u.issued_on <= day and u.gross <> 0
    union all
    select s.invoice_id from invoice_standing s where known is null and s.host_id = host and s.issued_on <= day
        and s.starts_on <= day and (s.ends_on is null or s.ends_on > day) and s.balance <> 0
    union all
    select s.invoice_id from invoice_standing s where known is null and s.host_id = host and s.issued_on <= day
        and s.starts_on > day and s.first and s.gross <> 0
    union all
    select i.id from invoice i where known is not null and i.host_id = host and i.kind = 'invoice' and i.issued_on <= day
$$;
-- It need not tell the day of issue any more. What was issued is read in the order of its days, without the rows.
drop index invoice_list;
create index invoice_list on invoice (host_id, id);
create index invoice_issued on invoice (host_id, issued_on desc, id) include (kind, network_id, currency, gross)
    where status = 'issued';
