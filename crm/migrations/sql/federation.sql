-- Federation (ADR 0026): what may stand in the rows, who is run elsewhere, tenant wall.
alter table federated_agreement
    add constraint federated_side check (side in ('granting', 'receiving')),
    add constraint federated_standing check (standing in ('draft', 'proposed', 'active', 'suspended', 'terminated'));
alter table federated_register
    add constraint federated_register_once unique (agreement_id, register, key),
    add constraint federated_register_version check (version > 0 and grant_no > 0),
    add constraint federated_register_state check (
        register = 'offer' and state in ('offered', 'withdrawn')
        or register = 'decision' and state in ('held', 'accepted', 'declined', 'left')
        or register in ('granting_word', 'receiving_word') and state in ('signed', 'suspended', 'terminated'));
alter table federated_link add constraint federated_link_once unique (agreement_id, key);
alter table federated_outbox add constraint federated_outbox_once unique (agreement_id, register, key);
create index federated_agreement_network on federated_agreement (network_id);
create unique index federated_invite on federated_agreement (invite_hash) where invite_hash <> '';
create index federated_inbox_received on federated_inbox (agreement_id, received_at);

-- A copy of theirs and a register of ours never become older (F4), whatever the code does.
create function federated_register_grows() returns trigger language plpgsql as $$
begin
    if new.version < old.version or (new.agreement_id, new.register, new.key, new.own)
            is distinct from (old.agreement_id, old.register, old.key, old.own) then
        raise exception 'register % % would go from version % to %', old.register, old.key, old.version, new.version;
    end if;
    return new;
end $$;
create trigger federated_register_grows before update on federated_register
    for each row execute function federated_register_grows();

grant select on federated_register, federated_link, federated_outbox, federated_inbox to crm_reader;
grant select (id, code, side, network_id, mirror_id, standing, terms, terms_version, peer_instance, peer_url,
    peer_network, old_secret_until, old_peer_secret_until, invite_expires_at, pauses, ended_on, matched_on, matched_at,
    heard_at, failing_since, failure, attempts, next_try_at, skew_seconds, reasserted, created_at, created_by)
    on federated_agreement to crm_reader;
alter table federated_agreement enable row level security;
create policy own_network on federated_agreement for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table federated_register enable row level security;
create policy own_network on federated_register for select to crm_reader
    using (exists (select from federated_agreement a where a.id = agreement_id));
alter table federated_link enable row level security;
create policy own_network on federated_link for select to crm_reader
    using (exists (select from federated_agreement a where a.id = agreement_id));
alter table federated_outbox enable row level security;
create policy own_network on federated_outbox for select to crm_reader
    using (exists (select from federated_agreement a where a.id = agreement_id));
alter table federated_inbox enable row level security;
create policy own_network on federated_inbox for select to crm_reader
    using (exists (select from federated_agreement a where a.id = agreement_id));
