-- Logos stand in the directory's own rows (ADR 0033): who shows a row needs no second question, and who leaves takes the
-- logo along at the same moment.
create index logo_hash on listing_logo (hash);
alter function directory_view(uuid, date) rename to directory_view_texts;
create function directory_view(p_organisation uuid, p_day date)
returns table (name text, sort_name text, joined_on date, tags text[], body jsonb) language sql stable rows 1 as $$
    select v.name, v.sort_name, v.joined_on, v.tags, v.body || coalesce((
        select jsonb_build_object('logo', '/logos/' || l.hash || case l.media_type when 'image/png' then '.png'
            when 'image/jpeg' then '.jpg' else '.webp' end)
        from listing s join listing_logo l on l.organisation_id = s.organisation_id and l.hash = s.logo
        where s.organisation_id = p_organisation), '{}')
    from directory_view_texts(p_organisation, p_day) v
$$;
