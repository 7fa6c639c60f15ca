-- Dunning: a step is taken once for an invoice, a pause is open once; history stays.
alter table dunning_step
    add constraint dunning_step_once unique (invoice_id, key),
    add constraint dunning_step_kind check (kind in ('reminder', 'collection_notice', 'suspension', 'export')),
    add constraint dunning_step_outcome check (outcome in ('done', 'waiting', 'declined')),
    add constraint dunning_step_word check (outcome <> 'waiting' or kind in ('suspension', 'export')),
    add constraint dunning_step_letter check ((pay_by is not null) = (kind in ('reminder', 'collection_notice'))),
    add constraint dunning_step_principal check (principal > 0);
create index dunning_step_list on dunning_step (network_id, outcome, kind);
create trigger no_delete before delete on dunning_step for each row execute function forbid_change();
create trigger only_decided after update on dunning_step for each row
    execute function only_these_columns('outcome', 'decided_by', 'decided_at', 'note');
create function dunning_decided_once() returns trigger language plpgsql as $$
begin
    if old.outcome <> 'waiting' then
        raise exception 'a step of dunning is decided once' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger decided_once before update on dunning_step for each row execute function dunning_decided_once();
create trigger no_truncate before truncate on dunning_step for each statement execute function forbid_change();

alter table dunning_pause
    add constraint dunning_pause_reason check (reason <> ''),
    add constraint dunning_pause_ended check ((ended_at is null) = (ended_by = ''));
create unique index dunning_pause_open on dunning_pause (invoice_id) where ended_at is null;
create trigger no_delete before delete on dunning_pause for each row execute function forbid_change();
create trigger only_ended after update on dunning_pause for each row
    execute function only_these_columns('ended_by', 'ended_at');
create trigger no_truncate before truncate on dunning_pause for each statement execute function forbid_change();

create index entry_of_dispute on ledger_entry (payment_id) where account = 'dispute_reserve';

-- The tenant wall: who may see the invoice.
grant select on dunning_step, dunning_pause to crm_reader;
alter table dunning_step enable row level security;
create policy own_host on dunning_step for select to crm_reader
    using (exists (select from invoice i where i.id = invoice_id));
alter table dunning_pause enable row level security;
create policy own_host on dunning_pause for select to crm_reader
    using (exists (select from invoice i where i.id = invoice_id));
