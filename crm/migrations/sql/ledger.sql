-- The ledger (ADR 0012): whole, balanced, booked once, never changed. M1-M3 and M17 hold whatever the code does.
alter table ledger_transaction
    add constraint ledger_fact_once unique (provider, object_id, phase),
    add constraint ledger_one_book unique (id, host_id, currency),
    add constraint ledger_reversed_once unique (reverses_id),
    add constraint ledger_reverses foreign key (reverses_id) references ledger_transaction (id),
    add constraint ledger_reversal check ((kind = 'reversal') = (reverses_id is not null)),
    add constraint ledger_currency check (currency ~ '^[A-Z]{3}$');
create unique index ledger_order on ledger_transaction (seq);
create index ledger_of_host on ledger_transaction (host_id, on_date, seq);
create index ledger_of_organisation on ledger_transaction (organisation_id, seq) where organisation_id is not null;

alter table ledger_entry
    add constraint entry_one_book foreign key (transaction_id, host_id, currency)
        references ledger_transaction (id, host_id, currency),
    add constraint entry_amount check (amount <> 0),
    add constraint entry_account check (account in ('receivable', 'member_credit', 'suspense', 'income', 'vat_payable',
        'bank', 'card_clearing', 'provider_cost', 'dispute_reserve', 'write_off', 'rounding', 'share_cost',
        'share_payable', 'share_receivable', 'share_income')),
    add constraint entry_organisation check ((organisation_id is not null) = (account in ('receivable', 'member_credit'))),
    add constraint entry_network check ((network_id is not null) = (account in ('income', 'share_cost', 'share_payable',
        'share_receivable', 'share_income')));
create index entry_of_transaction on ledger_entry (transaction_id);
create index entry_of_invoice on ledger_entry (invoice_id) where account in ('receivable', 'member_credit', 'suspense');
create index entry_of_payment on ledger_entry (payment_id) where account in ('receivable', 'member_credit', 'suspense');
create index entry_of_organisation on ledger_entry (organisation_id) where organisation_id is not null;
create index entry_shares on ledger_entry (invoice_id) where account = 'share_cost';
create index entry_suspense on ledger_entry (host_id, payment_id) where account = 'suspense';

-- M1: a posting has two entries or more and they add up to zero: at commit for every posting, and at once for its
-- entries, which all come in one statement, so that nothing can be added to a posting afterwards.
create function ledger_balances() returns trigger language plpgsql as $$
declare
    entries bigint;
    total numeric;
begin
    select count(*), coalesce(sum(amount), 0) into entries, total from ledger_entry where transaction_id = new.id;
    if entries < 2 or total <> 0 then
        raise exception 'ledger transaction % has % entries that add up to %', new.id, entries, total
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger balances after insert on ledger_transaction deferrable initially deferred
    for each row execute function ledger_balances();

create function entries_balance() returns trigger language plpgsql as $$
declare
    wrong record;
begin
    select f.transaction_id, f.entries, f.total into wrong
        from (select transaction_id, count(*) as entries, sum(amount) as total from fresh group by transaction_id) f
        where f.total <> 0 or f.entries < 2
            or f.entries <> (select count(*) from ledger_entry e where e.transaction_id = f.transaction_id)
        limit 1;
    if found then
        raise exception '% entries at once for ledger transaction %, adding up to %', wrong.entries, wrong.transaction_id,
            wrong.total using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger balance after insert on ledger_entry referencing new table as fresh
    for each statement execute function entries_balance();

-- The day an invoice was paid: the first on which what was booked and not taken back as a mistake came to nothing,
-- with money in it. A refund or a lost dispute later owes the money again; it does not undo that it was paid (M9).
create function invoice_paid_on(wanted uuid) returns date language sql stable parallel safe as $$
    select s.on_date from (
        select t.on_date, t.seq, sum(sum(e.amount)) over by_turn as owed,
            coalesce(sum(sum(e.amount) filter (where e.payment_id is not null)) over by_turn, 0) as paid
        from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        where e.invoice_id = wanted and e.account in ('receivable', 'member_credit')
            and t.kind in ('issued', 'credited', 'received', 'moved', 'writtenoff')
            and not exists (select from ledger_transaction r where r.reverses_id = t.id)
        group by t.id, t.on_date, t.seq window by_turn as (order by t.seq)
    ) s where s.owed <= 0 and s.paid < 0 order by s.seq limit 1
$$;

alter table payment
    add constraint payment_once unique (provider, object_id),
    add constraint payment_amount check (amount > 0),
    add constraint payment_rail check (rail in ('bank', 'card'));
create index payment_of_host on payment (host_id, received_on);
alter table parked_fact add constraint parked_once unique (provider, object_id, phase);
create index parked_waiting on parked_fact (payment) where booked_at is null;
alter table write_off
    add constraint write_off_amount check (amount > 0),
    add constraint write_off_decision check (decision in ('', 'approved', 'declined')),
    add constraint write_off_decided check ((decision = '') = (decided_at is null)),
    add constraint write_off_two_people check (decision <> 'approved'
        or decided_by_id is not null and decided_by_id is distinct from proposed_by_id and decided_by <> proposed_by);
create unique index write_off_open on write_off (invoice_id) where decision = '';
alter table bank_line
    add constraint bank_line_once unique (host_id, key),
    add constraint bank_line_amount check (amount <> 0),
    add constraint bank_line_problem check (problem in ('', 'reversal_unknown'));
create index bank_line_of_payment on bank_line (payment_id) where payment_id is not null;
create index bank_file_list on bank_file (host_id, imported_at);

-- M2: history stays.
create trigger only_decided after update on write_off for each row
    execute function only_these_columns('decision', 'decided_by', 'decided_by_id', 'decided_at');
create function decided_stays() returns trigger language plpgsql as $$
begin
    if old.decision <> '' then
        raise exception 'a write-off is decided once' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger decided_stays before update on write_off for each row execute function decided_stays();
create trigger only_booked after update on parked_fact for each row execute function only_these_columns('booked_at');
create trigger only_settled after update on bank_line for each row execute function only_these_columns('payment_id', 'problem');
do $$
declare
    history text;
begin
    foreach history in array array['ledger_transaction', 'ledger_entry', 'payment', 'bank_file', 'suspense_note', 'unpaid_suspension'] loop
        execute format('create trigger no_change before update or delete on %I for each row execute function forbid_change()',
                       history);
    end loop;
    foreach history in array array['write_off', 'parked_fact', 'bank_line'] loop
        execute format('create trigger no_delete before delete on %I for each row execute function forbid_change()', history);
    end loop;
    foreach history in array array['ledger_transaction', 'ledger_entry', 'payment', 'bank_file', 'suspense_note',
        'unpaid_suspension', 'write_off', 'parked_fact', 'bank_line'] loop
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       history);
        -- (The owner keeps "update": PostgreSQL asks for it to lock the row a foreign key points to. The triggers stay.)
        execute format('revoke update, delete, truncate on %I from public', history);
        execute format('revoke delete, truncate on %I from current_user', history);
        execute format('grant select on %I to crm_reader', history);
        execute format('alter table %I enable row level security', history);
    end loop;
end $$;

-- The tenant wall: the books are the host's; what a network earned is that network's.
create function crm_hosts() returns setof uuid language sql stable parallel safe as $$
    select n.host_id from network n where n.id = any ((select crm_networks())::uuid[])
$$;
create policy own_host on ledger_transaction for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on ledger_entry for select to crm_reader using (host_id in (select crm_hosts())
    and (network_id is null or network_id = any ((select crm_networks())::uuid[]) or account in ('share_payable', 'share_receivable')));
create policy own_host on payment for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on write_off for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on parked_fact for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on bank_file for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on bank_line for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on suspense_note for select to crm_reader
    using (exists (select from payment p where p.id = payment_id));
create policy own_host on unpaid_suspension for select to crm_reader using (exists (select from invoice i where i.id = invoice_id));
