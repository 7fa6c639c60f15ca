"""What pages of the register show: a read, a file that could not be read, differences looked at together."""

import io
import tempfile
from pathlib import Path
from uuid import uuid4

import msgspec

from crm import demo
from crm.actions import register, register_bulks, register_runs
from crm.actor import Actor
from crm.context import Context
from crm.register_shapes import Wanted
from tests.crm.actions.test_register_bulks import DEEDS

NETWORK = "nora-industry-network"


async def prepare_register(context: Context, actor: Actor) -> None:
    """The demo's file is read, another one is none, and a headcount was looked at."""
    await demo.read_register(context)
    with tempfile.TemporaryDirectory() as folder:
        settings = msgspec.structs.replace(context.settings, data_dir=Path(folder))
        own = msgspec.structs.replace(context, settings=settings)
        said = Wanted("enheter_alle.json", context.clock.now().date(), part=True)
        run = await register_runs.upload(own, actor, NETWORK, io.BytesIO(b"Navn;Ansatte\n"), said)
        await register_runs.settle(own, run, register.read)
    bulk = await register_bulks.begin(context, actor, NETWORK, "take_over", "register_employees", None, uuid4())
    await register_bulks.settle(context, bulk, DEEDS)
