"""The whole register of legal entities read from its packed JSON: beside it the same file only unpacked and parsed.

    python -m bench.register [units]

Units are about as long as the register's own (1.3 kB). Three figures: unpacking and parsing one by one and nothing
else; reading for our members only, differences told; reading with everything kept for prefill. All of it is committed.
"""

import gzip
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import uvloop

from bench.setting import NOW, SETTINGS, own_server
from crm.actions import register
from crm.actions.register import Result
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.gateways.register_wire import Wire
from crm.register_shapes import Wanted
from tests.register_files import unit
from tests.seed import seed

UNITS = 1_000_000
DAY = date(2026, 11, 20)
WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)
SAID = (
    "Utvikling, salg og drift av programvare og tjenester for industri, energi og havbruk, og det som hører til. " * 3
)


def numbers(wanted: int) -> Iterator[str]:
    """So many organisation numbers with their check digit."""
    made = 0
    for each in range(80_000_000, 100_000_000):
        if made == wanted:
            return
        rest = sum(int(d) * w for d, w in zip(str(each), WEIGHTS, strict=True)) % 11
        if rest != 1:
            yield f"{each}{(11 - rest) % 11}"
            made += 1


def write(place: Path, units: int, ours: list[str]) -> int:
    """The download: an array, a unit a line, packed; how many bytes it unpacks to."""
    known, size, own = set(ours), 0, random.Random(1)
    like = json.dumps(unit("@number", "SELSKAP NUMMER @number AS", aktivitet=[SAID + "@own"]), ensure_ascii=False)
    with gzip.open(place, "wb", compresslevel=1) as out:
        listed = [*ours, *(number for number in numbers(units) if number not in known)][:units]
        for at, number in enumerate(listed):
            line = ("[\n" if at == 0 else ",\n") + like.replace("@number", number).replace(
                "@own", own.randbytes(60).hex()
            )
            size += out.write(line.encode())
        size += out.write(b"\n]\n")
    return size


def parsed(place: Path) -> int:
    """Nothing but unpacked and parsed, a unit at a time."""
    decoder, count = msgspec.json.Decoder(Wire), 0
    with gzip.open(place, "rb") as file:
        for line in file:
            if line.startswith(b"{"):
                decoder.decode(line.rstrip(b",\n"))
                count += 1
    return count


def cost() -> tuple[float, float, int]:
    """(seconds, processor seconds of this process, its memory in MB); its high-water mark begins anew."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    Path("/proc/self/clear_refs").write_text("5")
    return time.perf_counter(), used.ru_utime + used.ru_stime, memory("VmRSS")


def memory(kind: str) -> int:
    """What Linux says of this process: VmRSS now, VmHWM at most since `cost`. MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(kind))


async def main(units: int) -> None:
    """One file, read three ways."""
    with own_server() as server, tempfile.TemporaryDirectory(prefix="klynge-bench-") as folder:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 4) as db:
            context = Context(db, FixedClock(NOW), SETTINGS)
            async with db.tx() as connection:
                rows = await connection.fetch("select value from identifier where scheme = 'no-orgnr' order by value")
            place = Path(folder) / "enheter_alle.json.gz"
            size = write(place, units, [row["value"] for row in rows])
            print(f"{units:,} units, {place.stat().st_size / 1e6:,.0f} MB packed, {size / 1e6:,.0f} MB unpacked")
            await _measure(context, place, units)


async def _measure(context: Context, place: Path, units: int) -> None:
    begun = cost()
    assert parsed(place) >= units
    base = _said("unpacked and parsed, nothing else", begun, units)
    begun = cost()
    done = await _read(context, place, False)
    _said("read for our members", begun, units, base)
    print(f"  {done.reads[0].counts}")
    begun = cost()
    assert (await _read(context, place, False)).unchanged
    _said("the same file again", begun, units, base)
    begun = cost()
    done = await _read(context, place, True)
    _said("read with everything kept", begun, units, base)
    assert done.reads[0].counts["known"] == units


async def _read(context: Context, place: Path, keep_all: bool) -> Result:
    with place.open("rb") as file:
        wanted = Wanted(place.name, DAY, keep_all=keep_all)
        return await register.read(context, Actor("operator", "cli"), "", file, wanted)


def _said(what: str, begun: tuple[float, float, int], units: int, base: float = 0.0) -> float:
    most = memory("VmHWM") - begun[2]
    wall, used = (now - then for now, then in zip(cost()[:2], begun[:2], strict=True))
    beside = f", {used / base:.2f} x the processor time of parsing alone" if base else ""
    print(f"{what}: {wall:.1f} s, {used:.1f} s of processor{beside}, {units / wall:,.0f} units/s, memory +{most} MB")
    return used


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else UNITS))
