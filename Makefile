# The developer's whole manual. Everything lives in .venv; PYTHON chooses the interpreter it is made with (3.11 or newer).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
# Half as many again as there are cores, since tests of times wait: 3 on two, 6 at most.
PROCESSES := $(shell n=$$(nproc 2>/dev/null || echo 2); n=$$((n + n / 2)); [ $$n -gt 6 ] && n=6; echo $$n)

.PHONY: run test system soak lint check fmt docs bench clean

run: $(SETUP)            ## start the gateway with conf/ and the sample function
	@exec $(BIN)/python conf/sample/run.py

test: $(SETUP)           ## run the tests of every day
	$(BIN)/python -m pytest -m 'not long' -n $(PROCESSES) --dist loadfile

system: $(SETUP)         ## run what takes longer, and the tests of whole gateways, killed and changed from outside
	$(BIN)/python -m pytest -m long -n auto --maxprocesses 4 --dist loadfile
	$(BIN)/python -m pytest tests/system -n auto --maxprocesses 4 --dist loadfile

soak: $(SETUP)           ## run the tests that take minutes: reloads, changes, kills and connections without number
	$(BIN)/python -m pytest tests/soak --timeout 600

lint: $(SETUP)           ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test         ## everything that CI asks

fmt: $(SETUP)            ## format the code and mend what the linter can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(SETUP)           ## build the documentation as a site, site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

bench: $(SETUP)          ## compare with nginx and others in one run (needs nginx, wrk and h2load); GROUPS="proxy hello" chooses
	$(BIN)/python -m bench $(GROUPS:%=--group %) $(ARGUMENTS)

clean:                   ## remove what the other targets made
	rm -rf $(VENV) var site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(SETUP): pyproject.toml requirements-dev.txt constraints.txt $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit("Phasegate needs Python 3.11 or newer; try: make PYTHON=python3.12 " + "$(MAKECMDGOALS)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
