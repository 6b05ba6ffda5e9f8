# `make demo` runs the main job, `make test` all checks; both set up what they need. Only Python 3.11+ has to be there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
JOBS   ?= auto

.PHONY: demo test test-live check lint types imports unit infra bench lock clean setup

setup: $(READY)

# pip and not a faster tool: it is there, and it knows the mirrors that a machine is set up for. The lock file is complete,
# so nothing needs resolving.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Modelward needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)
	$(BIN)/modelward demo

test: lint types imports unit

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports --no-cache

unit: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The behaviour that docs/fidelity.md tells of, in your own AWS account; ARGS="--live-endpoints", for instance.
test-live: $(READY)
	$(BIN)/python -m pytest --live tests/fidelity $(ARGS)

bench: $(READY)
	$(BIN)/python -m bench

# Versions, with hashes and without addresses; from the newest that pyproject.toml allows.
lock: $(READY)
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-header \
	  --no-annotate --extra demo --extra serving --group dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
