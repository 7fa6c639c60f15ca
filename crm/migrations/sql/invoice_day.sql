-- The list of invoices (ADR 0051): what was issued day by day, so that nobody counts half a million documents; who is
-- credited or given up among what is settled; numbers, KIDs and amounts read without the rows.
create function invoice_networks(document uuid, kind text, own uuid) returns uuid[] language sql stable as $$
    select case when kind = 'invoice' and own is not null then array[own] else coalesce((
        select array_agg(distinct n order by n) from (
            select own as n union select m.network_id from charge c join membership m on m.id = c.membership_id
                where kind = 'invoice' and c.invoice_id = document
            union select m.network_id from credit_line l join charge c on c.id = l.charge_id
                join membership m on m.id = c.membership_id where kind = 'credit_note' and l.invoice_id = document
        ) x where n is not null), '{}') end
$$;
-- What the rows must be, for what is there and for `crm verify`.
create function invoice_days() returns table (host_id uuid, issued_on date, kind text, currency text, networks uuid[],
    documents bigint, gross bigint) language sql stable as $$
    select i.host_id, i.issued_on, i.kind, i.currency, invoice_networks(i.id, i.kind, i.network_id), count(*),
        sum(i.gross)::bigint
    from invoice i where i.status = 'issued' group by 1, 2, 3, 4, 5
$$;
insert into invoice_day (host_id, issued_on, kind, currency, networks, documents, gross) select * from invoice_days();
create unique index invoice_day_once on invoice_day (host_id, issued_on, kind, currency, networks);
grant select on invoice_day to crm_reader;
alter table invoice_day enable row level security;
create policy own_host on invoice_day for select to crm_reader
    using (host_id = any ((select crm_hosts_array())::uuid[]));

-- (Whoever issues holds the counter of the host's numbers until the end, and so waits for nobody here.)
create function invoice_counts() returns trigger language plpgsql
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
    insert into invoice_day (host_id, issued_on, kind, currency, networks, documents, gross)
        select f.host_id, f.issued_on, f.kind, f.currency, n.networks, sum(f.documents), sum(f.gross) from (
            select f.host_id, f.issued_on, f.kind, f.currency, f.network_id, null::uuid as id, count(*) as documents,
                sum(f.gross) as gross
            from fresh f where f.status = 'issued' and f.kind = 'invoice' and f.network_id is not null group by 1, 2, 3, 4, 5
            union all
            select f.host_id, f.issued_on, f.kind, f.currency, f.network_id, f.id, 1, f.gross from fresh f
            where f.status = 'issued' and (f.kind <> 'invoice' or f.network_id is null)
        ) f cross join lateral (select invoice_networks(f.id, f.kind, f.network_id) as networks) n
        group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (host_id, issued_on, kind, currency, networks) do update
        set documents = invoice_day.documents + excluded.documents, gross = invoice_day.gross + excluded.gross;
    return null;
end
$$;
create trigger counts after insert on invoice referencing new table as fresh
    for each statement execute function invoice_counts();
create trigger counts_later after update on invoice referencing old table as stale new table as fresh
    for each statement execute function invoice_counts();

create index standing_done on invoice_standing (host_id, starts_on)
    where balance <= 0 and (credited >= gross or written_off > 0);
drop index invoice_amount;
create index invoice_amount on invoice (host_id, gross desc, id) where status = 'issued';
drop index invoice_kid;
create unique index invoice_kid on invoice (host_id, kid) include (id) where kid <> '';
