-- What members had to their credit before these books began: payments that came in elsewhere (ADR 0055).
alter table payment drop constraint payment_rail,
    add constraint payment_rail check (rail in ('bank', 'card', 'opening') and (rail = 'opening') = (provider = 'opening'));
alter table opening_credit add constraint opening_credit_amount check (amount > 0);
create index opening_credit_of on opening_credit (import_id);

create trigger no_change before update or delete on opening_credit for each row execute function forbid_change();
create trigger no_truncate before truncate on opening_credit for each statement execute function forbid_change();

grant select on opening_credit to crm_reader;
alter table opening_credit enable row level security;
create policy own_network on opening_credit for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
