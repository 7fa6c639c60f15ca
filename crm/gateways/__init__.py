"""The outside world: the database server we start ourselves, mail, and later payments. One file each."""
