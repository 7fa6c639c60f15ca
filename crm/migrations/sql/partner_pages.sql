-- How far each key has come with a feed, secrets of keys that change over, and feeds of made-up members (ADR 0030).
alter table api_key add constraint api_key_old_secret check ((old_secret_hash is null) = (old_secret_until is null));
alter table feed_reader add constraint feed_reader_once unique (key_id, scope),
    add constraint feed_reader_kind check (kind in ('list', 'changes'));
alter table rehearsal add constraint rehearsal_positions check (0 <= pruned_seq and pruned_seq <= seq and run >= 0);
alter table rehearsal_entry
    add constraint rehearsal_entry_once unique (network_id, seq),
    add constraint rehearsal_entry_op check (op in ('upsert', 'remove')),
    add constraint rehearsal_entry_body check ((op = 'upsert') = (body is not null) and (body is null) = (body_hash is null));
create unique index rehearsal_entry_newest on rehearsal_entry (network_id, membership_id) where newest;

-- The second tenant wall.
grant select on feed_reader, rehearsal, rehearsal_entry to crm_reader;
alter table feed_reader enable row level security;
create policy own_network on feed_reader for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or reader_network_id = any ((select crm_networks())::uuid[]));
alter table rehearsal enable row level security;
create policy own_network on rehearsal for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
alter table rehearsal_entry enable row level security;
create policy own_network on rehearsal_entry for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
