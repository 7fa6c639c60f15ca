-- The audit trail page by page, all of it or one kind of action.
create index audit_network_seq on audit (network_id, seq);
create index audit_network_action on audit (network_id, action, seq);
