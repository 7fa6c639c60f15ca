-- Labels and programmes (ADR 0042): one network's, written once, superseded by the next word on the same thing.

alter table label
    add constraint label_kind check (kind in ('label', 'programme')),
    add constraint label_name check (name <> '' and length(name) <= 100),
    add constraint label_days check (expires_on is null or expires_on > issued_on),
    add constraint label_known check (superseded_at is null or superseded_at >= recorded_at);
create unique index label_current on label (id) where superseded_at is null;
create index label_list on label (network_id, issued_on);

create trigger no_delete before delete on label for each row execute function forbid_change();
create trigger no_truncate before truncate on label for each statement execute function forbid_change();
create trigger only_superseded after update on label for each row execute function only_these_columns('superseded_at');

grant select on label to crm_reader;
alter table label enable row level security;
create policy own_network on label for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
