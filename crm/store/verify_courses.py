"""What must hold of courses: each is as its timeline, and every stretch that stands has one (crm/store/verify.py).

Not asked within a transaction that has changed something: courses are told at its end (ADR 0032, 0044).
"""

CHECKS = {
    "course": """
        select 'membership_period ' || coalesce(c.period_id, f.period_id), case
            when f.period_id is null then 'is counted by reports, and does not stand'
            when c.period_id is null then 'stands, and reports do not know it'
            else 'is counted by reports otherwise than it stands' end
        from membership_course c full join membership_courses(
            array(select distinct p.organisation_id from membership_period p where p.superseded_at is null)) f
            on f.period_id = c.period_id
        where c is distinct from f and coalesce(current_setting('crm.touched', true), '') = ''""",
    "shared_course": """
        select 'membership_period ' || coalesce(c.period_id, f.period_id), case
            when f.period_id is null then 'is counted for several networks, and is of one'
            when c.period_id is null then 'is in several networks, and reports of several do not know it'
            else 'is counted for several networks otherwise than it stands' end
        from shared_course c full join shared_courses(
            array(select distinct p.organisation_id from membership_period p where p.superseded_at is null)) f
            on f.period_id = c.period_id
        where c is distinct from f and coalesce(current_setting('crm.touched', true), '') = ''""",
}
