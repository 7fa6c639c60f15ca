-- The second tenant wall (the first is in the code): reads run as crm_reader and see only the rows of
-- the networks named in the transaction's setting crm.networks. Without the setting: nothing.
-- `(select crm_networks())`: asked once a statement, not once a row.
do $$ begin
    create role crm_reader nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin execute format('grant crm_reader to %I', current_user); end $$;

create function crm_networks() returns uuid[] language sql stable parallel safe as $$
    select string_to_array(nullif(current_setting('crm.networks', true), ''), ',')::uuid[]
$$;

grant usage on schema public to crm_reader;
grant select on host, network, rulebook, agreement, terms, organisation, organisation_profile, identifier, contact,
    consent, membership, membership_decision, membership_grant, membership_period, link_answer, application,
    application_event, invoice, charge, fee_waiver, feed, mail, audit to crm_reader;

alter table application enable row level security;
create policy own_network on application for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
alter table application_event enable row level security;
create policy own_network on application_event for select to crm_reader
    using (exists (select 1 from application a where a.id = application_id));
alter table consent enable row level security;
create policy own_network on consent for select to crm_reader
    using (exists (select 1 from application a where a.id = application_id));

-- A linked grant is also seen by the network whose rule made it, and so is the membership it stands for.
alter table membership_grant enable row level security;
create policy own_network on membership_grant for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or source_network_id = any ((select crm_networks())::uuid[]));
alter table membership enable row level security;
create policy own_network on membership for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or exists (
        select 1 from membership_grant g where g.membership_id = membership.id
        and g.source_network_id = any ((select crm_networks())::uuid[])));
alter table membership_period enable row level security;
create policy own_network on membership_period for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]) or exists (
        select 1 from membership_grant g where g.membership_id = membership_period.membership_id
        and g.source_network_id = any ((select crm_networks())::uuid[])));
alter table membership_decision enable row level security;
create policy own_network on membership_decision for select to crm_reader
    using (exists (select 1 from membership m where m.id = membership_id and m.network_id = any ((select crm_networks())::uuid[])));

alter table contact enable row level security;
create policy own_network on contact for select to crm_reader
    using (exists (select 1 from membership m where m.organisation_id = contact.organisation_id
                   and m.network_id = any ((select crm_networks())::uuid[])));
alter table invoice enable row level security;
create policy own_host on invoice for select to crm_reader
    using (host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[])));
alter table charge enable row level security;
create policy own_network on charge for select to crm_reader
    using (exists (select 1 from membership m where m.id = membership_id and m.network_id = any ((select crm_networks())::uuid[])));
alter table fee_waiver enable row level security;
create policy own_network on fee_waiver for select to crm_reader
    using (exists (select 1 from membership m where m.id = membership_id and m.network_id = any ((select crm_networks())::uuid[])));
alter table link_answer enable row level security;
create policy own_network on link_answer for select to crm_reader
    using (source_network_id = any ((select crm_networks())::uuid[]));
alter table feed enable row level security;
create policy own_network on feed for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
alter table mail enable row level security;
create policy own_network on mail for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
alter table audit enable row level security;
create policy own_network on audit for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
