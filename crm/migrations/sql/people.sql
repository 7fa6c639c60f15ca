-- People (ADR 0028): a role is in one place, and one role a place; what a sign-in leaves behind is of one account.

alter table role
    drop constraint role_once,
    drop constraint role_known,
    add constraint role_place check (
        case role
            when 'host_admin' then host_id is not null and network_id is null and organisation_id is null
            when 'manager' then network_id is not null and host_id is null and organisation_id is null
            when 'treasurer' then network_id is not null and host_id is null and organisation_id is null
            when 'viewer' then network_id is not null and host_id is null and organisation_id is null
            when 'organisation_admin' then organisation_id is not null and host_id is null and network_id is null
            when 'organisation_member' then organisation_id is not null and host_id is null and network_id is null
            else false
        end),
    add constraint role_once unique nulls not distinct (account_id, network_id, host_id, organisation_id);

alter table authenticator
    add constraint authenticator_account foreign key (account_id) references account (id) on delete cascade;
alter table identity add constraint identity_once unique (issuer, subject);
alter table passkey add constraint passkey_counter check (sign_count >= 0);
alter table sign_in_step add constraint step_tries check (tries >= 0);

alter table invitation add constraint invitation_place check (
    case role
        when 'host_admin' then host_id is not null and network_id is null and organisation_id is null
        when 'manager' then network_id is not null and host_id is null and organisation_id is null
        when 'treasurer' then network_id is not null and host_id is null and organisation_id is null
        when 'viewer' then network_id is not null and host_id is null and organisation_id is null
        when 'organisation_admin' then organisation_id is not null and host_id is null and network_id is null
        when 'organisation_member' then organisation_id is not null and host_id is null and network_id is null
        else false
    end);
-- One open invitation of a person to a place.
create unique index invitation_open on invitation (email, network_id, host_id, organisation_id) nulls not distinct
    where accepted_at is null and revoked_at is null;
-- One open claim of a person to an organisation.
create unique index claim_open on claim (organisation_id, account_id) where decided_at is null;
alter table claim add constraint claim_decided check ((decided_at is null) = (approved is null));

-- What the office is shown (crm_reader): people of its networks, of their hosts, and of organisations in them. Never
-- a password, a key, a session or a link.
grant select (id, email, name, language, created_at) on account to crm_reader;
grant select on role, claim to crm_reader;
grant select (id, email, name, language, role, host_id, network_id, organisation_id, invited_by, created_at,
    expires_at, accepted_at, revoked_at, account_id) on invitation to crm_reader;

alter table role enable row level security;
create policy own_network on role for select to crm_reader using (
    network_id = any ((select crm_networks())::uuid[])
    or host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[]))
    or exists (select from membership m where m.organisation_id = role.organisation_id
        and m.network_id = any ((select crm_networks())::uuid[])));
alter table invitation enable row level security;
create policy own_network on invitation for select to crm_reader using (
    network_id = any ((select crm_networks())::uuid[])
    or host_id in (select n.host_id from network n where n.id = any ((select crm_networks())::uuid[]))
    or exists (select from membership m where m.organisation_id = invitation.organisation_id
        and m.network_id = any ((select crm_networks())::uuid[])));
alter table claim enable row level security;
create policy own_network on claim for select to crm_reader using (
    exists (select from membership m where m.organisation_id = claim.organisation_id
        and m.network_id = any ((select crm_networks())::uuid[])));
alter table account enable row level security;
create policy own_network on account for select to crm_reader using (
    exists (select from role r where r.account_id = account.id)
    or exists (select from claim c where c.account_id = account.id));

-- Who acts for organisations reads as crm_member, before a wall of its own: the organisations named in the
-- transaction's setting crm.organisations. A role of its own keeps the office's plans as they are.
do $$ begin
    create role crm_member nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin execute format('grant crm_member to %I', current_user); end $$;

create function crm_organisations() returns uuid[] language sql stable parallel safe as $$
    select string_to_array(nullif(current_setting('crm.organisations', true), ''), ',')::uuid[]
$$;

grant usage on schema public to crm_member;
-- Open to everybody who is signed in, as they are on public pages.
grant select on host, network, rulebook, agreement, terms, organisation to crm_member;
grant select on organisation_profile, identifier, contact, membership, membership_grant, membership_period,
    membership_decision, role, claim to crm_member;
grant select (id, email, name, language, created_at) on account to crm_member;
grant select (id, email, name, language, role, host_id, network_id, organisation_id, invited_by, created_at,
    expires_at, accepted_at, revoked_at, account_id) on invitation to crm_member;

create policy own_organisation on membership for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on membership_period for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on membership_grant for select to crm_member
    using (exists (select from membership m where m.id = membership_id
                   and m.organisation_id = any ((select crm_organisations())::uuid[])));
create policy own_organisation on membership_decision for select to crm_member
    using (exists (select from membership m where m.id = membership_id
                   and m.organisation_id = any ((select crm_organisations())::uuid[])));
create policy own_organisation on contact for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on role for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on invitation for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on claim for select to crm_member
    using (organisation_id = any ((select crm_organisations())::uuid[]));
create policy own_organisation on account for select to crm_member using (
    exists (select from role r where r.account_id = account.id)
    or exists (select from claim c where c.account_id = account.id));
