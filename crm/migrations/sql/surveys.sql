-- Surveys of members (ADR 0049): questions as they were worded, who was asked, and answers that are never written over.

alter table survey
    add constraint survey_status check (status in ('draft', 'open', 'closed')),
    add constraint survey_of_network unique (id, network_id);
alter table survey_question
    add constraint survey_question_kind check (kind in ('scale', 'number', 'yes_no', 'choice', 'text')),
    add constraint survey_question_survey foreign key (survey_id, network_id) references survey (id, network_id),
    add constraint survey_question_of_network unique (row_id, network_id);
create unique index survey_question_current on survey_question (id) where superseded_at is null;
create index survey_question_list on survey_question (survey_id, place);
alter table survey_invitation
    add constraint survey_invitation_once unique (survey_id, organisation_id),
    add constraint survey_invitation_survey foreign key (survey_id, network_id) references survey (id, network_id),
    add constraint survey_invitation_of_network unique (row_id, network_id);
create index survey_invitation_waiting on survey_invitation (survey_id, row_id) where wanted;
alter table survey_link
    add constraint survey_link_invitation foreign key (invitation_id, network_id)
        references survey_invitation (row_id, network_id) on delete cascade;
create index survey_link_of on survey_link (invitation_id);
alter table survey_response
    add constraint survey_response_whose check ((organisation_id is null) = (key_hash <> '')),
    add constraint survey_response_survey foreign key (survey_id, network_id) references survey (id, network_id),
    add constraint survey_response_of_network unique (row_id, network_id);
create unique index survey_response_organisation on survey_response (survey_id, organisation_id)
    where superseded_at is null and organisation_id is not null;
create unique index survey_response_key on survey_response (survey_id, key_hash)
    where superseded_at is null and key_hash <> '';
alter table survey_answer
    add constraint survey_answer_once unique (response_row_id, question_row_id),
    add constraint survey_answer_response foreign key (response_row_id, network_id)
        references survey_response (row_id, network_id),
    add constraint survey_answer_question foreign key (question_row_id, network_id)
        references survey_question (row_id, network_id);
create index survey_answer_question_list on survey_answer (question_row_id);

-- A draft's questions may go; what somebody may have answered stays as it was.
create function survey_question_kept() returns trigger language plpgsql as $$
begin
    if exists (select from survey where id = old.survey_id and status <> 'draft') then
        raise exception 'survey_question is append-only' using errcode = 'restrict_violation';
    end if;
    return old;
end $$;
create trigger no_delete before delete on survey_question for each row execute function survey_question_kept();
create trigger no_truncate before truncate on survey_question for each statement execute function forbid_change();
create trigger only_superseded after update on survey_question for each row
    execute function only_these_columns('superseded_at', 'place');
create trigger no_delete before delete on survey_response for each row execute function forbid_change();
create trigger no_truncate before truncate on survey_response for each statement execute function forbid_change();
create trigger only_superseded after update on survey_response for each row
    execute function only_these_columns('superseded_at');
create trigger no_delete before delete on survey_answer for each row execute function forbid_change();
create trigger no_truncate before truncate on survey_answer for each statement execute function forbid_change();
create trigger only_texts after update on survey_answer for each row
    execute function only_these_columns('text');  -- who is forgotten is forgotten in what they wrote, too

do $$
declare place text;
begin
    foreach place in array array['survey', 'survey_question', 'survey_invitation', 'survey_response', 'survey_answer'] loop
        execute format('grant select on %I to crm_reader', place);
        execute format('alter table %I enable row level security', place);
        execute format(
            'create policy own_network on %I for select to crm_reader'
            ' using (network_id = any ((select crm_networks())::uuid[]))', place);
    end loop;
end $$;
alter table survey_link enable row level security;
