-- Imports of members by file (ADR 0039).
alter table member_import
    add constraint import_status check (status in ('mapping', 'checking', 'checked', 'loading', 'done', 'failed',
        'undoing', 'undone', 'dropped')),
    add constraint import_counts check (total >= 0 and done >= 0),
    add constraint import_confirmed check ((confirmed_at is null) = (confirmed_by = '')),
    add constraint import_file check (file is null or status in ('mapping', 'checking', 'checked', 'loading', 'failed'));
create index import_of_network on member_import (network_id, created_at desc);
alter table member_import alter column file set storage external;
alter table member_import_row
    add constraint import_row_verdict check (verdict in ('new', 'change', 'same', 'left_out', 'refused'));
create unique index import_row_once on member_import_row (import_id, number);
create index import_row_list on member_import_row (import_id, verdict, row_id);
create unique index import_mapping_once on import_mapping (network_id, source);
create index opening_item_of on opening_item (import_id);
alter table opening_item add constraint opening_item_amount check (amount > 0);

create trigger no_delete before delete on member_import for each row execute function forbid_change();
create trigger no_truncate before truncate on member_import for each statement execute function forbid_change();
create trigger no_change before update or delete on opening_item for each row execute function forbid_change();
create trigger no_truncate before truncate on opening_item for each statement execute function forbid_change();

-- What a member owed before our books began is booked against an account of its own, and is due on the day it was
-- due where it was billed: that may lie before the day on which it came into these books.
alter table ledger_entry drop constraint entry_account,
    add constraint entry_account check (account in ('receivable', 'member_credit', 'suspense', 'income', 'vat_payable',
        'bank', 'card_clearing', 'provider_cost', 'dispute_reserve', 'write_off', 'rounding', 'share_cost',
        'share_payable', 'share_receivable', 'share_income', 'opening'));
alter table invoice drop constraint invoice_due,
    add constraint invoice_due check (status = 'draft' or (due_on is not null) = (kind = 'invoice')
        and (due_on >= issued_on or series like '%-IB'));
create or replace function invoice_paid_on(wanted uuid) returns date language sql stable parallel safe as $$
    select s.on_date from (
        select t.on_date, t.seq, sum(sum(e.amount)) over by_turn as owed,
            coalesce(sum(sum(e.amount) filter (where e.payment_id is not null)) over by_turn, 0) as paid
        from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        where e.invoice_id = wanted and e.account in ('receivable', 'member_credit')
            and t.kind in ('issued', 'opened', 'credited', 'received', 'moved', 'writtenoff')
            and not exists (select from ledger_transaction r where r.reverses_id = t.id)
        group by t.id, t.on_date, t.seq window by_turn as (order by t.seq)
    ) s where s.owed <= 0 and s.paid < 0 order by s.seq limit 1
$$;

-- Was this an opening balance that was taken back? (Whoever undoes an import owes nobody an invoice.)
create function invoice_withdrawn(wanted uuid) returns boolean language sql stable parallel safe as $$
    select exists (select from opening_item o join ledger_transaction t on t.object_id = o.invoice_id::text
        and t.kind = 'opened' and t.provider = 'klynge' and t.phase = 'issued'
        join ledger_transaction r on r.reverses_id = t.id where o.invoice_id = wanted)
$$;

grant select on member_import, member_import_row, import_mapping, opening_item to crm_reader;
alter table member_import enable row level security;
create policy own_network on member_import for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table member_import_row enable row level security;
create policy own_network on member_import_row for select to crm_reader
    using (exists (select from member_import i where i.id = import_id));
alter table import_mapping enable row level security;
create policy own_network on import_mapping for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table opening_item enable row level security;
create policy own_host on opening_item for select to crm_reader using (exists (select from invoice i where i.id = invoice_id));

-- Many entries of one deed, in order: the head of the chain is moved once, not once for each.
create function audit_append_rows(
    p_actor text, p_channel text, p_action text, p_network uuid, p_subject uuid, p_organisations uuid[], p_details jsonb[]
) returns bigint language plpgsql as $$
declare
    head audit_head;
    entry audit;
begin
    update audit_head set seq = audit_head.seq returning * into head;
    for place in 1 .. coalesce(cardinality(p_organisations), 0) loop
        head.seq := head.seq + 1;
        entry.seq := head.seq;
        entry.recorded_at := clock_timestamp();
        entry.actor := p_actor;
        entry.channel := p_channel;
        entry.action := p_action;
        entry.network_id := p_network;
        entry.organisation_id := p_organisations[place];
        entry.subject_id := p_subject;
        entry.detail := p_details[place];
        entry.hash := '';
        entry.actor_salt := audit_salt();
        entry.actor_seal := '';
        entry.detail_salt := audit_salt();
        entry.detail_seal := '';
        entry.hash := audit_hash(head.hash, entry);
        insert into audit select entry.*;
        head.hash := entry.hash;
    end loop;
    update audit_head set seq = head.seq, hash = head.hash;
    return head.seq;
end $$;
