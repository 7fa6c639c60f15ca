"""Run every benchmark, one after the other: `make bench`. Each prints its own baseline beside its figure."""

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "filling", "member_filling", "money_filling", "setting"}


def main() -> int:
    """Run those named on the command line, or all."""
    found = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in NOT_BENCHMARKS)
    wanted = sys.argv[1:] or found
    failed = 0
    for name in wanted:
        print(f"\n== bench.{name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
