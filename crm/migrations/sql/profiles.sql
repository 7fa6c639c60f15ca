-- Changes of facts: written once, taken back at most once.
alter table profile_change
    add constraint profile_change_number unique (organisation_id, number),
    add constraint profile_change_facts check (facts <> '{}'::jsonb);
create index profile_change_united on profile_change (united_id) where united_id is not null;
create trigger no_delete before delete on profile_change for each row execute function forbid_change();
create trigger only_withdrawn after update on profile_change for each row
    execute function only_these_columns('withdrawn_at', 'withdrawn_by');
create trigger no_truncate before truncate on profile_change for each statement execute function forbid_change();

-- For those whose member, or applicant, the organisation is.
grant select on profile_change to crm_reader;
alter table profile_change enable row level security;
create policy own_network on profile_change for select to crm_reader
    using (exists (select 1 from membership m where m.organisation_id = profile_change.organisation_id)
        or exists (select 1 from application a where a.organisation_id = profile_change.organisation_id));
