# Each of these sets up what it needs in .venv, the first time; then it only runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA := $(or $(CLEW_DATA),$(if $(wildcard ../shared/data),../shared/data))
SETS ?= locomo multihop madial beam factconsolidation longmemeval
PEERS ?= chroma langgraph_store mem0_store
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export FILE ASK

.PHONY: audit client pictures demo test check soak bench table docs models minilm llm readme clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clew needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.arena: pyproject.toml $(VENV)/.dev
	$(BIN)/pip install --quiet -e '.[dev,peers]'
	@touch $@

# What Clew promises, tried on a week of an agent and its people. ASK='...' asks a question, FILE=... adds a file.
demo: $(VENV)/.run
	@$(BIN)/clew demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 -m 'not soak'

# Formatting, types, and the rules of the house.
check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -p no:xdist tests/test_house.py

# The long runs: 500 kills of the store and of the worker, the large Hypothesis profile.
soak: $(VENV)/.dev
	CLEW_SOAK=1 $(BIN)/python -m pytest -p no:xdist -m soak -s
	CLEW_SOAK=1 $(BIN)/python -m pytest -n 2 tests/test_properties.py

# Speed and size beside mem0, Chroma and the LangGraph store; ARGS='--sizes 10000' for a short one.
bench: $(VENV)/.arena
	$(BIN)/python -m benchmarks.run $(ARGS)

# The table: every recipe, the controls and the peers on the reporting half of each set below CLEW_DATA (or ../shared/data).
# It goes on where it was cut off. Recipes that ask a model ask one that is no LLM; any other by MODEL=openai:NAME URL=http://...,
# whose answers are kept in out/answers: a second run costs nothing. SMALL=40,4 takes as many events and questions of each case.
table: $(VENV)/.arena
	for set in $(SETS); do CLEW_DATA=$(DATA) $(BIN)/clew arena run $$set --half reporting --recipe all --out out/arena \
	  $(if $(MODEL),--model $(MODEL) --base-url '$(URL)' --reader $(MODEL) --keep out/answers,$(PEERS:%=--peer %)) $(if $(SMALL),--small $(SMALL)) $(ARGS) || exit 1; done
	$(BIN)/clew arena report out/arena

# Known vulnerabilities of what is installed; needs the network's database of advisories. ARGS=--strict fails without it.
audit: $(VENV)/.dev
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/python tools/audit.py $(ARGS)

# The TypeScript client, built and tried against a real service; tests/test_client_ts.py then runs it too.
client: $(VENV)/.dev
	cd packages/clew-client-ts && npm ci && npm run build && PYTHON=$(CURDIR)/$(BIN)/python npm test

# The inspector's pictures in docs/img, taken anew in a real Chromium.
pictures: $(VENV)/.dev
	$(BIN)/python tools/inspector_pictures.py

docs: $(VENV)/.dev
	$(BIN)/pip install --quiet mkdocs
	$(BIN)/mkdocs build --strict --site-dir out/docs

# The default embedder's table and the ranker's weights, made again from verified sources.
models: $(VENV)/.dev
	CLEW_DATA=$(DATA) $(BIN)/python tools/build_static.py
	$(BIN)/python tools/build_kin.py
	CLEW_DATA=$(DATA) $(BIN)/python tools/train_ranker.py

# The better English embedder of the extra [onnx]: built from the verified weights and installed from this checkout.
minilm: $(VENV)/.dev
	$(BIN)/pip install --quiet onnx onnxruntime
	$(BIN)/python tools/build_minilm.py
	$(BIN)/pip install --quiet ./packages/clew-minilm

# The recipes that ask a model, end to end with a real small one behind a real OpenAI-compatible endpoint on this machine.
llm: $(VENV)/.dev
	$(BIN)/pip install --quiet -e '.[dev,llm]' xllamacpp
	$(BIN)/python tools/fetch_test_models.py
	$(BIN)/python -m pytest -p no:xdist tests/test_openai.py tests/test_local_llm.py

# The demonstration's output in the README, taken anew, and the tables from benchmarks/results.
readme: $(VENV)/.run
	@$(BIN)/python .ci/readme.py
	@$(BIN)/python -m benchmarks.readme

clean:
	rm -rf $(VENV) out build dist
