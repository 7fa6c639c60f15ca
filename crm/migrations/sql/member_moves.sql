-- Whose row of a network's member list may look otherwise than before: written by the transaction that changes something
-- of it, read by processes that keep the list in memory (ADR 0046, crm/reads/member_index.py). One row a statement, with
-- the ids of what has changed; who of which network that is, is found by whoever asks.
create table member_moved (
    moved_xid xid8 not null default pg_current_xact_id(),
    moved_at timestamptz not null default now(),
    what text not null check (what in ('membership', 'organisation', 'invoice')),
    ids uuid[] not null
);
create index member_moved_since on member_moved (moved_xid);
-- The oldest row that is kept says since when all moves are known: there is always one.
insert into member_moved (what, ids) values ('membership', '{}');

-- What the feed and the directory are told of at the end of a transaction (settling.sql) is told here, too.
create function member_moved_touched() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'organisation', array_agg(distinct id) from fresh, unnest(organisations) id having count(*) > 0;
    return null;
end $$;
create trigger member_moved after delete on touched referencing old table as fresh
    for each statement execute function member_moved_touched();

create function member_moved_ledger() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'invoice', array_agg(distinct invoice_id) from fresh
    where invoice_id is not null and account in ('receivable', 'member_credit') having count(*) > 0;
    return null;
end $$;
create trigger member_moved after insert on ledger_entry referencing new table as fresh
    for each statement execute function member_moved_ledger();

create function member_moved_membership() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'membership', array_agg(distinct membership_id) from fresh having count(*) > 0;
    return null;
end $$;
create function member_moved_organisation() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'organisation', array_agg(distinct organisation_id) from fresh where organisation_id is not null
    having count(*) > 0;
    return null;
end $$;
do $$
declare
    each text[];
begin
    foreach each slice 1 in array array[['membership_tag', 'membership'], ['membership_responsible', 'membership'],
        ['custom_value', 'membership'], ['known_name', 'organisation'], ['note', 'organisation']] loop
        execute format('create trigger member_moved_new after insert on %I referencing new table as fresh
            for each statement execute function member_moved_%s()', each[1], each[2]);
        execute format('create trigger member_moved_changed after update on %I referencing new table as fresh
            for each statement execute function member_moved_%s()', each[1], each[2]);
        execute format('create trigger member_moved_gone after delete on %I referencing old table as fresh
            for each statement execute function member_moved_%s()', each[1], each[2]);
    end loop;
end $$;
create function member_moved_mail() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids) values ('organisation', array[new.organisation_id]);
    return null;
end $$;
create trigger member_moved_new after insert on mail for each row
    when (new.sent_at is not null and new.organisation_id is not null) execute function member_moved_mail();
create trigger member_moved_changed after update of sent_at on mail for each row
    when (new.sent_at is distinct from old.sent_at and new.organisation_id is not null)
    execute function member_moved_mail();

-- The memberships of a network that have moved in transactions from one on, but for those that are known; nothing of a
-- network one may not see.
create function members_moved(p_network uuid, p_from xid8, p_known xid8[])
returns table (moved_xid xid8, membership_id uuid)
language sql stable security definer set search_path = public as $$
    with news as materialized (
        select l.moved_xid, l.what, i.id from member_moved l, unnest(l.ids) i (id)
        where l.moved_xid >= p_from and l.moved_xid <> all (p_known)
            and p_network = any ((select crm_networks())::uuid[])
    )
    select n.moved_xid, m.id from news n join membership m on m.id = n.id and m.network_id = p_network
    where n.what = 'membership'
    union select n.moved_xid, m.id from news n
    join membership m on m.organisation_id = n.id and m.network_id = p_network where n.what = 'organisation'
    union select n.moved_xid, m.id from news n join invoice v on v.id = n.id
    join membership m on m.organisation_id = v.organisation_id and m.network_id = p_network where n.what = 'invoice'
$$;
-- Up to which transaction moves are forgotten, and which of those from the oldest open one on one sees.
create function members_moved_head() returns table (forgotten xid8, oldest xid8, seen xid8[])
language sql stable security definer set search_path = public as $$
    select (select moved_xid from member_moved order by moved_xid limit 1), pg_snapshot_xmin(pg_current_snapshot()),
        array(select distinct moved_xid from member_moved where moved_xid >= pg_snapshot_xmin(pg_current_snapshot()))
$$;
