-- Invoices: one draft at a time, numbers without a hole, nothing issued ever changes, no more credited than billed.
alter table host add constraint host_invoicing check (invoicing in ('combined', 'separate'));

drop index invoice_one_draft;
-- A payer's charges gather on one draft per host (or per network, where the host bills separately) and currency;
-- what is given back of an issued invoice gathers on one draft credit note of that invoice.
create unique index invoice_one_draft on invoice (host_id, organisation_id, currency, network_id)
    nulls not distinct where status = 'draft' and kind = 'invoice';
create unique index invoice_one_draft_credit on invoice (credits_id) where status = 'draft' and kind = 'credit_note';
create unique index invoice_number_once on invoice (host_id, series, number) where number is not null;
create index invoice_list on invoice (host_id, id);
create index invoice_open on invoice (host_id, due_on) where status = 'issued' and kind = 'invoice';
create unique index invoice_kid on invoice (host_id, kid) where kid <> '';
alter table invoice
    add constraint invoice_kind check (kind in ('invoice', 'credit_note')),
    add constraint invoice_credits check ((credits_id is not null) = (kind = 'credit_note')),
    add constraint invoice_whole check ((status = 'issued') = (number is not null and series is not null
        and issued_on is not null and net is not null and vat is not null and gross is not null)),
    add constraint invoice_sums check (status = 'draft' or gross = net + vat and gross >= 0),
    add constraint invoice_due check (status = 'draft' or (due_on is not null) = (kind = 'invoice') and due_on >= issued_on);
alter table invoice_series
    add constraint series_once unique (host_id, series),
    add constraint series_from_one check (last_number >= 0);
alter table invoice_event add constraint event_kind check (kind in ('issued', 'queued', 'sent', 'delivered', 'opened',
    'accepted', 'rejected', 'failed', 'paid', 'reopened', 'reminded', 'collection', 'credited', 'written_off'));
alter table invoice_delivery
    add constraint delivery_channel check (channel in ('email', 'ehf')),
    add constraint delivery_status check (status in ('queued', 'sending', 'sent', 'accepted', 'rejected', 'failed'));
create index delivery_problems on invoice_delivery (invoice_id) where status in ('rejected', 'failed');
drop index charge_once;
create unique index charge_once on charge (grant_id, component, starts_on, sign(net::numeric), billed_again_for)
    nulls not distinct;
create unique index credit_line_because on credit_line (because_id, charge_id) where because_id is not null;

-- A document is written once by the hundred thousand and read one at a time: the quicker compression, where there is one.
do $$ begin
    alter table invoice_document alter column document set compression lz4;
exception when feature_not_supported then null;
end $$;

-- Issued is issued.
create function invoice_stays() returns trigger language plpgsql as $$
begin
    if old.status = 'issued' then
        raise exception 'invoice % is issued and never changes', old.id using errcode = 'restrict_violation';
    elsif tg_op = 'DELETE' then
        raise exception 'invoices are never deleted' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger issued_stays before update or delete on invoice for each row execute function invoice_stays();
create trigger no_truncate before truncate on invoice for each statement execute function forbid_change();

create function only_on_drafts() returns trigger language plpgsql as $$
begin
    if exists (select from fresh join invoice i on i.id = fresh.invoice_id where i.status <> 'draft') then
        raise exception 'an issued invoice takes no more lines' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger only_on_drafts after insert on charge referencing new table as fresh
    for each statement execute function only_on_drafts();
create trigger only_on_drafts after insert on credit_line referencing new table as fresh
    for each statement execute function only_on_drafts();

do $$
declare
    history text;
begin
    foreach history in array array['invoice_document', 'invoice_event', 'credit_line'] loop
        execute format('create trigger no_change before update or delete on %I for each row execute function forbid_change()',
                       history);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       history);
    end loop;
end $$;
create trigger no_truncate before truncate on invoice_series for each statement execute function forbid_change();
create trigger no_truncate before truncate on invoice_delivery for each statement execute function forbid_change();

-- Numbers: the counter only goes forward, by as many invoices as were numbered in the same transaction (M4).
create function series_forward() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (new.host_id, new.series) is distinct from (old.host_id, old.series)
            or new.last_number < old.last_number then
        raise exception 'a series of invoice numbers only goes forward' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger forward before update or delete on invoice_series for each row execute function series_forward();

create function series_no_hole() returns trigger language plpgsql as $$
declare
    earlier bigint := case when tg_op = 'INSERT' then 0 else old.last_number end;
    numbered bigint;
begin
    select count(*) into numbered from invoice i where i.host_id = new.host_id and i.series = new.series
        and i.number > earlier and i.number <= new.last_number;
    if numbered <> new.last_number - earlier then
        raise exception 'the invoice numbers of series % would have a hole after %', new.series, earlier
            using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create constraint trigger no_hole after insert or update on invoice_series deferrable initially deferred
    for each row execute function series_no_hole();

create function number_from_series() returns trigger language plpgsql as $$
begin
    if exists (select from fresh left join invoice_series s on (s.host_id, s.series) = (fresh.host_id, fresh.series)
               where fresh.number is not null and (fresh.number < 1 or fresh.number > coalesce(s.last_number, 0))) then
        raise exception 'an invoice number comes from its series' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger number_from_series after insert on invoice referencing new table as fresh
    for each statement execute function number_from_series();
create trigger number_from_series_later after update on invoice referencing new table as fresh
    for each statement execute function number_from_series();

-- Credit notes: per line and in all never more than was billed (M7). The invoice row is the lock between two of them.
create function credit_fits() returns trigger language plpgsql as $$
declare
    billed record;
begin
    for billed in select i.id, i.status, i.net from invoice i
        where i.id in (select c.invoice_id from fresh join charge c on c.id = fresh.charge_id) order by i.id for no key update
    loop
        if billed.status <> 'issued' then
            raise exception 'only an issued invoice is credited' using errcode = 'restrict_violation';
        end if;
        perform from charge c join credit_line l on l.charge_id = c.id where c.invoice_id = billed.id
            group by c.id having sum(l.net) * sign(c.net) not between 0 and abs(c.net);
        if found then
            raise exception 'more would be credited than a line of invoice % billed', billed.id using errcode = 'restrict_violation';
        end if;
        if (select sum(l.net) from charge c join credit_line l on l.charge_id = c.id where c.invoice_id = billed.id)
                not between 0 and billed.net then
            raise exception 'more would be credited than invoice % billed', billed.id using errcode = 'restrict_violation';
        end if;
    end loop;
    if exists (select from fresh join invoice n on n.id = fresh.invoice_id join charge c on c.id = fresh.charge_id
               where n.credits_id is distinct from c.invoice_id) then
        raise exception 'a credit note credits its own invoice' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger credit_fits after insert on credit_line referencing new table as fresh
    for each statement execute function credit_fits();

create function credited_in_all() returns trigger language plpgsql as $$
begin
    if exists (select from fresh f join invoice billed on billed.id = f.credits_id
               where f.status = 'issued' and f.kind = 'credit_note' and (select sum(n.gross) from invoice n
               where n.credits_id = billed.id and n.status = 'issued') > billed.gross) then
        raise exception 'credit notes would exceed their invoice' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger credited_in_all after update on invoice referencing new table as fresh
    for each statement execute function credited_in_all();

-- Privileges say the same as the triggers, for whoever is not the owner.
revoke update, delete, truncate on invoice, charge, credit_line, invoice_document, invoice_event, invoice_series from public;

-- The tenant wall. A document shows every line, so it takes every network on it; lists show rows of the host.
grant select on invoice_series, invoice_document, invoice_event, invoice_delivery, billing, credit_line to crm_reader;
alter table invoice_series enable row level security;
create policy own_host on invoice_series for select to crm_reader
    using (host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[])));
alter table invoice_document enable row level security;
create policy all_networks on invoice_document for select to crm_reader using (network_ids <@ (select crm_networks())::uuid[]);
alter table invoice_event enable row level security;
create policy own_host on invoice_event for select to crm_reader using (exists (select from invoice i where i.id = invoice_id));
alter table invoice_delivery enable row level security;
create policy own_host on invoice_delivery for select to crm_reader using (exists (select from invoice i where i.id = invoice_id));
alter table credit_line enable row level security;
create policy own_network on credit_line for select to crm_reader using (exists (select from charge c where c.id = charge_id));
alter table billing enable row level security;
create policy own_network on billing for select to crm_reader
    using (exists (select from membership m where m.organisation_id = billing.organisation_id
                   and m.network_id = any ((select crm_networks())::uuid[])));

-- Pay first: approved, billed, and a member once it is paid.
alter table application drop constraint application_status,
    add constraint application_status check (status in ('draft', 'sent', 'info_needed', 'approved', 'declined', 'withdrawn',
        'payment_due'));
create index application_decision on application (decision_id) where decision_id is not null;
