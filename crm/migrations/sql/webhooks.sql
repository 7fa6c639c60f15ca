-- Webhooks (ADR 0024): what may stand in the rows, at most one message on its way per webhook and feed, tenant wall.
alter table webhook
    add constraint webhook_status check (status in ('unverified', 'enabled', 'disabled')),
    add constraint webhook_reason check (reason in ('', 'paused', 'gone', 'failing', 'key_revoked')
        and (reason <> '') = (status = 'disabled')),
    add constraint webhook_old_secret check ((old_secret = '') = (old_secret_until is null));
create unique index webhook_feed_once on webhook_feed (webhook_id, coalesce(disclosure_id, network_id));
alter table webhook_delivery
    add constraint webhook_delivery_kind check (kind in ('members.changed', 'heartbeat', 'ping')
        and (kind = 'ping') = (feed_id is null)),
    add constraint webhook_delivery_status
        check (status in ('queued', 'sending', 'delivered', 'failed', 'cancelled'));
create unique index webhook_delivery_waiting on webhook_delivery (webhook_id, coalesce(feed_id, webhook_id))
    where status in ('queued', 'sending') and not once;
create index webhook_delivery_log on webhook_delivery (webhook_id, created_at desc, id desc);
create index webhook_attempt_delivery on webhook_attempt (delivery_id, number);
create index webhook_key on webhook (key_id);
create index webhook_feed_network on webhook_feed (network_id);

grant select on webhook_feed, webhook_delivery, webhook_attempt to crm_reader;
grant select (id, key_id, url, name, status, reason, old_secret_until, skew_seconds, failing_since, delivered_at,
    created_at) on webhook to crm_reader;
alter table webhook_feed enable row level security;
create policy own_network on webhook_feed for select to crm_reader
    using (network_id = any ((select crm_networks())::uuid[]));
alter table webhook enable row level security;
create policy own_network on webhook for select to crm_reader
    using (exists (select from webhook_feed f where f.webhook_id = webhook.id));
alter table webhook_delivery enable row level security;
create policy own_network on webhook_delivery for select to crm_reader
    using (exists (select from webhook w where w.id = webhook_id)
           and (feed_id is null or exists (select from webhook_feed f where f.id = feed_id)));
alter table webhook_attempt enable row level security;
create policy own_network on webhook_attempt for select to crm_reader
    using (exists (select from webhook_delivery d where d.id = delivery_id));
