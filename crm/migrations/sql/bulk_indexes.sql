-- What keeping many rows in order costs (ADR 0047).

-- "Never two at once" is kept by GiST indexes, which tell ids apart by their first bytes: those of ids that were made together
-- are the same, so all of them lay everywhere, and each look went through two dozen pages, more the more there were. By 128
-- bits of hash they lie apart. (And the planner, to whom GiST always looks cheapest, must look ids up elsewhere: the id
-- itself is no column of these.)
create index period_of_membership on membership_period (membership_id, starts_on) where superseded_at is null;
alter table membership_period drop constraint period_once,
    add constraint period_once exclude using gist (uuid_hash_extended(membership_id, 0) with =,
        uuid_hash_extended(membership_id, 1) with =, daterange(starts_on, ends_on) with &&)
        where (superseded_at is null);
alter table membership_grant drop constraint grant_never_overlaps,
    add constraint grant_never_overlaps exclude using gist (uuid_hash_extended(membership_id, 0) with =,
        uuid_hash_extended(membership_id, 1) with =, source_key with =, daterange(starts_on, ends_on) with &&)
        where (superseded_at is null);
alter table organisation_profile drop constraint profile_once,
    add constraint profile_once exclude using gist (uuid_hash_extended(organisation_id, 0) with =,
        uuid_hash_extended(organisation_id, 1) with =, daterange(starts_on, ends_on) with &&)
        where (superseded_at is null);

-- A row of an import is written again when it is stored: beside itself, so that nothing points elsewhere.
alter table member_import_row set (fillfactor = 50);

-- Who was forgotten is looked for once a statement.
create function refuse_erased_of_many() returns trigger language plpgsql set enable_seqscan = off as $$
declare
    told text[] := array(select encode(sha256(convert_to(s.salt || lower(btrim(f.email)), 'UTF8')), 'hex')
                         from fresh f, erasure_salt s);
begin
    if exists (select from erasure e where e.email_hash = any (told)
               and not exists (select from erasure_return r where r.erasure_id = e.id)) then
        raise exception 'this person was forgotten' using errcode = 'KLE01';
    end if;
    return null;
end $$;
drop trigger not_erased on contact;
create trigger not_erased after insert on contact referencing new table as fresh
    for each statement execute function refuse_erased_of_many();
