-- Drafts of rules: only those who manage the network see one; every save moves the revision on by one.
alter table rulebook_draft add constraint rulebook_draft_revision check (revision > 0);
grant select on rulebook_draft to crm_reader;
alter table rulebook_draft enable row level security;
create policy own_network on rulebook_draft for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
