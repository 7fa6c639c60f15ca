-- The member list in memory knows industries by what the register says of organisation numbers: it is told when that is
-- another (ADR 0046). Units nobody here has cost a join and no row.
create function member_moved_register() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'organisation', array_agg(distinct i.organisation_id) from fresh f
    join identifier i on i.value = f.number and i.scheme = 'no-orgnr' where cardinality(f.nace) > 0 having count(*) > 0;
    return null;
end $$;
create function member_moved_register_changed() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'organisation', array_agg(distinct i.organisation_id) from fresh f join former o using (number)
    join identifier i on i.value = f.number and i.scheme = 'no-orgnr' where f.nace <> o.nace having count(*) > 0;
    return null;
end $$;
create function member_moved_register_all() returns trigger language plpgsql as $$
begin
    insert into member_moved (what, ids)
    select 'organisation', array_agg(distinct i.organisation_id) from register_unit f
    join identifier i on i.value = f.number and i.scheme = 'no-orgnr' where cardinality(f.nace) > 0 having count(*) > 0;
    return null;
end $$;
create trigger member_moved_new after insert on register_unit referencing new table as fresh
    for each statement execute function member_moved_register();
create trigger member_moved_changed after update on register_unit referencing old table as former new table as fresh
    for each statement execute function member_moved_register_changed();
create trigger member_moved_gone after delete on register_unit referencing old table as fresh
    for each statement execute function member_moved_register();
create trigger member_moved_emptied before truncate on register_unit
    for each statement execute function member_moved_register_all();
