.PHONY: venv demo test bench lint clean
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

venv: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --upgrade uv
	@$(VENV)/bin/uv pip install --compile-bytecode --python $(VENV)/bin/python --editable '.[dev]'
	@touch $@

# The demo: everything fetched, started and asked. ONCE=1 ends after the answers.
demo: venv
	@$(VENV)/bin/nlq demo $(if $(ONCE),--once)

# All tests, on the real Elasticsearch and the real model; the first run downloads them.
test: venv
	@$(VENV)/bin/nlq models fetch
	@$(VENV)/bin/python -m pytest

# The first five of benchmarks/README.md, on this machine's own model and Elasticsearch; hours on a CPU.
bench: venv
	@$(VENV)/bin/nlq models fetch
	@$(VENV)/bin/nlq elastic start
	@set -e; for name in speed_samples grammar_overhead stages growth; do \
		$(VENV)/bin/python benchmarks/$$name.py --out benchmarks/results; done
	@$(VENV)/bin/python benchmarks/examples_scale.py

lint: venv
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
