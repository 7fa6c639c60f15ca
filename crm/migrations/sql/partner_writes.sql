-- What partners write (ADR 0025): lists of their own systems, words on linked memberships, suggested corrections.
alter table member_list
    add constraint member_list_status check (status in ('waiting', 'running', 'done', 'failed')),
    add constraint member_list_end check (complete = (ends_on is not null));
alter table member_list_row
    add constraint member_list_row_once unique (list_id, number),
    add constraint member_list_row_verdict
        check (verdict in ('', 'created', 'updated', 'unchanged', 'ended', 'held', 'refused'));
create index member_list_row_waiting on member_list_row (list_id, batch) where verdict = '';
create index member_list_row_verdict on member_list_row (list_id, verdict, number);
create index member_list_row_organisation on member_list_row (list_id, organisation_id);
alter table held_row add constraint held_row_outcome check (outcome in ('', 'taken', 'made', 'refused')),
    add constraint held_row_closed check ((outcome = '') = (closed_at is null));
create unique index held_row_open on held_row (network_id, external_id) where closed_at is null;
create index held_row_of_id on held_row (network_id, external_id);
alter table external_ref add constraint external_ref_once unique (network_id, external_id);
alter table link_receipt
    add constraint link_receipt_word check (word in ('acknowledged', 'objected')),
    add constraint link_receipt_outcome check (outcome in ('', 'declined', 'dismissed', 'withdrawn')),
    add constraint link_receipt_closed check ((outcome = '') = (closed_at is null));
create unique index link_receipt_open on link_receipt (grant_id) where word = 'objected' and outcome = '';
create index link_receipt_network on link_receipt (network_id, recorded_at);
create index link_receipt_source on link_receipt (source_network_id, recorded_at);
create index link_receipt_grant on link_receipt (grant_id, recorded_at);
alter table profile_suggestion add constraint profile_suggestion_status check (status in ('open', 'decided', 'withdrawn'));
create index profile_suggestion_owner on profile_suggestion (owner_network_id, status);
create index profile_suggestion_network on profile_suggestion (network_id, recorded_at);
alter table key_scope add constraint key_scope_once unique (key_id, scope),
    add constraint key_scope_known check (scope in ('links', 'profiles', 'members'));

-- What was said is not said otherwise afterwards; only what became of it is added.
create trigger no_delete before delete on link_receipt for each row execute function forbid_change();
create trigger only_closed after update on link_receipt for each row
    execute function only_these_columns('outcome', 'note', 'answer_id', 'closed_by', 'closed_at');
create trigger no_delete before delete on profile_suggestion for each row execute function forbid_change();
create trigger only_closed after update on profile_suggestion for each row
    execute function only_these_columns('status', 'fields', 'note', 'closed_by', 'closed_at');

-- A name, and a web domain, as cluster_rules/matching.py compares them (name_key, domain_of), to find who may be meant
-- among many organisations; the rules look closer. tests/crm/actions/test_member_lists.py holds the two together.
create function organisation_name_key(name text) returns text language sql immutable parallel safe as $$
    select coalesce(nullif(btrim(regexp_replace(words, '\m(ab|ag|amba|ans|aps|as|asa|ba|bv|da|gmbh|iks|inc|kf|kg|ks|limited|llc|ltd|nuf|nv|oy|oyj|plc|sa|sarl|sas|se|sf)\M\s*', '', 'g')), ''), btrim(words))
    from (select regexp_replace(lower(name), '[^[:alnum:]]+', ' ', 'g') as words) w
$$;
create function organisation_domain(website text) returns text language sql immutable parallel safe as $$
    select substring(lower(btrim(website)) from '^(?:[a-z]+://)?(?:www\.)?([^/:]+)')
$$;
create index organisation_by_name_key on organisation (organisation_name_key(name));
create index organisation_by_domain on organisation (organisation_domain(website)) where website <> '';

-- The second tenant wall.
grant select on member_list, member_list_row, held_row, external_ref, link_receipt, profile_suggestion to crm_reader;
do $$
declare
    own text;
begin
    foreach own in array array['member_list', 'member_list_row', 'held_row', 'external_ref'] loop
        execute format('alter table %I enable row level security', own);
        execute format('create policy own_network on %I for select to crm_reader'
                       ' using (network_id = any ((select crm_networks())::uuid[]))', own);
    end loop;
end $$;
alter table link_receipt enable row level security;
create policy own_network on link_receipt for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or source_network_id = any ((select crm_networks())::uuid[]));
alter table profile_suggestion enable row level security;
create policy own_network on profile_suggestion for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or owner_network_id = any ((select crm_networks())::uuid[]));
