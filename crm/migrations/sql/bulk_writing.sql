-- What writing many invoices at once costs (ADR 0021). An invoice, a posting, a host and a network never vanish (triggers
-- refuse to delete them, or to change their ids): so what points to them is looked up once a statement instead of once a
-- row, without locking what is pointed to. Whoever points to nothing is refused as by a foreign key.
create trigger id_stays before update of id on invoice for each row when (new.id is distinct from old.id)
    execute function forbid_change();

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

-- Nor do hosts, networks, organisations and memberships: everything hangs on them, and what ends is said by a day.
do $$
declare
    lasting text;
begin
    foreach lasting in array array['host', 'network', 'organisation', 'membership'] loop
        execute format('create trigger no_delete before delete on %I for each row execute function forbid_change()', lasting);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       lasting);
        execute format('create trigger id_stays before update of id on %I for each row
            when (new.id is distinct from old.id) execute function forbid_change()', lasting);
    end loop;
end $$;
-- One function for each, called what it looks up. (By index whatever the planner thinks: a plan made for a hundred thousand
-- rows is kept for the next single one.)
do $$
declare
    target text;
begin
    foreach target in array array['host', 'network', 'organisation', 'membership', 'invoice'] loop
        execute format($function$
            create function points_to_%1$s() returns trigger language plpgsql
                set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $body$
            begin
                if exists (select from fresh f where f.%1$s_id is not null
                           and not exists (select from %1$I t where t.id = f.%1$s_id)) then
                    raise exception '%% points to a missing %1$s', tg_table_name using errcode = 'foreign_key_violation';
                end if;
                return null;
            end $body$ $function$, target);
    end loop;
end $$;
do $$
declare
    pair text[];
begin
    foreach pair slice 1 in array array[
        ['invoice', 'host'], ['invoice', 'network'], ['invoice', 'organisation'], ['charge', 'membership'],
        ['invoice_document', 'invoice'], ['invoice_event', 'invoice'], ['invoice_delivery', 'invoice'],
        ['ledger_transaction', 'host'], ['ledger_transaction', 'organisation'],
        ['ledger_entry', 'network'], ['ledger_entry', 'organisation'], ['ledger_entry', 'invoice']] loop
        execute format('alter table %I drop constraint %I', pair[1], format('%s_%s_id_fkey', pair[1], pair[2]));
        execute format('create trigger %I after insert on %I referencing new table as fresh
            for each statement execute function %I()', 'points_to_' || pair[2], pair[1], 'points_to_' || pair[2]);
    end loop;
end $$;
-- (Of the others nothing at all is ever updated.)
create trigger points_stay before update of host_id, network_id, organisation_id on invoice for each row
    when ((new.host_id, new.network_id, new.organisation_id) is distinct from (old.host_id, old.network_id, old.organisation_id))
    execute function forbid_change();
create trigger points_stay before update of invoice_id on invoice_delivery for each row execute function forbid_change();

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
