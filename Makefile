# Everything here needs Python 3.11, make and a POSIX shell; `make demo` and `make test` fetch the rest.
.POSIX:
.PHONY: demo test lint bench clean environment chromium

PY = .venv/bin/python

# Start the demo on http://127.0.0.1:8000. Options: make demo ARGS="--port 8001 --data-dir somewhere"
demo: environment
	@$(PY) -m crm demo $(ARGS)

# Everything that must hold before a change is let in.
test: lint chromium
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: environment
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

# Figures of speed, each beside a baseline measured in the same run. Options: make bench ARGS=...
bench: environment
	$(PY) -m bench $(ARGS)

# Takes away what can be made again. The demo's data (.klynge) is left alone.
clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@sh tools/environment.sh

chromium: environment
	@sh tools/chromium.sh
