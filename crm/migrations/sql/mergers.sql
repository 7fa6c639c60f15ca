-- Mergers, splits and transfers: withdrawn, never changed or deleted; a membership is transferred once for one cause.
alter table restructuring
    add constraint restructuring_kind check (kind in ('merger', 'split', 'network_merger')),
    add constraint restructuring_who check ((kind = 'network_merger') = (from_organisation_id is null)
        and (from_organisation_id is null) = (into_organisation_id is null)
        and (kind = 'network_merger') = (into_network_id is not null)),
    add constraint restructuring_two check (from_organisation_id is distinct from into_organisation_id
        or from_organisation_id is null);
create unique index restructuring_merged_once on restructuring (from_organisation_id)
    where kind = 'merger' and withdrawn_at is null;
create trigger no_delete before delete on restructuring for each row execute function forbid_change();
create trigger only_withdrawn after update on restructuring for each row
    execute function only_these_columns('withdrawn_at', 'withdrawn_by');
create trigger no_truncate before truncate on restructuring for each statement execute function forbid_change();

alter table membership_transfer
    add constraint transfer_links check (links in ('move', 'end')),
    add constraint transfer_two check (membership_id is distinct from target_membership_id);
create unique index transfer_once on membership_transfer (membership_id, restructuring_id);
create trigger no_delete before delete on membership_transfer for each row execute function forbid_change();
create trigger only_withdrawn after update on membership_transfer for each row
    execute function only_these_columns('withdrawn_at');
create trigger no_truncate before truncate on membership_transfer for each statement execute function forbid_change();

-- Names: of an organisation or of a network, one from a day on.
alter table known_name add constraint name_of_one check ((organisation_id is null) <> (network_id is null));
create unique index name_once on known_name (organisation_id, network_id, starts_on) nulls not distinct
    where withdrawn_at is null;
create trigger no_delete before delete on known_name for each row execute function forbid_change();
create trigger only_withdrawn after update on known_name for each row
    execute function only_these_columns('withdrawn_at');
create trigger no_truncate before truncate on known_name for each statement execute function forbid_change();

alter table not_same add constraint not_same_order check (one_id < other_id),
    add constraint not_same_once unique (one_id, other_id);
alter table main_unit add constraint main_unit_numbers check (sub_unit ~ '^[0-9]{9}$' and main_unit ~ '^[0-9]{9}$'
    and sub_unit <> main_unit);

alter table organisation
    add constraint organisation_merged check ((merged_into_id is null) = (merged_on is null)
        and merged_into_id is distinct from id),
    add constraint organisation_merged_into foreign key (merged_into_id) references organisation (id);
create index organisation_merged on organisation (merged_into_id) where merged_into_id is not null;

-- What organisations and networks are called, and what registers say, is no network's secret; who said so is.
grant select on known_name, main_unit to crm_reader;
grant select (id, one_id, other_id) on not_same to crm_reader;
grant select (id, kind, from_organisation_id, into_organisation_id, into_network_id, effective_on, recorded_at,
    withdrawn_at) on restructuring to crm_reader;
