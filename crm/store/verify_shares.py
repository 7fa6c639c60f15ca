"""What must hold of shares: each is what the terms in force make of the member; the log says so (crm/store/verify.py).

`share_view` recomputes every share from the member, the terms, the agreement and what the member has said.
"""

CHECKS = {
    "share_terms": """
        select 'disclosure ' || d.id, 'has terms ' || d.in_force || ' in force on ' || d.turned_on || ', not '
               || disclosure_on(d.id, d.turned_on)
        from disclosure d where d.turned_on is not null and d.in_force <> disclosure_on(d.id, d.turned_on)""",
    "share_missing": """
        select 'membership ' || f.membership_id, 'was never looked at for disclosure ' || d.id
        from feed_member f join disclosure d on d.network_id = f.network_id
        where d.turned_on is not null
        and not exists (select from share s where s.disclosure_id = d.id and s.membership_id = f.membership_id)""",
    "share_stranger": """
        select 'share ' || s.row_id, 'is of a membership that disclosure ' || s.disclosure_id || ' is not about'
        from share s join disclosure d on d.id = s.disclosure_id
        left join membership m on m.id = s.membership_id
        where (m.network_id, m.organisation_id) is distinct from (d.network_id, s.organisation_id)""",
    "share_body": """
        select 'share ' || s.row_id, 'the other network sees ' || coalesce(s.body, 'nobody') || ', by the terms it is '
               || coalesce(feed_versioned(v.body, s.version), 'nobody')
        from share s join share_view(array(select membership_id from feed_member)) v
            on v.disclosure_id = s.disclosure_id and v.membership_id = s.membership_id
        where s.body is distinct from feed_versioned(v.body, s.version)
        or s.body_hash is distinct from sha256(convert_to(s.body, 'UTF8'))
        or (s.op <> 'none' and s.terms_version <> v.in_force)""",
    "share_log": """
        select 'share ' || s.row_id, 'is version ' || s.version || ' ' || s.op || ', its log ends with '
               || coalesce(l.version || ' ' || l.op, 'nothing')
        from share s left join lateral (
            select v.version, v.op, v.body_hash from share_version v
            where v.disclosure_id = s.disclosure_id and v.membership_id = s.membership_id
            order by v.version desc limit 1
        ) l on true
        where (s.version, s.op, s.body_hash)
            is distinct from (coalesce(l.version, 0), coalesce(l.op, 'none'), l.body_hash)""",
}
