"""What must hold between invoices, their documents, numbers and credit notes: queries that name the wrong rows.

Triggers refuse all of this already (crm/migrations/sql/invoices.sql); see `crm/store/verify.py` for why it is asked.
"""

from crm.store.invoice_deliveries import WITH_JOB

# Each gives (row, why); no rows means all is well. Sums of an issued invoice are those of its lines; on a credit note
# the lines are credit lines.
CHECKS = {
    "invoice_empty": """
        select 'invoice ' || i.id, 'has no line' from invoice i
        where not exists (select from charge c where c.invoice_id = i.id)
        and not exists (select from opening_item p where p.invoice_id = i.id)
        and not exists (select from credit_line l where l.invoice_id = i.id)""",
    "invoice_second_draft": """
        select 'invoice ' || min(id::text), count(*) || ' drafts of one host for one payer in ' || currency
        from invoice where status = 'draft' and kind = 'invoice'
        group by host_id, organisation_id, currency, network_id having count(*) > 1""",
    "invoice_number": """
        select 'invoice series ' || coalesce(i.series, s.series), coalesce(i.many, 0) || ' invoices are numbered '
               || coalesce(i.first, 0) || ' to ' || coalesce(i.last, 0)
               || ', its counter says ' || coalesce(s.last_number, 0)
        from (select host_id, series, count(*) as many, count(distinct number) as kinds, min(number) as first,
                  max(number) as last from invoice where status = 'issued' group by host_id, series) i
        full join invoice_series s on (s.host_id, s.series) = (i.host_id, i.series)
        where (i.many, i.kinds, i.first, i.last) is distinct from (s.last_number, s.last_number, 1, s.last_number)
        and (i.many is not null or s.last_number <> 0)""",
    "invoice_document": """
        select 'invoice ' || i.id, case when d.invoice_id is null then 'is issued and has no document'
            when i.status = 'draft' then 'is a draft and has a document'
            else 'is not what its document ' || coalesce(d.document ->> 'number', 'without a number') || ' says' end
        from invoice i full join invoice_document d on d.invoice_id = i.id
        where (i.status = 'issued') is distinct from (d.invoice_id is not null) or d.invoice_id is not null and (
            i.series || '-' || i.number, i.kind, i.currency, i.kid, i.issued_on::text, i.due_on::text,
            i.net, i.vat, i.gross) is distinct from (d.document ->> 'number', d.document ->> 'kind',
            d.document ->> 'currency', d.document ->> 'kid', d.document ->> 'issued_on', d.document ->> 'due_on',
            (d.document #>> '{totals,net}')::bigint, (d.document #>> '{totals,vat}')::bigint,
            (d.document #>> '{totals,gross}')::bigint)""",
    "invoice_sum": """
        select 'invoice ' || i.id, 'says ' || i.net || ' net, its lines are ' || coalesce(s.net, 0)
        from invoice i left join lateral (
            select sum(net) as net from (
                select c.net from charge c where c.invoice_id = i.id and i.kind = 'invoice'
                union all select l.net from credit_line l where l.invoice_id = i.id) lines
        ) s on true where i.status = 'issued' and i.net is distinct from coalesce(
            (select p.amount from opening_item p where p.invoice_id = i.id), s.net)""",
    "invoice_line": """
        select 'invoice ' || d.invoice_id, 'its document says ' || coalesce(line.net::text, 'nothing') || ' on line '
               || place || ', stored is ' || coalesce(coalesce(c.net, l.net)::text, 'nothing')
        from invoice_document d cross join lateral unnest(d.charge_ids) with ordinality as of_line (id, place)
        left join charge c on c.id = of_line.id and c.invoice_id = d.invoice_id
        left join credit_line l on l.id = of_line.id and l.invoice_id = d.invoice_id
        cross join lateral (select d.document -> 'lines' -> (place::int - 1) as told) given
        cross join lateral (select (told ->> 'quantity')::bigint * (told ->> 'price')::bigint
            - (told ->> 'discount')::bigint as net) line
        where line.net is distinct from coalesce(c.net, l.net)""",
    "credit_exceeds": """
        select 'invoice ' || i.id, 'of ' || i.gross || ' is credited with ' || sum(n.gross)
        from invoice i join invoice n on n.credits_id = i.id and n.status = 'issued'
        group by i.id having sum(n.gross) > i.gross
        union all
        select 'charge ' || c.id, 'of ' || c.net || ' is credited with ' || sum(l.net)
        from charge c join credit_line l on l.charge_id = c.id
        group by c.id having sum(l.net) * sign(c.net) not between 0 and abs(c.net)""",
    "credit_elsewhere": """
        select 'credit_line ' || l.id, 'takes back a charge of invoice ' || c.invoice_id || ' on a credit note of '
               || coalesce(n.credits_id::text, 'none')
        from credit_line l join charge c on c.id = l.charge_id left join invoice n on n.id = l.invoice_id
        where n.credits_id is distinct from c.invoice_id""",
    "invoice_history": """
        select 'invoice ' || i.id, 'is issued, and its history says so ' || count(e.row_id) || ' times'
        from invoice i left join invoice_event e on e.invoice_id = i.id and e.kind = 'issued'
        where i.status = 'issued' group by i.id having count(e.row_id) <> 1""",
    "delivery_missing": """
        select 'invoice ' || i.id, 'is issued, and nothing says how it reaches the buyer' from invoice i
        where i.status = 'issued' and not exists (select from invoice_delivery d where d.invoice_id = i.id)
        and not exists (select from opening_item p where p.invoice_id = i.id)""",
    "delivery_without_job": f"""
        with waiting (delivery) as materialized ({WITH_JOB})
        select 'invoice_delivery ' || d.id, 'is ' || d.status || ' and no job will go on with it'
        from invoice_delivery d
        where d.status in ('queued', 'sending') and not exists (select from waiting w where w.delivery = d.id)
        and not exists (select from mail m where m.id = d.id)""",
    "invoice_day": """
        select 'invoice_day ' || coalesce(d.issued_on, f.issued_on) || ' ' || coalesce(d.kind, f.kind),
            'says ' || coalesce(d.documents::text, 'nothing') || ' over ' || coalesce(d.gross::text, 'nothing')
            || ', issued were ' || coalesce(f.documents, 0) || ' over ' || coalesce(f.gross, 0)
        from invoice_day d full join invoice_days() f on (f.host_id, f.issued_on, f.kind, f.currency, f.networks)
            = (d.host_id, d.issued_on, d.kind, d.currency, d.networks)
        where (d.documents, d.gross) is distinct from (f.documents, f.gross)""",
}  # fmt: skip
