# `make up` starts Atelier, `make test` runs everything that is tested; both install what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The oldest and the newest release of Azure's SDK that the tests run.
AZURE := 1.11.1 1.35.2
ARGS ?=

.PHONY: up test lint format bench bench-tracking bench-charts bench-serving clean lock

# Where bytecode may not be kept, each start would compile the server for seconds.
up: $(VENV)/.server .environments/.curated
	@PYTHONDONTWRITEBYTECODE= $(BIN)/atelier up $(ARGS)

# Four at a time on two processors: the live tests mostly wait.
test: $(VENV)/.dev .environments/.curated $(AZURE:%=.environments/azure-ai-ml-%/.ready)
	@ATELIER_TEST_ENVIRONMENT="$$(cat .environments/.curated)" $(BIN)/pytest -n 4 --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.dev .environments/.curated
	@$(BIN)/python bench/launch.py
	@$(BIN)/python bench/pipeline.py
	@$(BIN)/python bench/sweep.py

bench-tracking: $(VENV)/.dev .environments/.curated
	@$(BIN)/python bench/tracking.py $(OPTIONS)

bench-charts: $(VENV)/.dev
	@$(BIN)/python bench/charts.py

bench-serving: $(VENV)/.dev .environments/.curated .environments/bench-serving/.ready .environments/bench-bentoml/.ready
	@$(BIN)/python bench/serving.py $(OPTIONS)

.environments/bench-%/.ready: requirements/bench-%.lock | $(VENV)/.dev
	@echo "Installing what the benchmark serves beside Atelier ($*) …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/python bench/install.py $(@D)/bin/python $<
	@touch $@

# The lock is made on one machine and holds for every platform.
lock: $(VENV)/.dev
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras pyproject.toml -o requirements/dev.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra s3 pyproject.toml -c requirements/dev.lock -o requirements/server.lock

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Atelier needs Python 3.11 or newer; $(PYTHON) is older. Name another: make up PYTHON=python3.12"; exit 1; }
	@echo "Making the server's environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/server.lock)"

$(VENV)/.server: requirements/server.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Installing the server …"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements/server.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.server
	@echo "Installing what the tests need …"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements/dev.lock
	@touch $@

.environments/.curated: environments/curated/requirements.txt $(VENV)/.server
	@mkdir -p .environments
	@$(BIN)/atelier environment build --print-python > $@.new
	@mv $@.new $@

.environments/azure-ai-ml-%/.ready: requirements/azure-ai-ml-%.lock | $(VENV)/.dev
	@echo "Installing azure-ai-ml $* for the tests …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(@D)/bin/python -r $<
	@touch $@

clean:
	@rm -rf $(VENV) .environments
