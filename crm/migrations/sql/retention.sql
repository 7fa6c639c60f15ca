-- What names people and may be forgotten one day (ADR 0033): returns, periods of hosts, seals of the audit trail, and what
-- an issued document may lose when the law lets it go.

-- One salt for a whole system, so that looking up many addresses is looking up many hashes.
create index erasure_hash on erasure (email_hash);
alter table erasure_return add constraint return_basis check (basis in ('applied', 'came', 'told'));
alter table retention_policy
    add constraint retention_contacts check (contact_months between 0 and 120),
    add constraint retention_applications check (application_months between 1 and 60),
    add constraint retention_mails check (mail_months between 1 and 120),
    add constraint retention_invoices check (invoice_years between 5 and 10),
    add constraint retention_audit check (audit_years between 1 and 10);
do $$
declare
    history text;
begin
    foreach history in array array['erasure_return', 'retention_run'] loop
        execute format('create trigger no_change before update or delete on %I for each row execute function forbid_change()',
                       history);
        execute format('create trigger no_truncate before truncate on %I for each statement execute function forbid_change()',
                       history);
    end loop;
end $$;

-- The office reads what is kept for how long, and what was taken away; who came back only through its own receipts.
grant select on retention_policy, retention_run, erasure_return to crm_reader;
alter table retention_policy enable row level security;
create policy own_host on retention_policy for select to crm_reader
    using (host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[])));
alter table retention_run enable row level security;
create policy own_host on retention_run for select to crm_reader
    using (host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[])));
alter table erasure_return enable row level security;
create policy own_network on erasure_return for select to crm_reader
    using (exists (select from erasure e where e.id = erasure_id));

-- Logos. A picture is stored once an organisation and never changes; the listing says which one is shown.
alter table listing_logo
    add constraint logo_once unique (organisation_id, hash),
    add constraint logo_type check (media_type in ('image/png', 'image/jpeg', 'image/webp')),
    add constraint logo_size check (width > 0 and height > 0);
alter table listing_logo alter column content set storage external;  -- compressed already
grant select on listing_logo to crm_reader, crm_member;
alter table listing_logo enable row level security;
create policy own_network on listing_logo for select to crm_reader using (exists (
    select from membership m where m.organisation_id = listing_logo.organisation_id
    and m.network_id = any ((select crm_networks())::uuid[])));
create policy own_organisation on listing_logo for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));

-- Seals. The chain covers the hash of (salt, text) instead of the text. While the salt is there the seal is computed, and
-- who changes the text breaks the chain; when the text is forgotten the seal is kept and the salt goes, so that nobody can
-- try names against it. The rest of the row, and its place in the chain, are proven as before.
create function audit_sealed(salt text, told text) returns text language sql immutable as $$
    select encode(sha256(convert_to(salt || e'\n' || told, 'UTF8')), 'hex')
$$;
create or replace function audit_hash(prev text, a audit) returns text language sql immutable as $$
    select encode(sha256(convert_to(
        prev || e'\n' || (to_jsonb(a) - '{hash,recorded_at,actor,detail,actor_salt,detail_salt}'::text[]
            || jsonb_build_object(
                'actor_seal', case when a.actor_seal <> '' then a.actor_seal else audit_sealed(a.actor_salt, a.actor) end,
                'detail_seal', case when a.detail_seal <> '' then a.detail_seal
                    else audit_sealed(a.detail_salt, a.detail::text) end))::text
        || e'\n' || extract(epoch from a.recorded_at)::text,
        'UTF8')), 'hex')
$$;
create function audit_salt() returns text language sql volatile as $$
    select replace(gen_random_uuid()::text, '-', '')
$$;

create or replace function audit_append(
    p_actor text, p_channel text, p_action text, p_network uuid, p_organisation uuid, p_subject uuid, p_detail jsonb
) returns bigint language plpgsql as $$
declare
    head audit_head;
    entry audit;
begin
    update audit_head set seq = audit_head.seq + 1 returning * into head;
    entry.seq := head.seq;
    entry.recorded_at := clock_timestamp();
    entry.actor := p_actor;
    entry.channel := p_channel;
    entry.action := p_action;
    entry.network_id := p_network;
    entry.organisation_id := p_organisation;
    entry.subject_id := p_subject;
    entry.detail := p_detail;
    entry.hash := '';
    entry.actor_salt := audit_salt();
    entry.actor_seal := '';
    entry.detail_salt := audit_salt();
    entry.detail_seal := '';
    entry.hash := audit_hash(head.hash, entry);
    insert into audit select entry.*;
    update audit_head set hash = entry.hash;
    return head.seq;
end $$;

-- Entries from before the seals are chained anew, once; the end of the chain as it was is kept in an entry of its own.
do $$
declare
    before audit_head;
    entry audit;
    last text := repeat('0', 64);
begin
    select * into before from audit_head for update;
    if before.seq = 0 then
        return;
    end if;
    alter table audit disable trigger no_change;
    for entry in select * from audit order by seq loop
        entry.actor_salt := audit_salt();
        entry.detail_salt := audit_salt();
        last := audit_hash(last, entry);
        update audit set actor_salt = entry.actor_salt, detail_salt = entry.detail_salt, hash = last where seq = entry.seq;
    end loop;
    alter table audit enable trigger no_change;
    update audit_head set hash = last;
    perform audit_append('Klynge', 'job', 'audit_sealed', null, null, null,
                         jsonb_build_object('entries', before.seq, 'head_before', before.hash));
end $$;

-- An entry may lose its actor or its detail, with the right seal in their place, and nothing else, ever.
create function audit_forgets() returns trigger language plpgsql as $$
declare
    theirs constant text[] := '{actor,actor_salt,actor_seal,detail,detail_salt,detail_seal}';
    actor_stays constant boolean :=
        (new.actor, new.actor_salt, new.actor_seal) is not distinct from (old.actor, old.actor_salt, old.actor_seal);
    detail_stays constant boolean :=
        (new.detail, new.detail_salt, new.detail_seal) is not distinct from (old.detail, old.detail_salt, old.detail_seal);
begin
    if to_jsonb(new) - theirs is distinct from to_jsonb(old) - theirs or actor_stays and detail_stays
        or not actor_stays and not (old.actor_seal = '' and new.actor_salt = ''
            and new.actor_seal = audit_sealed(old.actor_salt, old.actor))
        or not detail_stays and not (new.detail_salt = '' and new.detail_seal =
            case when old.detail_seal = '' then audit_sealed(old.detail_salt, old.detail::text) else old.detail_seal end)
    then
        raise exception 'audit is append-only' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
drop trigger no_change on audit;
create trigger no_delete before delete on audit for each row execute function forbid_change();
create trigger only_forgotten before update on audit for each row execute function audit_forgets();
create index audit_about on audit (lower(detail ->> 'email')) where detail ? 'email';
create index audit_old on audit (recorded_at) where actor_seal = '';

-- An issued invoice loses what names a person when the law lets it go: years later, on a day that the retention job says
-- (crm.retention_on), and nothing but that.
create function document_aged(p_issued_on date) returns boolean language sql stable as $$
    select coalesce(p_issued_on < make_date(extract(year from
        nullif(current_setting('crm.retention_on', true), '')::date)::integer - 5, 1, 1), false)
$$;
create function document_forgets() returns trigger language plpgsql as $$
begin
    if not document_aged((select i.issued_on from invoice i where i.id = old.invoice_id))
        or to_jsonb(new) - 'document' is distinct from to_jsonb(old) - 'document'
        or new.document - 'buyer' is distinct from old.document - 'buyer'
        or exists (select from jsonb_each(new.document -> 'buyer') n
            where n.value is distinct from old.document -> 'buyer' -> n.key and n.value not in ('""', 'null')
            and n.key <> 'address')
        or exists (select from jsonb_each(new.document #> '{buyer,address}') n
            where n.value is distinct from old.document #> array['buyer', 'address', n.key] and n.value <> '""')
    then
        raise exception 'invoice_document is append-only' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
drop trigger no_change on invoice_document;
create trigger no_delete before delete on invoice_document for each row execute function forbid_change();
create trigger only_aged before update on invoice_document for each row execute function document_forgets();

create or replace function invoice_stays() returns trigger language plpgsql as $$
begin
    if old.status = 'issued' and not (tg_op = 'UPDATE' and document_aged(old.issued_on) and new.buyer_reference = ''
            and to_jsonb(new) - 'buyer_reference' = to_jsonb(old) - 'buyer_reference') then
        raise exception 'invoice % is issued and never changes', old.id using errcode = 'restrict_violation';
    elsif tg_op = 'DELETE' then
        raise exception 'invoices are never deleted' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
