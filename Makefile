# Each target makes the environment it needs from nothing but Python 3.11 or newer.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
SYNAPSE := $(VENV)/synapse
ARGS ?=
# Test processes side by side: most tests wait for other processes, so more than there are cores.
WORKERS ?= 4
# Made anew where it is half made.
define ENVIRONMENT
$(BIN)/python -m pip --version >/dev/null 2>&1 || { test -n "$(PYTHON)" && $(PYTHON) -m venv $(VENV); } || { \
	echo "hermes needs Python 3.11 or newer with venv (Debian: python3 python3-venv); install it and run make again"; \
	exit 1; }
endef
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check fix bench bench-peers soak clean

run: $(VENV)/run.ok
	@$(BIN)/hermes $(ARGS)

test: $(VENV)/dev.ok $(SYNAPSE)/ok
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

# these wait for little, and mypy runs beside them: one process fewer
check: $(VENV)/dev.ok
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@echo "$(BIN)/mypy, beside the tests"
	@$(BIN)/mypy >$(VENV)/mypy.txt 2>&1 & types=$$!; \
	$(BIN)/python -m pytest -n $$(($(WORKERS) - 1)) --dist worksteal -m "not slow" $(ARGS); \
	tests=$$?; \
	wait $$types; types=$$?; echo "mypy:"; cat $(VENV)/mypy.txt; exit $$((tests | types))

fix: $(VENV)/dev.ok
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.ok
	$(BIN)/python -m tests.benchmarks $(ARGS)

bench-peers: $(VENV)/dev.ok
	$(BIN)/python -m tests.benchmarks.peers

soak: $(VENV)/dev.ok $(SYNAPSE)/ok
	HERMES_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow --timeout 7200 $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis

$(VENV)/run.ok: pyproject.toml
	@$(ENVIRONMENT)
	@echo "setting up (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev.ok: pyproject.toml
	@$(ENVIRONMENT)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/run.ok

# the tests' Matrix server, apart because it pins what it needs; without it its tests are skipped
$(SYNAPSE)/ok: | $(VENV)/dev.ok
	@$(SYNAPSE)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(SYNAPSE)
	@echo "setting up the tests' Matrix server (once) ..."
	@if $(SYNAPSE)/bin/python -m pip install --quiet --disable-pip-version-check 'matrix-synapse>=1.150'; \
	then touch $@; else echo "it could not be installed: the Matrix tests are skipped"; fi
