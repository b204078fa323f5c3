# What CI runs, and what a person runs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help demo test check clean-root lock messages web bench bench-1m bench-4m bench-16m bench-64m soak soak-lookups fuzz clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## load three synthetic dumps and serve on http://127.0.0.1:8000
	@exec $(BIN)/qorgan demo

test: check ## lint, types, import contracts and all tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.tested ## lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tested ## measure, as ratios within one run
	$(BIN)/python -m bench

bench-1m: $(VENV)/.tested ## measure a register of 1 million into docs/performance.md (needs nginx; minutes)
	BENCH_SIZE=1m $(BIN)/python -m bench --save scale
	$(BIN)/python -m tools.performance

bench-4m: $(VENV)/.tested ## the same of 4 million
	BENCH_SIZE=4m $(BIN)/python -m bench --save scale
	$(BIN)/python -m tools.performance

bench-16m: $(VENV)/.tested ## the same of 16 million, and a load at both profiles
	BENCH_SIZE=16m $(BIN)/python -m bench --save scale evaluate load
	$(BIN)/python -m tools.performance

bench-64m: $(VENV)/.tested ## the same of 64 million
	BENCH_SIZE=64m $(BIN)/python -m bench --save scale
	$(BIN)/python -m tools.performance

fuzz: $(VENV)/.tested ## look for files that break a reader, a minute for each kind (Linux on x86-64)
	for target in sql archive source; do $(BIN)/python -m fuzz $$target 60 || exit 1; done

soak: $(VENV)/.tested ## kill loaders, workers, stores and every operation at 50 random moments each
	KILLS=50 $(BIN)/python -m pytest -n 3 --dist load tests/test_kill.py tests/test_kill_publish.py

soak-lookups: $(VENV)/.tested ## half an hour of lookups while datasets change and servers are restarted
	$(BIN)/python -m bench soak

clean-root: $(VENV)/.tested ## build the image and try the whole deployment without Docker (needs root and debootstrap)
	$(BIN)/python -m tools.clean_root

lock: $(VENV)/.installed ## resolve the dependencies anew into the three lock files
	$(PIP) install uv
	$(BIN)/uv pip compile -q pyproject.toml --extra build --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra build --extra fast -c requirements.lock --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -o requirements-image.lock
	$(BIN)/uv pip compile -q pyproject.toml --all-extras -c requirements.lock --universal --generate-hashes --python-version 3.11 --no-header --no-annotate -o requirements-test.lock

messages: $(VENV)/.tested ## bring the site's catalogues up to date, after a text has changed
	$(BIN)/python -m tools.messages

web: ## build what the pages load into lookup/static (Node 20 or newer)
	cd web && npm ci --no-audit --no-fund && npm run build

clean: ## remove the virtual environment (data/ stays)
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qorgan needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tested: requirements-test.lock $(VENV)/.installed
	$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@
