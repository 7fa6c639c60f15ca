"""One system as a process of its own: web and worker, as the environment says."""

import sys

from crm import logs, serving
from crm.settings import from_environment


def main() -> None:
    settings = from_environment()
    logs.configure("WARNING")
    with serving.listening("127.0.0.1", int(sys.argv[1])) as listener:
        port = listener.getsockname()[1]
        serving.serve(settings, listener, with_worker=True, started=lambda: print(f"Serving {port}", flush=True))


if __name__ == "__main__":
    main()
