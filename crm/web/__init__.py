"""Pages for people: handlers, rendering, and what every page needs (assets, language, headers)."""

from crm.web import (
    api_docs,
    applications,
    assets,
    language,
    mailbox,
    members,
    memberships,
    office,
    public,
    rulebook_drafts,
    rulebooks,
    sign_in,
    signup,
    signup_status,
    styleguide,
)

handlers = [
    *public.handlers,
    *signup.handlers,
    *signup_status.handlers,
    *assets.handlers,
    *language.handlers,
    *styleguide.handlers,
    *sign_in.handlers,
    *office.handlers,
    *members.handlers,
    *memberships.handlers,
    *applications.handlers,
    *rulebooks.handlers,
    *rulebook_drafts.handlers,
    *mailbox.handlers,
    *api_docs.handlers,
]
