-- What one network owes another for some days was settled: said by one of the two, and taken back rather than changed.
alter table share_settlement
    add constraint share_settlement_days check (after_on > first_on),
    add constraint share_settlement_two check (source_id <> target_id),
    add constraint share_settlement_undone check ((undone_at is null) = (undone_by = '')),
    add constraint share_settlement_once exclude using gist (source_id with =, target_id with =, currency with =,
        daterange(first_on, after_on) with &&) where (undone_at is null);
create trigger no_delete before delete on share_settlement for each row execute function forbid_change();
create trigger only_undone after update on share_settlement for each row
    execute function only_these_columns('undone_by', 'undone_at');
create trigger no_truncate before truncate on share_settlement for each statement execute function forbid_change();

-- The tenant wall: both networks see it.
grant select on share_settlement to crm_reader;
alter table share_settlement enable row level security;
create policy own_network on share_settlement for select to crm_reader
    using (source_id = any ((select crm_networks())::uuid[]) or target_id = any ((select crm_networks())::uuid[]));
