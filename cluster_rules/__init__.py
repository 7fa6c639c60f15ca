"""What a cluster's rulebooks say, as pure functions: facts in, intents out.

Nothing here knows a clock, a database, a language or HTTP. Frozen facts, rulebooks and a
day go in; a tuple of intents, each with its reason, comes out. `crm` loads the facts and
applies the intents in one transaction; the same call without applying is the preview.

Start reading in `cascades.py` (one event -> everything that follows from it).
"""
