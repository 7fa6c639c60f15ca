"""The judge of SCIM services, scim2-cli, run as the program it is, with its random draws made the same each time.

`python -m tests.crm.api.scim_judge SEED ...` is `scim2 ...` after `random.seed(SEED)`.
"""

import random
import sys

from scim2_cli import cli

if __name__ == "__main__":
    random.seed(sys.argv.pop(1))
    cli()
