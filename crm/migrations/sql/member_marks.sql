-- Tags, custom fields, saved views and bulk runs (ADR 0037): each is one network's, and nobody else's.

alter table tag
    add constraint tag_name check (name <> '' and length(name) <= 60),
    add constraint tag_colour check (colour in ('neutral', 'accent', 'info', 'success', 'warning', 'danger')),
    add constraint tag_merged check (merged_into_id is null or deleted_at is not null);
create unique index tag_name_once on tag (network_id, lower(name)) where deleted_at is null;
alter table tag add constraint tag_of_network unique (id, network_id);
alter table membership add constraint membership_of_network unique (id, network_id);

-- A mark and what it marks are of one network: the database says so, too.
alter table membership_tag
    add constraint membership_tag_once unique (membership_id, tag_id),
    add constraint membership_tag_member foreign key (membership_id, network_id) references membership (id, network_id),
    add constraint membership_tag_word foreign key (tag_id, network_id) references tag (id, network_id);
create index membership_tag_members on membership_tag (tag_id, membership_id);
alter table membership_responsible
    add constraint responsible_member foreign key (membership_id, network_id) references membership (id, network_id);
create index membership_responsible_list on membership_responsible (network_id, account_id);

alter table custom_field
    add constraint custom_field_code check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
    add constraint custom_field_kind check (kind in ('text', 'number', 'money', 'day', 'yes_no', 'choice', 'choices')),
    add constraint custom_field_sees check (sees in ('office', 'member', 'directory')),
    add constraint custom_field_choices check ((jsonb_array_length(choices) > 0) = (kind in ('choice', 'choices'))),
    add constraint custom_field_once unique (network_id, code),
    add constraint custom_field_of_network unique (id, network_id);
alter table custom_value
    add constraint custom_value_once unique (membership_id, field_id),
    add constraint custom_value_member foreign key (membership_id, network_id) references membership (id, network_id),
    add constraint custom_value_field foreign key (field_id, network_id) references custom_field (id, network_id);
create index custom_value_list on custom_value (field_id, membership_id);

alter table saved_view
    add constraint saved_view_name check (name <> '' and length(name) <= 80),
    add constraint saved_view_query check (length(query) <= 4000);
create index saved_view_list on saved_view (network_id, name) where deleted_at is null;

alter table bulk_run
    add constraint bulk_run_what check (what in ('tag', 'untag', 'field', 'responsible', 'charge')),
    add constraint bulk_run_status check (status in ('waiting', 'running', 'done')),
    add constraint bulk_run_finished check ((finished_at is null) = (status <> 'done')),
    add constraint bulk_run_once unique (network_id, token);
create unique index bulk_run_undone_once on bulk_run (undoes_id) where undoes_id is not null;
create index bulk_run_list on bulk_run (network_id, created_at desc);
alter table bulk_run_row
    add constraint bulk_run_row_once unique (run_id, membership_id),
    add constraint bulk_run_row_outcome check (outcome in ('', 'changed', 'same', 'failed')),
    add constraint bulk_run_row_problem check ((problem is not null) = (outcome = 'failed'));
create index bulk_run_row_waiting on bulk_run_row (run_id, row_id) where outcome = '';
create index bulk_run_row_failed on bulk_run_row (run_id, row_id) where outcome = 'failed';
create trigger no_delete before delete on bulk_run for each row execute function forbid_change();
create trigger no_delete before delete on bulk_run_row for each row execute function forbid_change();
create trigger only_moved_on after update on bulk_run for each row
    execute function only_these_columns('status', 'done', 'changed', 'failed', 'finished_at');
create trigger no_truncate before truncate on bulk_run for each statement execute function forbid_change();
create trigger no_truncate before truncate on bulk_run_row for each statement execute function forbid_change();

-- Of a network one may see: members nobody speaks for. The wall of `contact` asks anew for each row; this asks it once.
create function members_without_contact(p_network uuid) returns setof uuid
language sql stable security definer set search_path = public as $$
    select m.organisation_id from membership m where m.network_id = p_network
        and p_network = any ((select crm_networks())::uuid[])
        and not exists (select from contact c where c.organisation_id = m.organisation_id)
$$;

-- For the list: when somebody was last written to, and which charges cover a day.
create index mail_sent on mail (network_id, organisation_id, sent_at) where sent_at is not null;

do $$
declare
    own text;
begin
    foreach own in array array['tag', 'membership_tag', 'membership_responsible', 'custom_field', 'custom_value',
        'saved_view', 'bulk_run', 'bulk_run_row'] loop
        execute format('grant select on %I to crm_reader', own);
        execute format('alter table %I enable row level security', own);
        execute format('create policy own_network on %I for select to crm_reader'
            ' using (network_id = any ((select crm_networks())::uuid[]))', own);
    end loop;
end $$;

-- An organisation's own people see what a network asks of it in the open, and what was answered.
grant select on custom_field, custom_value to crm_member;
create policy own_organisation on custom_field for select to crm_member using (
    sees <> 'office' and deleted_at is null and exists (select from membership m
        where m.network_id = custom_field.network_id and m.organisation_id = any ((select crm_organisations())::uuid[])));
create policy own_organisation on custom_value for select to crm_member using (
    exists (select from membership m where m.id = membership_id
        and m.organisation_id = any ((select crm_organisations())::uuid[]))
    and exists (select from custom_field f where f.id = field_id and f.sees <> 'office' and f.deleted_at is null));
