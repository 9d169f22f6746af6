.PHONY: venv demo test lint bench clean
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

venv: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --upgrade uv
	@$(VENV)/bin/uv pip install --python $(VENV)/bin/python --editable '.[dev]'
	@touch $@
