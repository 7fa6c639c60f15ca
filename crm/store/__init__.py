"""For writing: load facts under a lock, apply intents. Piccolo rows and SQL never leave this floor."""
