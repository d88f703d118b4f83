# Aftercare. `make` alone lists what there is.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
TESTS := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
# The tests start our programs some hundred times: what Python has compiled is kept, whoever says not to.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo test check soak look bench fix lock words serve worker clean

help:  ## This list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: .venv/ready  ## The demo clinic, complete, on http://127.0.0.1:$(PORT) (Ctrl-C ends it)
	@exec $(BIN)/flask demo --port $(PORT)

test: .venv/ready  ## All tests
	$(TESTS)

check: .venv/ready  ## The gate: format, lint, types, layers, tests (migrations among them)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@mkdir -p .test
	@# One core is enough for mypy, and the tests seldom want both: it works beside them and speaks after.
	@echo "$(BIN)/mypy & $(TESTS)"; \
	$(BIN)/mypy >.test/types 2>&1 & types=$$!; \
	$(TESTS); tests=$$?; \
	wait $$types; types=$$?; \
	echo "mypy:"; cat .test/types; \
	exit $$((tests || types))

soak: .venv/ready  ## The full figures of attacks, races, model and kills (hours); prints their table
	@mkdir -p .test && rm -f .test/figures
	AFTERCARE_SOAK=1 AFTERCARE_FIGURES=.test/figures $(BIN)/pytest -n 2 --dist worksteal \
		tests/attacks tests/races tests/model tests/kills \
		tests/payments/test_webhook_orders.py tests/payments/test_answers.py tests/payments/test_cents.py
	$(MAKE) look
	@$(BIN)/python -m tests.figures .test/figures

look: .venv/ready  ## Every page of every role in Chromium, both widths and themes: axe, and .test/screens
	@rm -rf .test/screens
	AFTERCARE_LOOK=1 $(BIN)/pytest tests/browser

bench: .venv/ready  ## What the hot roads cost, against their floors (a quiet machine, about ten minutes)
	$(BIN)/python -m benchmarks

fix: .venv/ready  ## Format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/ready  ## Pin the dependencies again (needs uv)
	uv pip compile pyproject.toml --extra demo --extra dev --universal --generate-hashes \
		--no-annotate --no-header --output-file requirements.lock

words: .venv/ready  ## Gather what is to be translated, and compile the translations
	$(BIN)/pybabel -q extract --no-location --sort-output --omit-header -F babel.cfg -o shop/translations/messages.pot shop
	$(BIN)/pybabel -q update --no-fuzzy-matching --no-wrap --ignore-pot-creation-date --ignore-obsolete -l es -i shop/translations/messages.pot -d shop/translations
	$(BIN)/pybabel -q compile -d shop/translations

serve: .venv/ready  ## The web server, as in production (settings from the environment)
	$(BIN)/granian --interface wsgi --host 127.0.0.1 --port $(PORT) --workers 2 \
		--respawn-failed-workers wsgi:app

worker: .venv/ready  ## The job worker, as in production
	$(BIN)/flask worker

clean:  ## Forget the demo clinic and the virtual environment
	rm -rf .demo .test .venv

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Aftercare needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
