-- History is not editable, not even by us: triggers say so, whatever the code does.
create function forbid_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

-- Updates may touch only the columns named as trigger arguments. (After the update: before it, generated
-- columns are not computed yet and would always differ.)
create function only_these_columns() returns trigger language plpgsql as $$
begin
    if (to_jsonb(new) - tg_argv::text[]) is distinct from (to_jsonb(old) - tg_argv::text[]) then
        raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

create trigger no_delete before delete on membership_decision for each row execute function forbid_change();
create trigger only_withdrawn after update on membership_decision for each row
    execute function only_these_columns('withdrawn_at', 'withdrawn_by');
create trigger no_delete before delete on membership_grant for each row execute function forbid_change();
create trigger only_superseded after update on membership_grant for each row
    execute function only_these_columns('superseded_at');
create trigger no_delete before delete on membership_period for each row execute function forbid_change();
create trigger only_superseded after update on membership_period for each row
    execute function only_these_columns('superseded_at');
create trigger no_delete before delete on organisation_profile for each row execute function forbid_change();
create trigger only_superseded after update on organisation_profile for each row
    execute function only_these_columns('superseded_at');
create trigger no_change before update or delete on charge for each row execute function forbid_change();
create trigger no_change before update or delete on feed for each row execute function forbid_change();
create trigger no_change before update or delete on consent for each row execute function forbid_change();
create trigger no_change before update or delete on application_event for each row execute function forbid_change();
create trigger no_change before update or delete on audit for each row execute function forbid_change();
create trigger no_change before update or delete on rulebook for each row execute function forbid_change();

-- TRUNCATE passes by row triggers.
do $$
declare
    history text;
begin
    foreach history in array array['membership_decision', 'membership_grant', 'membership_period',
        'organisation_profile', 'charge', 'feed', 'consent', 'application_event', 'audit', 'rulebook']
    loop
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       history);
    end loop;
end $$;

-- The audit chain: one head row, locked as the last statement of a transaction; each row's hash
-- covers the row and the hash before it. `audit_hash` is the one definition, used to write and to verify.
create table audit_head (only_one boolean primary key default true check (only_one), seq bigint not null, hash text not null);
insert into audit_head (seq, hash) values (0, repeat('0', 64));

create function audit_hash(prev text, a audit) returns text language sql immutable as $$
    select encode(sha256(convert_to(
        prev || e'\n' || (to_jsonb(a) - 'hash' - 'recorded_at')::text || e'\n' || extract(epoch from a.recorded_at)::text,
        'UTF8')), 'hex')
$$;

create function audit_append(
    p_actor text, p_channel text, p_action text, p_network uuid, p_organisation uuid, p_subject uuid, p_detail jsonb
) returns bigint language plpgsql as $$
declare
    head audit_head;
    entry audit;
begin
    update audit_head set seq = audit_head.seq + 1 returning * into head;
    entry := row(head.seq, clock_timestamp(), p_actor, p_channel, p_action, p_network, p_organisation,
                 p_subject, p_detail, '');
    entry.hash := audit_hash(head.hash, entry);
    insert into audit select entry.*;
    update audit_head set hash = entry.hash;
    return head.seq;
end $$;
