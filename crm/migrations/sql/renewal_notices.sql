-- Notices of renewals: once for a membership and period; who was told stays told. And two states of a run's items.
alter table renewal_item
    drop constraint item_state,
    add constraint item_state check
        (state in ('due', 'billed', 'free', 'waived', 'ending', 'failed', 'held', 'lapsing'));
alter table renewal_notice
    add constraint renewal_notice_once unique (membership_id, starts_on),
    add constraint renewal_notice_state check
        (state in ('told', 'no_address', 'failed', 'free', 'waived', 'ending', 'held', 'lapsing')),
    add constraint renewal_notice_mail check ((mail_id is not null) = (state = 'told')),
    add constraint renewal_notice_problem check ((problem is not null) = (state = 'failed')),
    add constraint renewal_notice_fee check (state <> 'told' or currency <> '' and net > 0);
create index renewal_notice_list on renewal_notice (network_id, starts_on desc, state, id);

create function told_stays_told() returns trigger language plpgsql as $$
begin
    if old.state = 'told' then
        raise exception 'who was told of a renewal stays told' using errcode = 'restrict_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger told_stays_told before update or delete on renewal_notice
    for each row execute function told_stays_told();
create trigger no_truncate before truncate on renewal_notice for each statement execute function forbid_change();

-- The tenant wall.
grant select on renewal_notice to crm_reader;
alter table renewal_notice enable row level security;
create policy own_network on renewal_notice for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
