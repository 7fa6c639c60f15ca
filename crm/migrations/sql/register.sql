-- The register of legal entities (ADR 0048): public data of units, one host's reads of its files.

alter table register_unit
    add constraint register_unit_number check (number ~ '^[0-9]{9}$'),
    add constraint register_unit_employees check (employees >= 0);
-- Those that came without being everything: what no organisation of ours has any more goes with the next read.
create index register_unit_single on register_unit (number) where not whole;

alter table register_read
    add constraint register_read_sha256 check (sha256 ~ '^[0-9a-f]{64}$'),
    add constraint register_read_size check (size >= 0);
create index register_read_newest on register_read (host_id, as_of desc, read_at desc);
create trigger no_change before update or delete on register_read for each row execute function forbid_change();
create trigger no_truncate before truncate on register_read for each statement execute function forbid_change();

-- What the register says of a unit is public (NLOD); who reads it sees what everybody may.
grant select on register_unit, register_read to crm_reader;
alter table register_read enable row level security;
create policy own_host on register_read for select to crm_reader
    using (host_id in (select crm_hosts()));
