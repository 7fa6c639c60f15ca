-- What managers were told of ahead is noted once: two workers that look at the same moment write one mail.

alter table ending_notice
    add constraint ending_notice_kind check (kind in ('label', 'agreement')),
    add constraint ending_notice_days check (days > 0);
create unique index ending_notice_once on ending_notice (network_id, subject_id, ends_on, days);

alter table ending_notice enable row level security;
create policy own_network on ending_notice for select to crm_reader using (network_id = any ((select crm_networks())::uuid[]));
