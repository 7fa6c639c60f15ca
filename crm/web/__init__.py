"""Pages for people: handlers, rendering, and what every page needs (assets, language, headers)."""

from crm.web import assets, language, sign_in, styleguide

handlers = [
    *assets.handlers,
    *language.handlers,
    *styleguide.handlers,
    *sign_in.handlers,
]
