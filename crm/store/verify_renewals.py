"""What must hold between renewal runs, their items and what was billed: queries that name the wrong rows.

See `crm/store/verify.py` for why it is asked. `reason` of a charge says that a renewal made it.
"""

CHECKS = {
    "renewal_twice": """
        select 'charge ' || c.id, 'bills days of ' || c.component || ' that charge ' || o.id || ' billed already'
        from charge c join charge o on o.membership_id = c.membership_id and o.component = c.component and o.id < c.id
        where c.reason ->> 'code' = 'renewal' and o.reason ->> 'code' = 'renewal' and c.net > 0 and o.net > 0
        and c.billed_again_for is null and o.billed_again_for is null
        and c.starts_on < coalesce(o.ends_on, 'infinity'::date)
        and o.starts_on < coalesce(c.ends_on, 'infinity'::date)""",
    "renewal_id": """
        select 'charge ' || c.id, 'is a renewal, and its id is not made of membership, component and first day'
        from charge c where c.reason ->> 'code' = 'renewal' and c.billed_again_for is null
        and c.id <> md5(c.membership_id || '/' || c.component || '/' || c.starts_on)::uuid""",
    "renewal_forgotten": """
        select 'renewal_item ' || i.row_id, 'is due in a run that is done, and nothing was billed for its year'
        from renewal_item i join renewal_run r on r.id = i.run_id where r.status = 'done' and i.state = 'due'
        and not exists (select from charge c where c.membership_id = i.membership_id and c.net > 0
            and coalesce(c.ends_on, 'infinity'::date) > i.starts_on)""",
    "renewal_counts": """
        select 'renewal_run ' || r.id, 'says ' || r.done || ' of ' || r.total || ' done and ' || r.failed || ' failed; '
               || 'its items say ' || i.failed || ' failed'
        from renewal_run r left join lateral (
            select count(*) filter (where state = 'failed') as failed from renewal_item where run_id = r.id) i on true
        where r.status = 'done' and (r.done <> r.total or r.failed <> i.failed)""",
}  # fmt: skip
