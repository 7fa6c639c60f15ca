"""Pages for people: handlers, rendering, and what every page needs (assets, language, headers)."""

from crm.web import applications, assets, language, mailbox, members, office, sign_in, styleguide

handlers = [
    *assets.handlers,
    *language.handlers,
    *styleguide.handlers,
    *sign_in.handlers,
    *office.handlers,
    *members.handlers,
    *applications.handlers,
    *mailbox.handlers,
]
