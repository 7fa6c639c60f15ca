-- The rate by which a draft's VAT is told in the seller's own currency; with its document, once it is issued.
alter table invoice_rate
    add constraint invoice_rate_positive check (rate > 0),
    add constraint invoice_rate_source check (source <> '');
create function rate_of_drafts() returns trigger language plpgsql as $$
begin
    if exists (select from invoice i where i.id = coalesce(new.invoice_id, old.invoice_id) and i.status <> 'draft') then
        raise exception 'the rate of an issued invoice stays' using errcode = 'restrict_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger rate_of_drafts before insert or update or delete on invoice_rate
    for each row execute function rate_of_drafts();
create trigger no_truncate before truncate on invoice_rate for each statement execute function forbid_change();

-- The tenant wall: who may see the invoice.
grant select on invoice_rate to crm_reader;
alter table invoice_rate enable row level security;
create policy own_host on invoice_rate for select to crm_reader
    using (exists (select from invoice i where i.id = invoice_id));
