-- Members' own pages: what an organisation's people read of it, and people who are forgotten (ADR 0031).

grant select on known_name, main_unit to crm_member;

alter table erasure
    add constraint erasure_about check (about in ('contact', 'account')),
    add constraint erasure_of_one check ((about = 'contact') = (organisation_id is not null)),
    add constraint erasure_once unique (subject_id);
create trigger no_change before update or delete on erasure for each row execute function forbid_change();
create trigger no_truncate before truncate on erasure for each statement execute function forbid_change();
grant select on erasure to crm_reader, crm_member;
alter table erasure enable row level security;
create policy own_network on erasure for select to crm_reader using (
    exists (select from membership m where m.organisation_id = erasure.organisation_id
        and m.network_id = any ((select crm_networks())::uuid[])));
create policy own_organisation on erasure for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));

-- What was agreed to and what happened stays; who a person was may be taken out of it, and nothing else.
drop trigger no_change on consent;
create trigger no_delete before delete on consent for each row execute function forbid_change();
create trigger only_forgotten after update on consent for each row execute function only_these_columns('actor');
drop trigger no_change on application_event;
create trigger no_delete before delete on application_event for each row execute function forbid_change();
create trigger only_forgotten after update on application_event for each row
    execute function only_these_columns('actor', 'note');

grant select (id, organisation_id, network_id, reference, status, submitted_at, decided_at) on application to crm_member;
create policy own_organisation on application for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
grant select on consent to crm_member;
create policy own_organisation on consent for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
