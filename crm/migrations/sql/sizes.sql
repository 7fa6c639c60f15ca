-- What fees depend on: written once, superseded by the next word on the same thing.
alter table organisation_size
    add constraint size_basis check (basis in ('employees', 'fte', 'turnover', 'balance', 'area', 'inhabitants',
        'contracts', 'members')),
    add constraint size_scope check (scope in ('own', 'group')),
    -- an organisation's own employees stand in its profile, where link rules look
    add constraint size_employees check (basis <> 'employees' or scope = 'group'),
    add constraint size_value check (value >= 0),
    add constraint size_currency check (currency ~ (case when basis in ('turnover', 'balance') then '^[A-Z]{3}$' else '^$' end));
create unique index organisation_size_once on organisation_size (organisation_id, basis, scope, currency, as_of)
    where superseded_at is null;

alter table organisation_owner add constraint owner_country check (country ~ '^([A-Z]{2})?$');
create unique index organisation_owner_once on organisation_owner (organisation_id, as_of) where superseded_at is null;

alter table organisation_role
    add constraint role_period check (ends_on is null or ends_on > starts_on),
    add constraint organisation_role_once exclude using gist (organisation_id with =, network_id with =, role with =,
        daterange(starts_on, ends_on) with &&) where (superseded_at is null);

alter table agreed_fee
    add constraint agreed_amount check (amount >= 0),
    add constraint agreed_source check (source <> ''),
    add constraint agreed_period check (ends_on is null or ends_on > starts_on),
    add constraint agreed_fee_once exclude using gist (organisation_id with =, network_id with =, component with =,
        currency with =, daterange(starts_on, ends_on) with &&) where (superseded_at is null);

create trigger no_delete before delete on organisation_size for each row execute function forbid_change();
create trigger only_superseded after update on organisation_size for each row
    execute function only_these_columns('superseded_at');
create trigger no_truncate before truncate on organisation_size for each statement execute function forbid_change();

create trigger no_delete before delete on organisation_owner for each row execute function forbid_change();
create trigger only_superseded after update on organisation_owner for each row
    execute function only_these_columns('superseded_at');
create trigger no_truncate before truncate on organisation_owner for each statement execute function forbid_change();

create trigger no_delete before delete on organisation_role for each row execute function forbid_change();
create trigger only_superseded after update on organisation_role for each row
    execute function only_these_columns('superseded_at');
create trigger no_truncate before truncate on organisation_role for each statement execute function forbid_change();

create trigger no_delete before delete on agreed_fee for each row execute function forbid_change();
create trigger only_superseded after update on agreed_fee for each row
    execute function only_these_columns('superseded_at');
create trigger no_truncate before truncate on agreed_fee for each statement execute function forbid_change();

-- A figure is for those whose member, or applicant, the organisation is; roles and agreed fees for their network.
grant select on organisation_size, organisation_owner, organisation_role, agreed_fee to crm_reader;
alter table organisation_size enable row level security;
create policy own_network on organisation_size for select to crm_reader
    using (exists (select 1 from membership m where m.organisation_id = organisation_size.organisation_id)
        or exists (select 1 from application a where a.organisation_id = organisation_size.organisation_id));
alter table organisation_owner enable row level security;
create policy own_network on organisation_owner for select to crm_reader
    using (exists (select 1 from membership m where m.organisation_id = organisation_owner.organisation_id)
        or exists (select 1 from application a where a.organisation_id = organisation_owner.organisation_id));
alter table organisation_role enable row level security;
create policy own_network on organisation_role for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table agreed_fee enable row level security;
create policy own_network on agreed_fee for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
