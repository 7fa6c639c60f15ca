-- Events are decisions with a name of their own and no level.
alter table membership_decision
    drop constraint decision_kind,
    add constraint decision_kind check (kind in ('joining', 'tier_change', 'ending', 'suspension', 'event')),
    add constraint decision_event check ((event <> '') = (kind = 'event'));

-- A review is open once for one reason; history stays.
alter table membership_review
    add constraint review_outcome check (outcome in ('kept', 'decided', 'settled')),
    add constraint review_closed check ((closed_at is null) = (outcome is null) and (closed_at is null) = (closed_by is null)),
    add constraint review_keep check (keep_until is null or outcome = 'kept');
create unique index review_once_open on membership_review (membership_id, tier, key) where closed_at is null;
create index review_list on membership_review (network_id, opened_at, id) where closed_at is null;
create trigger no_delete before delete on membership_review for each row execute function forbid_change();
create trigger only_closed after update on membership_review for each row
    execute function only_these_columns('closed_at', 'closed_by', 'outcome', 'keep_until', 'note');
create trigger no_truncate before truncate on membership_review for each statement execute function forbid_change();

-- A claim on a place is open once; the pool's row is what those who give places lock.
alter table place
    add constraint place_of_one check ((rule = '') <> (tier = '')),
    add constraint place_status check (status in ('waiting', 'given', 'free', 'removed')),
    add constraint place_given check ((given_on is not null) = (status in ('given', 'free'))),
    add constraint place_free check ((free_on is not null) = (status = 'free') and (free_on is null or free_on >= given_on)),
    add constraint place_closed check ((closed_at is null) = (status in ('waiting', 'given')));
create unique index place_once_open on place (network_id, rule, tier, organisation_id) where closed_at is null;
create index place_queue on place (network_id, rule, tier, asked_at, id) where closed_at is null;
create trigger no_delete before delete on place for each row execute function forbid_change();
create trigger only_moved_on after update on place for each row
    execute function only_these_columns('status', 'given_on', 'free_on', 'closed_at', 'closed_by');
create trigger no_truncate before truncate on place for each statement execute function forbid_change();
create table place_pool (
    network_id uuid not null references network (id), rule text not null, tier text not null,
    primary key (network_id, rule, tier)
);

alter table employer
    add constraint employer_other check (employer_id <> organisation_id),
    add constraint employer_period check (ends_on is null or starts_on is null or ends_on > starts_on);
create unique index employer_once on employer (organisation_id, employer_id) where superseded_at is null;
create trigger no_delete before delete on employer for each row execute function forbid_change();
create trigger only_superseded after update on employer for each row execute function only_these_columns('superseded_at');
create trigger no_truncate before truncate on employer for each statement execute function forbid_change();

grant select on membership_review, place, employer to crm_reader;
alter table membership_review enable row level security;
create policy own_network on membership_review for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table place enable row level security;
create policy own_network on place for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
-- Where a person works is known to those whose member the person is.
alter table employer enable row level security;
create policy own_network on employer for select to crm_reader
    using (exists (select 1 from membership m where m.organisation_id = employer.organisation_id
                   and m.network_id = any ((select crm_networks())::uuid[])));
