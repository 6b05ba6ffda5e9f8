# `make demo` runs the main job, `make test` all checks; both set up what they need. Only Python 3.11+ has to be there.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/ready
CLIENTS := .clients
JOBS    ?= auto
PIP     := -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: demo test test-live check lint types imports unit infra bench lock clean setup clients

setup: $(READY)

# pip and not a faster tool: it is there, and it knows the mirrors that a machine is set up for. The lock file is complete,
# so nothing needs resolving.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Modelward needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python $(PIP) --require-hashes -r requirements.lock
	$(BIN)/python $(PIP) --no-build-isolation --editable .
	touch $@

# The AWS CLI, the SageMaker SDK, DVC with GTO and the CDK's command line, for tests/clients, and checkov, for
# tests/infra: each as its users have it, apart from ours and from each other, since their versions exclude each other.
clients: $(foreach client,awscli sagemaker dvc checkov cdk,$(CLIENTS)/$(client)/ready)

$(CLIENTS)/%/ready: tests/clients/%.lock | $(READY)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) --no-compile --require-hashes -r $<
	touch $@

$(CLIENTS)/cdk/ready: tests/clients/package.json tests/clients/package-lock.json | $(READY)
	mkdir -p $(@D)
	cp $^ $(@D)
	$(BIN)/npm --prefix $(@D) ci --silent --ignore-scripts --no-audit --no-fund
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

unit: $(READY) clients
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The behaviour that docs/fidelity.md tells of, in your own AWS account; ARGS="--live-endpoints", for instance.
test-live: $(READY)
	$(BIN)/python -m pytest --live tests/fidelity $(ARGS)

bench: $(READY)
	$(BIN)/python -m bench

# Versions, with hashes and without addresses; from the newest that pyproject.toml allows.
COMPILE := -m uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate
lock: $(READY)
	$(BIN)/python $(COMPILE) --extra demo --extra serving --group dev pyproject.toml --output-file requirements.lock
	$(BIN)/python $(COMPILE) tests/clients/awscli.in --output-file tests/clients/awscli.lock
	$(BIN)/python $(COMPILE) tests/clients/sagemaker.in --excludes tests/clients/sagemaker.out \
	  --output-file tests/clients/sagemaker.lock
	$(BIN)/python $(COMPILE) tests/clients/dvc.in --output-file tests/clients/dvc.lock
	$(BIN)/python $(COMPILE) tests/clients/checkov.in --output-file tests/clients/checkov.lock
	cd tests/clients && $(abspath $(BIN))/npm install --silent --package-lock-only --omit-lockfile-registry-resolved

clean:
	rm -rf $(VENV) $(CLIENTS) build dist cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
