-- What members give in kind and a network's other income (ADR 0049): one network's, written once, withdrawn with a reason.

alter table in_kind_rate
    add constraint in_kind_rate_amount check (amount > 0),
    add constraint in_kind_rate_currency check (currency ~ '^[A-Z]{3}$'),
    add constraint in_kind_rate_known check (superseded_at is null or superseded_at >= recorded_at);
create unique index in_kind_rate_current on in_kind_rate (id) where superseded_at is null;
create unique index in_kind_rate_day on in_kind_rate (network_id, starts_on) where superseded_at is null;
create index in_kind_rate_list on in_kind_rate (network_id, starts_on);

alter table contribution
    add constraint contribution_what check (what <> '' and length(what) <= 200),
    add constraint contribution_days check (ends_on > starts_on),
    add constraint contribution_amount check (amount > 0),
    add constraint contribution_hours check ((hours is null) = (rate is null) and (hours is null or hours > 0)),
    add constraint contribution_currency check (currency ~ '^[A-Z]{3}$'),
    add constraint contribution_known check (superseded_at is null or superseded_at >= recorded_at);
create unique index contribution_current on contribution (id) where superseded_at is null;
create index contribution_list on contribution (network_id, starts_on);
create index contribution_of on contribution (organisation_id, network_id);

alter table other_income
    add constraint other_income_kind check (kind in ('public_grant', 'project', 'own', 'other')),
    add constraint other_income_sector check (sector in ('private', 'public')),
    add constraint other_income_grant check (kind <> 'public_grant' or sector = 'public'),
    add constraint other_income_payer check (payer <> '' and length(payer) <= 200),
    add constraint other_income_days check (ends_on > starts_on),
    add constraint other_income_amount check (amount > 0),
    add constraint other_income_currency check (currency ~ '^[A-Z]{3}$'),
    add constraint other_income_known check (superseded_at is null or superseded_at >= recorded_at);
create unique index other_income_current on other_income (id) where superseded_at is null;
create index other_income_list on other_income (network_id, starts_on);

do $$
declare place text;
begin
    foreach place in array array['in_kind_rate', 'contribution', 'other_income'] loop
        execute format('create trigger no_delete before delete on %I for each row execute function forbid_change()', place);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()', place);
        execute format(
            'create trigger only_superseded after update on %I for each row'
            ' execute function only_these_columns(''superseded_at'', ''superseded_by'', ''superseded_why'')', place);
        execute format('grant select on %I to crm_reader', place);
        execute format('alter table %I enable row level security', place);
        execute format(
            'create policy own_network on %I for select to crm_reader'
            ' using (network_id = any ((select crm_networks())::uuid[]))', place);
    end loop;
end $$;
