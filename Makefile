# `make demo` and `make test` do everything, the environment included; both may be called again at little cost.
PYTHON ?= python3
VENV ?= .venv
# Real recordings, for the tests and the demo that use them: a folder with the archives that data/README.md names.
export ZOO_DATA ?= $(abspath $(wildcard ../shared/data))
BIN := $(VENV)/bin

.PHONY: demo test quick lint readme compare notebooks clean

demo: $(VENV)/ready-demo
	$(BIN)/zoo demo $(if $(WAV),"$(WAV)") --picture demo.png

test: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: $(VENV)/ready-test
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The figures in README.md come from the models' cards and from data/results, its pictures from the demo and the models.
readme: $(VENV)/ready-test
	$(BIN)/python data/write_readme.py
	$(BIN)/zoo demo --picture docs/demo.png
	$(BIN)/zoo reconstruct data/samples/seven.wav --plot docs/reconstruction.png
	$(BIN)/zoo map vae --data fsdd --plot docs/map.png
	$(BIN)/python scripts/take_screenshots.py docs

# Every notebook is run from top to bottom and keeps what it printed; with ZOO_FAST=1 trainings are short and nothing is kept.
notebooks: $(VENV)/ready-test
	$(BIN)/python notebooks/run.py $(NOTEBOOKS)

# The classifiers side by side; on an idle machine, for it takes their times.
compare: $(VENV)/ready-test
	$(BIN)/zoo compare --plot docs/comparison.png --out data/results/compare.json

clean:
	rm -rf $(VENV) build dist *.egg-info demo.png

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 10) <= v[:2] <= (3, 13) and \
	  f"speech-zoo needs Python 3.10 to 3.13; {sys.executable} is {v[0]}.{v[1]} (say which with make PYTHON=python3.12).")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "A virtual environment could not be made: install Python's venv module (package python3-venv)." >&2; exit 1; }

$(VENV)/ready-demo: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/ready-test: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,jax,export,baselines,notebooks,demo]'
	@touch $@ $(VENV)/ready-demo
