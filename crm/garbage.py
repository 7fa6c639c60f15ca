"""Rings of garbage, looked for less often while a job makes many objects that are no rings: bills, imports."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_BEFORE_A_LOOK = 20_000


@contextmanager
def many_objects() -> Iterator[None]:
    """A batch is many objects and no ring; looking through them took a third to half of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
