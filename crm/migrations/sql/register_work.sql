-- Files of the register on their way, what happens by itself, and differences answered together (ADR 0053).

alter table register_run
    add constraint register_run_status check (status in ('waiting', 'reading', 'done', 'failed', 'stopped')),
    add constraint register_run_size check (size >= 0 and done between 0 and size and units >= 0),
    add constraint register_run_failed check ((status = 'failed') = (problem is not null)),
    add constraint register_run_over check ((status in ('waiting', 'reading')) = (finished_at is null));
-- One file at a time is read for a host.
create unique index register_run_at_work on register_run (host_id) where status in ('waiting', 'reading');
create index register_run_newest on register_run (host_id, asked_at desc);
create trigger no_delete before delete on register_run for each row execute function forbid_change();
create trigger no_truncate before truncate on register_run for each statement execute function forbid_change();

alter table register_bulk
    add constraint register_bulk_deed check (deed in ('take_over', 'keep')),
    add constraint register_bulk_status check (status in ('looking', 'looked', 'doing', 'done', 'undoing', 'undone', 'dropped')),
    add constraint register_bulk_counts check (total >= 0 and done between 0 and total and changed + failed <= total),
    add constraint register_bulk_token unique (network_id, token);
create index register_bulk_newest on register_bulk (network_id, created_at desc);
create trigger no_delete before delete on register_bulk for each row execute function forbid_change();
create trigger no_truncate before truncate on register_bulk for each statement execute function forbid_change();
alter table register_bulk_row
    add constraint register_bulk_row_outcome check (outcome in ('', 'changed', 'closed', 'failed', 'undone', 'stays')),
    add constraint register_bulk_row_once unique (bulk_id, review_id);
create index register_bulk_row_waiting on register_bulk_row (bulk_id, row_id);

-- A host sees its own files; a network what was answered together in it.
grant select on register_run, register_rule, register_bulk, register_bulk_row to crm_reader;
alter table register_run enable row level security;
create policy own_host on register_run for select to crm_reader using (host_id in (select crm_hosts()));
alter table register_rule enable row level security;
create policy own_host on register_rule for select to crm_reader using (host_id in (select crm_hosts()));
alter table register_bulk enable row level security;
create policy own_network on register_bulk for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table register_bulk_row enable row level security;
create policy own_network on register_bulk_row for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
