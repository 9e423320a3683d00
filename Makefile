# Two commands matter: `make run` and `make test`. Both install what they need; `make help`
# lists the others.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
QUICK_STAMP := $(VENV)/.installed-quick
DEV_STAMP := $(VENV)/.installed-dev
CLAUDE := tests/e2e/node_modules/.bin/claude
# Tests run side by side, one process a core. JOBS=0 runs them in one process (for a debugger).
JOBS ?= auto
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal

.PHONY: help quick run test check format install clean soak bench growth session docs screenshots demo fuzz templates bench-templates lock bench-first-token bench-against

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*##[ ]*(.*)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r name words; do printf '%-20s %s\n' "$$name" "$$words"; done

run: $(STAMP)  ## the dashboard
	$(BIN)/anyclaude-tui $(ARGS)

install: $(STAMP)  ## what the dashboard needs, into .venv

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What requirements/*.txt lock, by its hash, and nothing else; then the project itself, which has
# none, built with what is there by now.
LOCKED := $(BIN)/python -m pip install --quiet --require-hashes --requirement
OURSELVES := $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .

$(STAMP): pyproject.toml requirements/run.txt requirements/llama.txt | $(BIN)/python
	$(LOCKED) requirements/run.txt
	@$(LOCKED) requirements/llama.txt || echo "The wheel of llama.cpp is not for this system."
	$(OURSELVES)
	@touch $@

$(QUICK_STAMP): requirements/quick.txt $(STAMP)
	$(LOCKED) requirements/quick.txt
	@touch $@

$(DEV_STAMP): requirements/test.txt $(STAMP)
	$(LOCKED) requirements/test.txt
	@touch $@

# For every Python and system that pyproject.toml names. The three have the same versions.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --upgrade pyproject.toml --group build

lock: | $(BIN)/python  ## requirements/*.txt and the lock of npm, anew: the newest that fit
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --group dev --extra mlx --extra llama --output-file requirements/test.txt
	$(LOCK) --group dev --constraints requirements/test.txt --output-file requirements/quick.txt
	$(LOCK) --constraints requirements/test.txt --output-file requirements/run.txt
	grep -A 99 '^xllamacpp==' requirements/test.txt | sed '2,$${/^[^ ]/,$$d;}' > requirements/llama.txt
	npm install --prefix tests/e2e --package-lock-only --no-audit --no-fund --loglevel=error

# The real Claude Code, for the end-to-end tests only; it stays in the working tree.
$(CLAUDE): tests/e2e/package-lock.json
	npm ci --prefix tests/e2e --no-audit --no-fund --loglevel=error
	@touch $@

check: $(DEV_STAMP)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(DEV_STAMP) $(CLAUDE) check  ## everything, end-to-end tests too
	$(PYTEST) $(ARGS)

quick: $(QUICK_STAMP)  ## some tests, without mlx, npm and type check: make quick ARGS=tests/proxy
	$(PYTEST) -m "not e2e" $(ARGS)

format: $(DEV_STAMP)  ## lint fixes and formatting, written
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## removes what was installed and cached here
	rm -rf $(VENV) tests/e2e/node_modules .mypy_cache .ruff_cache .pytest_cache

docs: $(DEV_STAMP)  ## docs/configuration.md, from the settings themselves
	$(BIN)/python -m tools.config_docs
	$(BIN)/python -m tools.tables

screenshots: $(DEV_STAMP)  ## screenshots/*.svg and *.png, from scripted sessions
	$(BIN)/python -m tools.screenshots $(ARGS)

demo: $(DEV_STAMP) $(CLAUDE)  ## screenshots/demo.svg, the moving picture of the README
	$(BIN)/python -m tools.demo

soak: $(DEV_STAMP)  ## thousands of streams with faults; memory under a flood; fifty switches
	ANYCLAUDE_SWITCHES=50 $(PYTEST) tests/session/test_switching.py
	$(BIN)/python -m benchmarks.soak

bench: $(DEV_STAMP)  ## start-up times; what the proxy adds, beside a byte relay
	$(BIN)/python -m benchmarks.bench $(ARGS)

bench-first-token: $(DEV_STAMP) $(CLAUDE)  ## time to the first token, an older commit and now in turns
	$(BIN)/python -m benchmarks.first_token $(ARGS)

bench-against: $(DEV_STAMP)  ## this commit and another in turns, as ratios: make bench-against REV=main~20
	$(BIN)/python -m benchmarks.against $(REV) $(ARGS)

growth: $(DEV_STAMP)  ## how cost grows with prompt, history, streams and session
	$(BIN)/python -m benchmarks.growth $(ARGS)

session: $(DEV_STAMP)  ## 5,000 requests with the dashboard open: memory and CPU
	$(BIN)/python -m benchmarks.session $(ARGS)

fuzz: $(DEV_STAMP)  ## streams through the translator, settings files, 10 MB each way and the whole grid in the pane
	$(BIN)/python -m tests.config.fuzz_projects --seconds 60
	$(BIN)/python -m tests.proxy.fuzz_http --count 3000 --seconds 300
	ANYCLAUDE_RUN=1000000 $(PYTEST) --timeout 1800 tests/test_patterns.py
	$(BIN)/python -m tests.terminal.fuzz 10
	ANYCLAUDE_GRID=whole $(PYTEST) --timeout 1800 tests/terminal/test_grid.py
	HYPOTHESIS_PROFILE=search $(PYTEST) --timeout 1800 tests/proxy/request/test_properties.py tests/proxy/reply/test_properties.py
	$(BIN)/python -m tests.proxy.fuzz_streams --seconds 600

bench-templates: $(DEV_STAMP)  ## a new prompt behind a tool loop, by chat template, on mlx_lm and llama.cpp
	$(BIN)/python -m benchmarks.templates $(ARGS)

templates: $(DEV_STAMP)  ## chat templates in the wild: which take our requests whole (downloads)
	$(BIN)/python -m tools.templates
