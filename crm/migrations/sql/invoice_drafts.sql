-- Drafts are few, and looked for among all documents.
create index invoice_drafts on invoice (host_id) where status = 'draft';
