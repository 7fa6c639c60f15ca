-- What writing many invoices at once costs (ADR 0021). An invoice, a posting, a host and a network never vanish (triggers
-- refuse to delete them, or to change their ids): so what points to them is looked up once a statement instead of once a
-- row, without locking what is pointed to. Whoever points to nothing is refused as by a foreign key.
create trigger id_stays before update of id on invoice for each row when (new.id is distinct from old.id)
    execute function forbid_change();

-- (By index whatever the planner thinks: a plan made for a hundred thousand rows is kept for the next single one.)
create function points_to_invoice() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    if exists (select from fresh f where f.invoice_id is not null
               and not exists (select from invoice i where i.id = f.invoice_id)) then
        raise exception '% is about an invoice that does not exist', tg_table_name using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
do $$
declare
    about text;
begin
    foreach about in array array['invoice_document', 'invoice_event', 'invoice_delivery', 'ledger_entry'] loop
        execute format('alter table %I drop constraint %I', about, about || '_invoice_id_fkey');
        execute format('create trigger points_to_invoice after insert on %I referencing new table as fresh
            for each statement execute function points_to_invoice()', about);
    end loop;
end $$;
-- (Nothing else of these four is ever updated.)
create trigger invoice_stays before update of invoice_id on invoice_delivery for each row execute function forbid_change();

alter table charge drop constraint charge_invoice_id_fkey;
create or replace function only_on_drafts() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    wrong record;
begin
    if tg_table_name = 'charge' then
        select i.id into wrong from fresh f join charge c on c.id = f.id left join invoice i on i.id = f.invoice_id
            where i.id is null or i.status <> 'draft' and not (i.xmin = c.xmin and i.cmin = c.cmin) limit 1;
    else
        select i.id into wrong from fresh f join invoice i on i.id = f.invoice_id where i.status <> 'draft' limit 1;
    end if;
    if found and wrong.id is null then
        raise exception 'a line is of an invoice that does not exist' using errcode = 'foreign_key_violation';
    elsif found then
        raise exception 'an issued invoice takes no more lines' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;

-- Hosts and networks never vanish either: everything hangs on them, and what ends is said by a day.
do $$
declare
    lasting text;
begin
    foreach lasting in array array['host', 'network'] loop
        execute format('create trigger no_delete before delete on %I for each row execute function forbid_change()', lasting);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       lasting);
        execute format('create trigger id_stays before update of id on %I for each row
            when (new.id is distinct from old.id) execute function forbid_change()', lasting);
    end loop;
end $$;
create function points_to_host() returns trigger language plpgsql as $$
begin
    if exists (select from (select distinct host_id from fresh) f
               where not exists (select from host h where h.id = f.host_id)) then
        raise exception '% is of a host that does not exist', tg_table_name using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
create function points_to_network() returns trigger language plpgsql as $$
begin
    if exists (select from (select distinct network_id from fresh where network_id is not null) f
               where not exists (select from network n where n.id = f.network_id)) then
        raise exception '% is of a network that does not exist', tg_table_name using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
alter table ledger_transaction drop constraint ledger_transaction_host_id_fkey;
alter table ledger_entry drop constraint ledger_entry_network_id_fkey;
alter table invoice drop constraint invoice_host_id_fkey, drop constraint invoice_network_id_fkey;
create trigger points_to_host after insert on ledger_transaction referencing new table as fresh
    for each statement execute function points_to_host();
create trigger points_to_network after insert on ledger_entry referencing new table as fresh
    for each statement execute function points_to_network();
create trigger points_to_host after insert on invoice referencing new table as fresh
    for each statement execute function points_to_host();
create trigger points_to_network after insert on invoice referencing new table as fresh
    for each statement execute function points_to_network();
create trigger points_stay before update of host_id, network_id on invoice for each row
    when ((new.host_id, new.network_id) is distinct from (old.host_id, old.network_id)) execute function forbid_change();

-- M1 and M17: entries come all at once, add up to zero, and stand in the book and currency of their posting.
alter table ledger_entry drop constraint entry_one_book;
alter table ledger_transaction drop constraint ledger_one_book;
create or replace function entries_balance() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    wrong record;
begin
    select f.transaction_id, f.entries, f.total, t.id is null as elsewhere into wrong
        from (select transaction_id, host_id, currency, count(*) as entries, sum(amount) as total
              from fresh group by transaction_id, host_id, currency) f
        left join ledger_transaction t
            on t.id = f.transaction_id and t.host_id = f.host_id and t.currency = f.currency
        where t.id is null or f.total <> 0 or f.entries < 2
            or f.entries <> (select count(*) from ledger_entry e where e.transaction_id = f.transaction_id)
        limit 1;
    if found and wrong.elsewhere then
        raise exception 'entries are not in the book and currency of ledger transaction %', wrong.transaction_id
            using errcode = 'foreign_key_violation';
    elsif found then
        raise exception '% entries at once for ledger transaction %, adding up to %', wrong.entries, wrong.transaction_id,
            wrong.total using errcode = 'check_violation';
    end if;
    return null;
end $$;

-- A posting without entries is refused at once too, no longer when it would be committed: both come by one command.
drop trigger balances on ledger_transaction;
drop function ledger_balances();
create function posting_has_entries() returns trigger language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    if exists (select from fresh t where not exists (select from ledger_entry e where e.transaction_id = t.id)) then
        raise exception 'a ledger transaction has no entries' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger has_entries after insert on ledger_transaction referencing new table as fresh
    for each statement execute function posting_has_entries();

-- Rows that have no such value need no place in its index.
alter table ledger_transaction drop constraint ledger_reversed_once;
create unique index ledger_reversed_once on ledger_transaction (reverses_id) where reverses_id is not null;
drop index invoice_credits_id;
create index invoice_credits_id on invoice (credits_id) where credits_id is not null;
drop index entry_of_payment;
create index entry_of_payment on ledger_entry (payment_id)
    where payment_id is not null and account in ('receivable', 'member_credit', 'suspense');

-- A document of up to half a page is stored as it is: compressing it costs more than all its other writing.
alter table invoice_document set (toast_tuple_target = 4096);

-- What is read of every payer comes in order from an index: sorting one row costs more than finding it.
create index contact_first on contact (organisation_id, main desc, created_at desc, id);
drop index contact_organisation_id;
create index application_reference on application (organisation_id, decided_at desc)
    where answers ->> 'billing_reference' <> '' and status in ('approved', 'payment_due');
-- (The condition on the id holds for every row. It only keeps the planner, to whom GiST always looks cheapest, from
-- looking organisations up by this index: by the ordinary one that is ten times quicker.)
alter table organisation_profile drop constraint profile_once,
    add constraint profile_once exclude using gist (organisation_id with =, daterange(starts_on, ends_on) with &&)
        where (superseded_at is null and id is not null);
