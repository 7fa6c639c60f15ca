-- Searching a million (ADR 0032). The words of an entry are lexemes of their own: 'energi' stands anywhere in it, '=energi'
-- in its name, '#f:energy' is what it is counted under. So who has a word is answered by the index, without looking at the
-- entry for where the word stands.
create function directory_words(p_name text, p_rest text, p_tags text[]) returns tsvector
language sql immutable parallel safe as $$
    select array_to_tsvector(array(
        select w from unnest(string_to_array(p_name || ' ' || p_rest, ' ')) w where length(w) between 1 and 100
        union select '=' || w from unnest(string_to_array(p_name, ' ')) w where length(w) between 1 and 100
        union select '#' || left(w, 200) from unnest(p_tags) w))
$$;

-- Of all in the order of names only the place is wanted (crm/reads/directory_order.py).
drop index directory_entry_order;
create index directory_entry_order on directory_entry (sort_name, organisation_id) include (place) where shown;

update directory_entry set moved_xid = pg_current_xact_id(), doc = directory_words(skey, directory_key(concat_ws(' ',
    body ->> 'municipality', body -> 'summary' ->> 'nb', body -> 'summary' ->> 'en')), tags) where shown;

-- Where the words are: places, four bytes each. (Enough memory to remember every row of a million.)
create function directory_found(p_query text) returns bytea language sql stable set work_mem = '64MB' as $$
    select string_agg(int4send(place), '') from directory_entry where shown and doc @@ p_query::tsquery
$$;
-- All places in the order of names.
create function directory_ordered() returns bytea language sql stable as $$
    select string_agg(int4send(place), '' order by sort_name, organisation_id) from directory_entry where shown
$$;
-- Every tag and the places that have it; '' is everybody.
create function directory_tagged() returns table (tag text, places bytea) language sql stable set work_mem = '64MB' as $$
    select tag, string_agg(int4send(place), '') from directory_entry, unnest(tags) tag where shown group by tag
    union all select '', string_agg(int4send(place), '') from directory_entry where shown
$$;
-- Names like a text, the likest first: for who mistypes. Words of a name count alone. Of a text that thousands of names are
-- like, the likest of some thousands.
create or replace function directory_alike(p_text text, p_most integer) returns setof integer language sql stable
    set pg_trgm.word_similarity_threshold = 0.42 set work_mem = '64MB' as $$
    select place from (select place, skey from directory_entry where shown and p_text <% skey limit 3000) near
    order by word_similarity(p_text, skey) desc, place limit p_most
$$;
