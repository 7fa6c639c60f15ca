-- Saved reports (ADR 0035): what may be asked for, and who may see them. A report is seen by its network's people; that a
-- private one is its owner's alone, the code says (crm/store/saved_reports.py).
alter table saved_report
    add constraint saved_report_every check (every in ('never', 'week', 'month', 'quarter')),
    add constraint saved_report_file check (file in ('xlsx', 'pdf')),
    add constraint saved_report_title check (title <> '');
create index saved_report_due on saved_report (every) where every <> 'never';
alter table saved_report_reader add constraint saved_report_reader_once unique (saved_id, account_id);

grant select on saved_report, saved_report_reader to crm_reader;
alter table saved_report enable row level security;
create policy own_network on saved_report for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table saved_report_reader enable row level security;
create policy own_network on saved_report_reader for select to crm_reader
    using (exists (select 1 from saved_report s where s.id = saved_id));

-- Why a membership lapsed: because it counts for another one since a merger of networks.
grant select on membership_transfer to crm_reader;
alter table membership_transfer enable row level security;
create policy own_network on membership_transfer for select to crm_reader
    using (exists (select 1 from membership m where m.id = membership_id
                   and m.network_id = any ((select crm_networks())::uuid[])));
