"""Pages for people: handlers, rendering, and what every page needs (assets, language, headers)."""
