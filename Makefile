# Every target does the set-up that it needs. `make` alone lists them.

VENV := .venv
BIN := $(VENV)/bin
# LiteRT's converter wants other versions than pyjsml does.
BENCH_VENV := .venv-bench
SETUP := $(VENV)/.installed node_modules/.installed js/dist/pyjsml.script.js $(VENV)/.browser
JS_SOURCES := $(shell find js -type f -not -path '*/node_modules/*' -not -path 'js/dist/*' \
  -not -path 'js/test/*' 2>/dev/null)
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup build demo serve test bench bench-dispatch bench-quick quick lint format wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(SETUP) ## Virtual environment, npm packages, the runtime's build, a browser

build: js/dist/pyjsml.script.js ## Build the JavaScript runtime

demo: setup ## Train a digit classifier, bundle it, run it, check it in a browser
	@$(BIN)/pyjsml demo -o build/digits

serve: setup ## The same, then a page to draw digits on
	@$(BIN)/pyjsml demo -o build/digits --serve

test: setup lint ## Everything: what continuous integration runs
	npm test --workspace js
	$(PYTEST)
	$(BIN)/python -m tests.bench --quick

bench: setup $(BENCH_VENV)/.installed ## Race other runtimes; write docs/speed.md (BENCH="resnet18 mlp" picks)
	@$(BIN)/python -m tests.bench $(BENCH) $(BENCH_OPTIONS)

bench-dispatch: setup ## Measure what hooks cost; write docs/dispatch.md
	@$(BIN)/python -m tests.bench.dispatch $(BENCH_OPTIONS)

bench-quick: setup ## Race two small models against ONNX Runtime Web, for a look
	@$(BIN)/python -m tests.bench --quick

quick: setup ## What to run before each commit: under two minutes
	$(BIN)/ruff check .
	$(BIN)/mypy
	npm test --workspace js
	$(PYTEST) -m "not slow" tests/unit

lint: setup ## Style, formatting, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run lint

format: setup ## Rewrite the sources in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run format

wheel: build ## Build the wheel and the source distribution into dist/
	$(BIN)/python -m build

clean: ## Remove everything that set-up and builds have made
	rm -rf $(VENV) $(BENCH_VENV) node_modules js/node_modules js/dist dist build .build

# A stamp is newer than what it was made from, so a second run does nothing.
$(VENV)/.installed: pyproject.toml scripts/setup-python
	@scripts/setup-python $(VENV)
	@touch $@

$(BENCH_VENV)/.installed: scripts/setup-bench
	@scripts/setup-bench $(BENCH_VENV)
	@touch $@

node_modules/.installed: package.json js/package.json package-lock.json scripts/setup-node
	@scripts/setup-node
	@touch $@

js/dist/pyjsml.script.js: $(JS_SOURCES) node_modules/.installed
	npm run build --workspace js
	@touch $@

# Without a browser only the browser checks are left out, so this never fails.
$(VENV)/.browser: $(VENV)/.installed scripts/setup-browser
	@scripts/setup-browser $(VENV)
	@touch $@
