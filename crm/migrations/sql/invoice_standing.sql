-- What stood on an invoice (ADR 0045): a row for each stretch of days since anything was booked on it after it was issued.
-- An invoice without a row on a day is owed as it was issued. The ledger's own trigger keeps the rows, `crm verify`
-- compares them; bookings for an earlier day, and what is taken back, give all rows of the invoice anew.
alter table invoice_standing add constraint standing_days check (ends_on > starts_on);
-- With what tells whether anything is owed on a day: then who is settled is read from this index alone, in the order of
-- another one of invoices, and neither is hashed: a quarter of the time.
create unique index standing_of_invoice on invoice_standing (host_id, invoice_id, starts_on) include (ends_on, balance);
drop index invoice_list;
create index invoice_list on invoice (host_id, id) include (issued_on, kind);
-- The invoices of a host that anything is owed of, or paid too much on, at the end of a day; by the policies of who asks.
-- As it was known earlier, nobody keeps: then all that were issued.
create function invoices_open(host uuid, day date, known timestamptz) returns setof uuid language sql stable
    set enable_hashjoin = off set enable_nestloop = off set enable_seqscan = off set enable_bitmapscan = off
    set enable_sort = off set jit = off set plan_cache_mode = force_custom_plan as $$
    select i.id from invoice i
    where known is null and i.host_id = host and i.kind = 'invoice' and i.issued_on <= day and not exists
        (select from invoice_standing s where s.host_id = host and s.invoice_id = i.id and s.starts_on <= day
            and (s.ends_on is null or s.ends_on > day) and s.balance = 0)
    union all
    select i.id from invoice i where known is not null and i.host_id = host and i.kind = 'invoice' and i.issued_on <= day
$$;

drop trigger settles on ledger_entry;
drop function invoice_settles();
drop function invoice_standing(uuid[]);
-- The lines of some invoices together: their level and network (slug), "several" where they differ, and all networks.
create function lines_of_invoices(wanted uuid[]) returns table (invoice_id uuid, tier text, network text, networks uuid[])
    language sql stable as $$
    select c.invoice_id, case when min(c.tier) = max(c.tier) then min(c.tier) else 'several' end,
        case when min(n.slug) = max(n.slug) then min(n.slug) else 'several' end, array_agg(distinct n.id)
    from charge c join membership m on m.id = c.membership_id join network n on n.id = m.network_id
    where c.invoice_id = any (wanted) group by 1
$$;
-- (Each invoice by itself, by index: joined as sets, of which nobody knows how large they are, many at once take squares.)
create function invoice_stretches(wanted uuid[]) returns table (invoice_id uuid, host_id uuid, starts_on date, ends_on date,
    tier text, network text, networks uuid[], currency text, balance bigint, paid bigint, credited bigint,
    written_off bigint, claimed bigint, by_bank bigint, by_card bigint) language sql stable as $$
    select i.id, i.host_id, b.starts_on, b.ends_on, coalesce(l.tier, ''), coalesce(l.network, own.slug, ''),
        case when i.network_id is null then coalesce(l.networks, '{}') else array[i.network_id] end, i.currency,
        b.balance, b.paid, b.credited, b.written_off, b.claimed, b.by_bank, b.by_card
    from unnest(wanted) w (id) join invoice i on i.id = w.id and i.kind = 'invoice'
    cross join lateral (
        select d.on_date as starts_on, lead(d.on_date) over days as ends_on,
            (sum(d.amount) over days + coalesce(d.opened, 0))::bigint as balance, (sum(d.paid) over days)::bigint as paid,
            (sum(d.credited) over days)::bigint as credited, (sum(d.written_off) over days)::bigint as written_off,
            (sum(d.claimed) over days)::bigint as claimed, d.by_bank, d.by_card
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
create function invoice_stands() returns trigger language plpgsql as $$
declare
    touched uuid[];
    hosts uuid[];
begin
    -- What an invoice is booked with when it is issued needs no row.
    select array_agg(distinct f.invoice_id), array_agg(distinct f.host_id) into touched, hosts from fresh f
        join ledger_transaction t on t.id = f.transaction_id and t.kind not in ('issued', 'opened', 'shared')
        where f.invoice_id is not null and f.account in ('receivable', 'member_credit');
    if touched is not null then
        delete from invoice_standing s where s.host_id = any (hosts) and s.invoice_id = any (touched);
        insert into invoice_standing (invoice_id, host_id, starts_on, ends_on, tier, network, networks, currency, balance,
            paid, credited, written_off, claimed, by_bank, by_card) select * from invoice_stretches(touched);
    end if;
    return null;
end
$$;
create trigger stands after insert on ledger_entry referencing new table as fresh
    for each statement execute function invoice_stands();
insert into invoice_standing (invoice_id, host_id, starts_on, ends_on, tier, network, networks, currency, balance, paid,
    credited, written_off, claimed, by_bank, by_card)
    select * from invoice_stretches(array(select distinct e.invoice_id from ledger_entry e where e.invoice_id is not null));
grant select on invoice_standing to crm_reader;
alter table invoice_standing enable row level security;
create policy own_host on invoice_standing for select to crm_reader
    using (host_id = any ((select crm_hosts_array())::uuid[]));

-- The same of invoices that have no row yet; for readers, whose policies would ask about each line by itself. Of invoices
-- of the reader's hosts only, whose rows above say the same to the same readers.
create function invoice_lines(wanted uuid[]) returns table (invoice_id uuid, tier text, network text, networks uuid[])
    language sql stable security definer set search_path = public as $$
    select * from lines_of_invoices(array(select i.id from invoice i where i.id = any (wanted)
        and (coalesce(current_setting('role', true), 'none') = 'none' or i.host_id = any ((select crm_hosts_array())::uuid[]))))
$$;
