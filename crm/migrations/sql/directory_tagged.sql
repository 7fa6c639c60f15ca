-- Who has which tags, as processes read it once (crm/reads/directory_index.py): entries that have the same ones together. Few
-- differ in all of them, and to take each entry's dozen apart and put them together again by tag took three times as long.
drop function directory_tagged();
create function directory_tagged() returns table (tags text[], places bytea) language sql stable set work_mem = '64MB' as $$
    select tags, string_agg(int4send(place), '') from directory_entry where shown group by tags
$$;
