-- The desk (ADR 0038): notes, tasks and documents of a network's people, mails to many, own wording of mails.
-- All of it belongs to one network, and its people alone read it.

alter table note
    add constraint note_kind check (kind in ('note', 'call', 'meeting', 'mail')),
    add constraint note_says check (text <> '');
create index note_of_member on note (organisation_id, network_id, on_date desc, created_at desc);
create index note_hidden on note (deleted_at) where deleted_at is not null;
create index note_version_order on note_version (note_id, row_id);

alter table todo
    add constraint todo_says check (title <> ''),
    add constraint todo_done check (done_at is not null or done_by = '');
create index todo_open on todo (network_id, due_on, id) where done_at is null and deleted_at is null;
create index todo_due on todo (due_on) where done_at is null and deleted_at is null and due_on is not null;

-- Not packed a second time, so that a piece of it can be read without reading all of it.
alter table member_document alter column content set storage external;
alter table member_document
    add constraint document_about check ((organisation_id is null) <> (agreement_id is null)),
    add constraint document_kind check (kind in ('agreement', 'minutes', 'letter', 'proof', 'other')),
    add constraint document_size check (size = octet_length(content) and size > 0),
    add constraint document_hash check (sha256 = encode(sha256(content), 'hex')),
    add constraint document_valid check (valid_until is null or signed_on is null or valid_until >= signed_on);
create index document_of_network on member_document (network_id, organisation_id, created_at desc);
create trigger only_words before update of id, network_id, organisation_id, agreement_id, file_name, media_type, size,
    sha256, content, actor, channel, created_at on member_document for each row execute function forbid_change();

create unique index mail_template_name on mail_template (network_id, lower(name));
alter table mailing
    add constraint mailing_purpose check (purpose in ('information', 'newsletter')),
    add constraint mailing_role check (contact_role in ('primary', 'billing', 'communication')),
    add constraint mailing_status check (status in ('draft', 'sending', 'sent', 'stopped')),
    add constraint mailing_begun check ((begun_at is null) = (status = 'draft')),
    add constraint mailing_ended check ((ended_at is not null) = (status in ('sent', 'stopped')));
-- Whatever crashes: nobody gets a mailing twice.
alter table mailing_recipient add constraint mailing_once unique (mailing_id, email);
create unique index mailing_recipient_mail on mailing_recipient (mail_id) where mail_id is not null;
create index mailing_waiting on mailing_recipient (mailing_id, row_id) where mail_id is null;
create unique index mailing_recipient_token on mailing_recipient (token_hash) where token_hash <> '';
create index newsletter_choice_newest on newsletter_choice (network_id, email, row_id desc);
create trigger no_delete before delete on newsletter_choice for each row execute function forbid_change();
create trigger only_forgotten after update on newsletter_choice for each row
    execute function only_these_columns('email', 'actor');

alter table mail_text
    add constraint mail_text_mode check (mode in ('standard', 'around', 'whole')),
    add constraint mail_text_version unique (network_id, kind, language, version);
create trigger no_change before update or delete on mail_text for each row execute function forbid_change();
create trigger no_truncate before truncate on mail_text for each statement execute function forbid_change();

do $$
declare name text;
begin
    foreach name in array array['note', 'note_version', 'todo', 'member_document', 'mail_template', 'mailing',
                                'mailing_recipient', 'newsletter_choice', 'mail_text'] loop
        execute format('grant select on %I to crm_reader', name);
        execute format('alter table %I enable row level security', name);
        execute format('create policy own_network on %I for select to crm_reader'
            ' using (network_id = any ((select crm_networks())::uuid[]))', name);
    end loop;
end $$;

-- What was done to an organisation in no network's name (its directory entry, its people) is known to its networks.
create policy own_members on audit for select to crm_reader using (
    network_id is null and organisation_id is not null and exists (
        select from membership m where m.organisation_id = audit.organisation_id
        and m.network_id = any ((select crm_networks())::uuid[])));

-- A member's timeline is read newest first, and every entry asks who did it by which way.
create index audit_subject on audit (subject_id) where subject_id is not null;
create index audit_of_member on audit (organisation_id, recorded_at desc) where organisation_id is not null;
create index mail_of_member on mail (organisation_id, network_id, created_at desc) where organisation_id is not null;
