-- Who was forgotten is not stored again (ADR 0033), by whatever door: the code asks first and says which row it was
-- (crm/store/erasures.py `blocked`); this refuses what did not ask. One salt a system; older receipts keep theirs.
create table erasure_salt (salt text primary key);
insert into erasure_salt select distinct salt from erasure;
insert into erasure_salt select replace(gen_random_uuid()::text, '-', '') where not exists (select from erasure_salt);

create function person_erased(p_email text) returns boolean language sql stable as $$
    select exists (select from erasure_salt s
        join erasure e on e.salt = s.salt
            and e.email_hash = encode(sha256(convert_to(s.salt || lower(btrim(p_email)), 'UTF8')), 'hex')
        where not exists (select from erasure_return r where r.erasure_id = e.id))
$$;
create function refuse_erased() returns trigger language plpgsql as $$
begin
    if person_erased(new.email) then
        raise exception 'this person was forgotten' using errcode = 'KLE01';
    end if;
    return new;
end $$;
create trigger not_erased before insert on contact for each row execute function refuse_erased();
create trigger not_erased_either before update of email on contact for each row
    when (new.email is distinct from old.email) execute function refuse_erased();
create trigger not_erased before insert on account for each row execute function refuse_erased();
create trigger not_erased before insert on invitation for each row execute function refuse_erased();
