"""What an action is given to work with; made once, in `crm/app.py` or the command line."""

import msgspec

from crm.clock import Clock
from crm.database import Database
from crm.settings import Settings


class Context(msgspec.Struct, frozen=True):
    """The database, the clock and the settings."""

    db: Database
    clock: Clock
    settings: Settings
