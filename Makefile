# Everything that is done with this project, from a clean checkout; `make help` lists it.
#
# Needs Python 3.11-3.13 with venv, and make.  Packages come from wherever this user's pip takes them.
# All paths are relative, so the checkout may lie anywhere, also below a folder with spaces.

PYTHON ?= python3
ARGS ?=
SEEDS ?= 5000
FIRST ?= 0
FULL ?= 100
# Test processes: most tests wait for servers, so that two of them keep a core busy.  The tests of one
# file stay in one process, which has servers of its own; long files come first (tests/conftest.py).
PROCESSES ?= 4
TESTS ?= tests streamer ops

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo dev test test-integrations attack wheel uncompiled manifests dashboards docs docs-blocks datadog image-steps simulation instructions microbench rig bench faults alerts chaos soak drill rotation fuzz guided lint format types sbom scan schemas lock version dist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s  %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv and install the project with every locked package

# The stamp is newer than the lock and the metadata, or the virtual environment is made again: a
# package that has left the lock must not stay.
$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	  sys.exit(None if (3, 11) <= v < (3, 14) else "Python must be 3.11, 3.12 or 3.13, got %d.%d; " \
	  "try: make setup PYTHON=python3.13" % v[:2])'
	$(PYTHON) -m venv --clear $(VENV)
	@echo "installing every locked package, which takes a minute or more"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation --editable .
	@echo "compiling the loops for this processor and for older ones, which takes one to four minutes"
	$(BIN)/python -m streamer.compiled
	@touch $@

demo: $(STAMP) ## see it work: broker, Redis, worker and traffic on this machine (ARGS="--help")
	@$(BIN)/streamer demo $(ARGS)

dev: $(STAMP) ## a stack to play with until Ctrl-C: broker, Redis, two workers, payments, verdicts, rules (ARGS="--help")
	@$(BIN)/streamer dev --rules ops/prometheus $(ARGS)

SPREAD = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
TESTED = $(SPREAD) --cov --cov-branch --cov-report=term-missing

test: $(STAMP) ## run every test and print the branch coverage (ARGS="-k name" PROCESSES=4)
	$(BIN)/python -m pytest $(TESTED) $(ARGS)

test-integrations: $(STAMP) ## check against MLflow, Ray and others, each in its own environment (ARGS="mlflow --within 180")
	@$(BIN)/python -m tests.integrations $(ARGS)

PURELIB = -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))'

# Nothing is left out of the wheel that the product needs, and no test finds the sources instead: it
# runs in a copy of the checkout that has none.  Packages are copied from .venv, which has them by the
# same lock: to install them again took minutes.  What `make setup` compiled is named after what it was
# made from, so that only what differs in the wheel is compiled for it.  Tests that need the machine for
# themselves come last, one after the other; pytest ends with 5 where TESTS has none of them.
wheel: $(STAMP) ## run every test against the wheel as it is built (TESTS="tests/model ops" ARGS= PROCESSES=4)
	rm -rf build/wheel build/venv build/checkout
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --wheel-dir build/wheel .
	$(BIN)/python -m venv --without-pip build/venv
	cp -R "$$($(BIN)/python $(PURELIB))/." "$$(build/venv/bin/python $(PURELIB))"
	build/venv/bin/python -m pip uninstall --quiet --yes --disable-pip-version-check streamer-fraud
	build/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps build/wheel/*.whl
	cp -Rp streamer/__pycache__/compiled \
	  "$$(build/venv/bin/python -I -c 'import streamer; print(streamer.__path__[0])')/__pycache__/"
	build/venv/bin/python -I -m streamer.compiled
	mkdir build/checkout
	git ls-files -z -- . ':!streamer' | tar --create --null --files-from=- | tar --extract --directory=build/checkout
	cd build/checkout && ../venv/bin/python -m pytest $(TESTED) -m "not alone" $(ARGS) --pyargs $(TESTS)
	cd build/checkout && ../venv/bin/python -m pytest -m alone --pyargs $(TESTS) || [ $$? = 5 ]

uncompiled: $(STAMP) ## run tests of the loops on their Python, which takes a minute (ARGS="-k name" PROCESSES=4)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest $(SPREAD) tests/features tests/verdicts $(ARGS)

instructions: $(STAMP) ## count what a payment takes under Valgrind; a tenth more than noted fails (ARGS=--write notes it)
	$(BIN)/python -m load.instructions --check $(ARGS)

# Processor time of the thread, so that others on the machine count for less.
MICRO = -p benchmark --benchmark-only --benchmark-timer=time.thread_time --benchmark-sort=name \
  --benchmark-columns=median,min,max,rounds --benchmark-storage=build/microbench

microbench: $(STAMP) ## measure stages, alerts, answers and checkpoints (ARGS=--benchmark-save=before, ARGS=--benchmark-compare)
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m pytest tests/benchmarks/bench_*.py $(MICRO) $(ARGS)

rig: $(STAMP) ## fetch Apache Kafka (needs Java and Maven) and build Open Policy Agent (needs Go 1.21) for the tests, once
	$(BIN)/python -m tests.rig --fetch

simulation: $(STAMP) ## seeded faults against broker, Redis and clock in memory (SEEDS=5000 FIRST=0 FULL=100)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --full $(FULL) $(ARGS)

# The environments of the peers are made the first time, which takes a minute or two.  Spark is left out:
# it takes as long to start as all others to be measured.
BENCHED = streamer,consume,decode,quix-river,quix-plain,bytewax-river,bytewax-plain,loop-river,loop-plain,faust-event,faust-take,faust-pipeline

bench: $(STAMP) ## the worker beside others that do the same job; needs make rig (ARGS="--broker embedded")
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m load.peers --rounds 3 --payments 300000 --peers $(BENCHED) $(ARGS)

# The commands below need what .ci/install-services installs.
faults: $(STAMP) ## run every fault and print what it costs (ARGS="--only Redis --markdown")
	@$(BIN)/python -m tests.faults $(ARGS)

chaos: $(STAMP) ## kill workers 100 times on Apache Kafka and count (ARGS="--kills 20 --seed 7")
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

alerts: $(STAMP) ## inject every fault that has an alert; print seconds to fire and to end (ARGS="--short")
	@$(BIN)/python -m tests.ops.alerts $(ARGS)

soak: $(STAMP) ## mixed faults for half an hour, memory watched (ARGS="--minutes 120")
	@$(BIN)/python -m tests.faults.soak $(ARGS)

drill: $(STAMP) ## take a version through gate and canary, force a bad one in, see it leave; three minutes
	$(BIN)/python -m tests.drill

rotation: $(STAMP) ## change every secret under traffic, by file and by a rolling restart; a minute and a half (ARGS="--rate 500")
	@$(BIN)/python -m tests.secrets $(ARGS)

attack: $(STAMP) ## try what somebody may try on console, serve and worker; a table (ARGS="--only smuggled --markdown")
	@$(BIN)/python -m tests.attack $(ARGS)

fuzz: $(STAMP) ## 100,000 broken messages through a worker (ARGS="--seed 7")
	@$(BIN)/python -m tests.faults.fuzz $(ARGS)

guided: $(STAMP) ## fuzz the decoder towards branches not yet taken; needs pip install atheris (ARGS="--seconds 600")
	@$(BIN)/python -m tests.faults.guided $(ARGS)

lint: $(STAMP) ## check style and formatting
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

format: $(STAMP) ## put the formatting right
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

types: $(STAMP) ## check the types, strictly
	$(BIN)/python -m mypy

sbom: $(STAMP) ## write build/streamer.cdx.json: every package of the lock, as CycloneDX
	@$(BIN)/python -m tests.ops.supply sbom $(ARGS)

scan: $(STAMP) ## ask PyPI what is known against the locked packages; needs the network
	@$(BIN)/python -m tests.ops.supply scan

schemas: $(STAMP) ## write schemas/ anew from the message types
	$(BIN)/python -m streamer.pages.schema_files

# --universal: one file for every supported Python and platform.  Nothing in the output says where
# the packages came from.
COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-strip-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links

INTEGRATIONS = $(patsubst %/requirements.in,%,$(wildcard ops/site/requirements.in tests/integrations/*/requirements.in load/rivals/requirements.in load/peers/*/requirements.in))

lock: $(STAMP) ## write every lock file anew (ARGS="--upgrade" for newer versions)
	$(COMPILE) $(ARGS) --extra console --extra serve --extra tracing --output-file requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --output-file requirements-dev.lock pyproject.toml
	for folder in $(INTEGRATIONS); do \
	  $(COMPILE) $(ARGS) --output-file $$folder/requirements.lock $$folder/requirements.in || exit; done

manifests: $(STAMP) ## render ops/kubernetes/rendered anew, after a change of its sources; needs Go
	$(BIN)/python -m tests.ops.manifests

datadog: $(STAMP) ## write ops/datadog anew, after a change of metrics or alert rules
	$(BIN)/python -m tests.ops.datadog

image-steps: $(STAMP) ## execute ops/Dockerfile without Docker and start a worker from it (ARGS=python3.13)
	$(BIN)/python -m tests.ops.image_steps $(ARGS)

dashboards: $(STAMP) ## write ops/grafana/dashboards anew, after a change of their source or of the alert rules
	$(BIN)/python -m ops.grafana.source

docs: $(STAMP) ## build the documentation site into build/docs/site; a warning or a dead link fails
	$(BIN)/python -m ops.site $(ARGS)

docs-blocks: $(STAMP) ## run every block of the pages that can run here, against a stack of its own (ARGS="--page README.md")
	$(BIN)/python -m ops.site.run_blocks $(ARGS)

version: $(STAMP) ## print the version, or write another wherever it stands (ARGS=1.0.0)
	@$(BIN)/python -m ops.release.version_places $(ARGS)

dist: $(STAMP) ## write the sdist and the wheel to dist/, from what git keeps track of; the same bytes each time
	@$(BIN)/python -m ops.release.distributions $(ARGS)

clean: ## remove .venv, caches and build output
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
