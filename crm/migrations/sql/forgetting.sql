-- Taking names and addresses out of what is told about something else: details of the audit trail (ADR 0033).
create function text_without(p_told text, p_words text[]) returns text language plpgsql immutable as $$
declare
    word text;
begin
    foreach word in array p_words loop
        if length(word) >= 3 then
            -- As JSON writes it, whatever its letters are, and never as a pattern.
            word := regexp_replace(trim(both '"' from to_json(word)::text), '([][(){}.*+?^$|\\-])', '\\\1', 'g');
            p_told := regexp_replace(p_told, word, '', 'gi');
        end if;
    end loop;
    return p_told;
end $$;

-- People are looked for by address wherever they stand.
create index contact_email on contact (lower(email));
create index mail_recipient on mail (lower(recipient)) where recipient <> '';
create index mail_old on mail (created_at) where recipient <> '';

-- Who decided is a name until it is a pseudonym, and never another name.
drop trigger only_withdrawn on membership_decision;
create trigger only_withdrawn after update on membership_decision for each row
    execute function only_these_columns('withdrawn_at', 'withdrawn_by', 'actor');
create trigger only_pseudonym before update of actor on membership_decision for each row
    when (new.actor is distinct from old.actor and new.actor not like 'pseudonym-%') execute function forbid_change();
