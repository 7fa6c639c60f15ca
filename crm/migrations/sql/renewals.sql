-- Renewal runs: a run goes from preview to result and is never deleted; a membership stands in a run once.
alter table renewal_run
    add constraint run_status check (status in ('previewing', 'previewed', 'running', 'done', 'failed', 'cancelled')),
    add constraint run_confirmed check ((confirmed_at is null) = (confirmed_by = '')
        and (status not in ('running', 'done') or confirmed_at is not null)),
    add constraint run_finished check ((finished_at is null) = (status in ('previewing', 'previewed', 'running'))),
    add constraint run_counts check (members >= 0 and total >= 0 and done >= 0 and invoices >= 0 and failed >= 0);
create index run_of_host on renewal_run (host_id, created_at desc);
-- One run at a time is at work for a host: two would only wait for each other.
create unique index run_at_work on renewal_run (host_id) where status = 'running';
alter table renewal_item
    add constraint item_state check (state in ('due', 'billed', 'free', 'waived', 'ending', 'failed')),
    add constraint item_problem check ((problem is not null) = (state = 'failed')),
    add constraint item_due check (state <> 'due' or currency <> '' and net > 0);
create unique index item_once on renewal_item (run_id, membership_id);
create index item_list on renewal_item (run_id, state, row_id);
create index item_order on renewal_item (run_id, row_id);

create trigger no_delete before delete on renewal_run for each row execute function forbid_change();
create trigger only_moved_on after update on renewal_run for each row
    execute function only_these_columns('status', 'members', 'total', 'done', 'done_to', 'invoices', 'failed', 'problem',
        'confirmed_by', 'confirmed_at', 'finished_at', 'issue');
create function run_goes_forward() returns trigger language plpgsql as $$
begin
    if old.finished_at is not null or (old.confirmed_at is not null and new.confirmed_at is distinct from old.confirmed_at)
            or new.done < old.done or new.invoices < old.invoices then
        raise exception 'a renewal run only goes forward' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger goes_forward before update on renewal_run for each row execute function run_goes_forward();
create trigger no_truncate before truncate on renewal_run for each statement execute function forbid_change();
create trigger no_truncate before truncate on renewal_item for each statement execute function forbid_change();

-- An issued invoice takes no more lines. An invoice that is issued at once is written with its lines by one command:
-- both rows then have the same transaction and the same command in it, and no other command ever has.
create or replace function only_on_drafts() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'charge' then
        if exists (select from fresh join charge c on c.id = fresh.id join invoice i on i.id = fresh.invoice_id
                   where i.status <> 'draft' and not (i.xmin = c.xmin and i.cmin = c.cmin)) then
            raise exception 'an issued invoice takes no more lines' using errcode = 'restrict_violation';
        end if;
    elsif exists (select from fresh join invoice i on i.id = fresh.invoice_id where i.status <> 'draft') then
        raise exception 'an issued invoice takes no more lines' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;

-- The tenant wall. A run over all networks of a host shows everybody the items of their own.
grant select on renewal_run, renewal_item to crm_reader;
alter table renewal_run enable row level security;
create policy own_network on renewal_run for select to crm_reader
    using (case when network_id is null then host_id in (select crm_hosts())
           else network_id = any ((select crm_networks())::uuid[]) end);
alter table renewal_item enable row level security;
create policy own_network on renewal_item for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
