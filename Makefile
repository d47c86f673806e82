# Two commands for a stranger: `make demo` and `make test`. `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Files of tests that run side by side; the whole check is made for two cores.
JOBS ?= 2
FLOOR := consent policy gate identity pseudonym audit keys

.DEFAULT_GOAL := help
help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/ready ## do the main job on real input, through the front door
	rm -rf demo-data demo-keys
	$(BIN)/cdp demo --data demo-data --keys demo-keys/ring.json

test: $(VENV)/ready ## run the tests
	$(BIN)/pytest -n $(JOBS) --dist loadfile

check: lint types contracts dependencies coverage ## what CI runs, all of it

lint: $(VENV)/ready ## format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/ready ## strict types
	$(BIN)/mypy

contracts: $(VENV)/ready ## imports point down only
	$(BIN)/lint-imports --no-logo

dependencies: $(VENV)/ready ## what is imported is declared, and the reverse
	$(BIN)/deptry .

coverage: $(VENV)/ready ## the tests, with the floor of seven rooms
	$(BIN)/pytest -n $(JOBS) --dist loadfile --cov=cdp --cov-branch --cov-report=
	$(BIN)/coverage report
	@for room in $(FLOOR); do \
	  $(BIN)/coverage report --include="cdp/$$room/*" --fail-under=90 >.build/$$room.txt \
	    || { cat .build/$$room.txt; echo "coverage of $$room is below 90 %"; exit 1; }; \
	done

laws: $(VENV)/ready ## the property tests at random and for longer
	$(BIN)/pytest --hypothesis-profile laws

TARGET ?= all
SECONDS ?= 60
fuzz: $(VENV)/bench ## bytes at the decoders of consent (TARGET=tcf SECONDS=60)
	$(BIN)/python scripts/fuzz_decoders.py $(TARGET) --seconds $(SECONDS)

sizes: $(VENV)/ready ## questions for review, never a failure
	$(BIN)/ruff check --exit-zero --select C901,PLR0911,PLR0912,PLR0913,PLR0915,PLR0917 cdp
	find cdp -name '*.py' | xargs wc -l | awk '$$1 > 400 && $$2 != "total"'

lock: ## write all locks anew (needs uv)
	uv pip compile --universal --python-version 3.11 --extra segments \
	  --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --all-extras --group dev \
	  --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --group pyproject.toml:bench --group pyproject.toml:fuzz \
	  --generate-hashes --no-emit-index-url --no-header -o requirements-bench.lock

$(VENV)/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@mkdir -p .build
	@touch $@

# What `cdp bench consent` and `make fuzz` need beside it; one of them is built here.
$(VENV)/bench: $(VENV)/ready requirements-bench.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

clean: ## remove what was made here
	rm -rf $(VENV) .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.PHONY: help demo test check lint types contracts dependencies coverage laws fuzz sizes lock clean
