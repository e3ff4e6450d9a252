# Two commands see to everything: `make run` and `make test`.  `make help` lists the rest.
# Needed: git, make, Python 3.11 or later.  Another Python: make run PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
OWN_UV := .cache/tools/bin/uv
# uv of the machine where there is one that works (a shim without a uv behind it does not), else our own copy.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(OWN_UV))
# dvc starts `python`: it must be the one of .venv.
IN_VENV := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

# Threads that wait for each other sleep instead of spinning: with another job on the same cores, spinning is ten
# times slower.  pipeline/stage.py sets the same for `dvc repro` typed by hand.
export OMP_WAIT_POLICY ?= PASSIVE
export DVC_NO_ANALYTICS := 1

.PHONY: help run test slow lint bench-front bench-pairs bench-captions bench-saliency bench-graph bench-scale lock install clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(INSTALLED) ## install what is missing, then run every stage that is out of date (dvc repro)
	$(IN_VENV) dvc repro

test: $(INSTALLED) ## install what is missing, then run the quick tests: offline, on a CPU
	$(IN_VENV) python -m pytest -m "not slow"

slow: $(INSTALLED) ## the tests that take minutes
	$(IN_VENV) python -m pytest -m slow

lint: $(INSTALLED) ## ruff (rules and format) and spelling
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(IN_VENV) codespell

bench-front: $(INSTALLED) ## what a second of inversion buys, for every way to invert
	$(IN_VENV) python -m tests.bench_front

bench-pairs: $(INSTALLED) ## pairs of images and texts that ViLT scores in a second, ours against a plain loop
	$(IN_VENV) python -m tests.bench_pairs

bench-captions: $(INSTALLED) ## captions that CoCa writes in a second, ours against a plain loop
	$(IN_VENV) python -m tests.bench_captions

bench-saliency: $(INSTALLED) ## saliency maps in a second, ours against one image after the other through the whole network
	$(IN_VENV) python -m tests.bench_saliency

bench-graph: $(INSTALLED) ## what the graph itself costs: pipeline run and status beside dvc repro, 50 to 400 items
	$(IN_VENV) python -m tests.bench_graph

bench-scale: $(INSTALLED) ## what a concept costs where 1, 10, 100 and 1000 are taught in one run, and one more
	$(IN_VENV) python -m tests.bench_scale

lock: $(filter-out uv,$(UV)) ## write requirements.lock anew from pyproject.toml
	$(UV) pip compile --universal --generate-hashes --extra dev --upgrade \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock pyproject.toml

install: $(INSTALLED) ## .venv with exactly what requirements.lock names

clean: ## remove .venv and .cache; data and DVC's cache stay
	rm -rf $(VENV) .cache

# Runs again only when the lock has changed.  Every stage is a process of its own: where Python may not keep bytecode
# (PYTHONDONTWRITEBYTECODE, as in many containers) each would compile torch anew, for longer than most stages work.
$(INSTALLED): requirements.lock | $(filter-out uv,$(UV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: needs Python 3.11 or later, but $(PYTHON) is `$(PYTHON) --version 2>&1`; name another: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(VENV)/bin/python || { rm -rf $(VENV) && $(UV) venv --quiet --python "$(PYTHON)" $(VENV); }
	$(UV) pip sync --compile-bytecode --python $(VENV)/bin/python --require-hashes requirements.lock
	@touch $@

# A private uv.  A Python without the venv module (as some systems split it off) gets it by pip alone.
$(OWN_UV):
	@echo "make: no uv on this machine; installing one into .cache/tools"
	@rm -rf .cache/tools
	@{ $(PYTHON) -m venv .cache/tools && .cache/tools/bin/python -m pip install --quiet "uv>=0.5"; } \
	  || { rm -rf .cache/tools && $(PYTHON) -m pip install --quiet --target .cache/tools "uv>=0.5"; } \
	  || { echo "make: could not install uv; install it yourself (https://docs.astral.sh/uv) and try again" >&2; exit 1; }
