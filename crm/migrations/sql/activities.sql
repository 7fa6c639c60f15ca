-- Activities and who took part (ADR 0042): one network's, written once, superseded by the next word on the same thing.

alter table activity
    add constraint activity_kind check (kind in ('event', 'working_group', 'meeting', 'mobility', 'project')),
    add constraint activity_title check (title <> '' and length(title) <= 200),
    add constraint activity_others check (others >= 0),
    add constraint activity_known check (superseded_at is null or superseded_at >= recorded_at),
    add constraint activity_of_network unique (row_id, network_id);
create unique index activity_current on activity (id) where superseded_at is null;
create index activity_list on activity (network_id, on_day);

-- Who came and what they came to are of one network: the database says so, too.
alter table activity_participant
    add constraint activity_participant_once unique (activity_row_id, organisation_id),
    add constraint activity_participant_people check (people > 0),
    add constraint activity_participant_of foreign key (activity_row_id, network_id)
        references activity (row_id, network_id);
create index activity_participant_list on activity_participant (network_id, organisation_id);

create trigger no_delete before delete on activity for each row execute function forbid_change();
create trigger no_truncate before truncate on activity for each statement execute function forbid_change();
create trigger only_superseded after update on activity for each row
    execute function only_these_columns('superseded_at');
create trigger no_change before update or delete on activity_participant
    for each row execute function forbid_change();
create trigger no_truncate before truncate on activity_participant
    for each statement execute function forbid_change();

grant select on activity, activity_participant to crm_reader;
alter table activity enable row level security;
alter table activity_participant enable row level security;
create policy own_network on activity for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
create policy own_network on activity_participant for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
