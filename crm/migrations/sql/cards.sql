-- Card payments: states, one open form per invoice, and the tenant wall.

alter table card_session
    add constraint card_session_amount check (amount > 0),
    add constraint card_session_status check (status in ('asked', 'open', 'complete', 'expired', 'refused'));
-- Two clicks at once must not become two forms that could both be paid.
create unique index card_session_open on card_session (invoice_id) where status in ('asked', 'open');
create unique index card_session_object on card_session (object_id) where object_id <> '';
alter table card_refund
    add constraint card_refund_amount check (amount > 0),
    add constraint card_refund_status check (status in ('asked', 'done', 'refused'));
alter table card_event add constraint card_event_status check (status in ('waiting', 'done', 'ignored', 'held'));
create index card_event_waiting on card_event (received_at) where status = 'waiting';
create unique index card_difference_open on card_difference (account, kind, object_id) where is_open;

create trigger only_progress after update on card_session for each row
    execute function only_these_columns('status', 'object_id', 'url', 'last_error');
create trigger only_progress after update on card_refund for each row
    execute function only_these_columns('status', 'object_id', 'last_error');
create trigger only_progress after update on card_event for each row
    execute function only_these_columns('status', 'attempts', 'last_error', 'handled_at');
create trigger only_closed after update on card_difference for each row
    execute function only_these_columns('note', 'theirs', 'ours', 'is_open', 'closed_at', 'closed_by');
do $$
declare
    history text;
begin
    foreach history in array array['card_session', 'card_refund', 'card_event', 'card_difference'] loop
        execute format('create trigger no_delete before delete on %I for each row execute function forbid_change()', history);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       history);
        execute format('revoke delete, truncate on %I from current_user', history);
        execute format('revoke update, delete, truncate on %I from public', history);
        execute format('grant select on %I to crm_reader', history);
        execute format('alter table %I enable row level security', history);
    end loop;
end $$;
create policy own_host on card_session for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on card_refund for select to crm_reader using (host_id in (select crm_hosts()));
create policy own_host on card_difference for select to crm_reader using (host_id in (select crm_hosts()));
-- Nobody but the worker reads the inbox.
revoke select on card_event from crm_reader;
