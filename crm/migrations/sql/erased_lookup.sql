-- Hashes of an address are made once, for each salt there is, and looked up: not each receipt's salt tried against it.
create or replace function person_erased(p_email text) returns boolean language sql stable as $$
    select exists (select from erasure e
        where e.email_hash = any (array(
            select encode(sha256(convert_to(s.salt || lower(btrim(p_email)), 'UTF8')), 'hex') from erasure_salt s))
        and not exists (select from erasure_return r where r.erasure_id = e.id))
$$;
