# `make demo` and `make test` do everything, the environment included; both may be called again at little cost.
PYTHON ?= python3
VENV ?= .venv
# Real recordings, for the tests and the demo that use them: a folder with the archives that data/README.md names.
export ZOO_DATA ?= $(abspath $(wildcard ../shared/data))
BIN := $(VENV)/bin
# Two processes: each holds TensorFlow and a model or two.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: demo test test-slow test-all fuzz lint notebooks student results docs address wheelhouse clean

demo: $(VENV)/ready-demo
	$(BIN)/zoo transcribe $(if $(WAV),"$(WAV)",data/samples/woman-us.wav) --plot demo.png

# At most 4 minutes on two idle cores; no recordings, no network, no browser.
test: $(VENV)/ready-test
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/ready-test
	$(PYTEST) -m slow

# Everything, the linter too: at most 15 minutes. The slow tests follow the fast ones, which are not run twice.
test-all: lint test test-slow

# 100,000 mutated recordings in child processes, in two hours; stopped, it goes on where it was.
fuzz: $(VENV)/ready-test
	$(BIN)/python tests/fuzz.py --out runs/fuzz.json

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/check_words.py

# Every notebook is run from top to bottom and keeps what it printed; with ZOO_FAST=1 trainings are short and nothing is kept.
notebooks: $(VENV)/ready-test
	$(BIN)/python scripts/run_notebooks.py $(NOTEBOOKS)

# The student edition of the notebooks, without solutions and with cells to fill in, from the teachers' (nbgrader's format).
student: $(VENV)/ready-test
	$(BIN)/python scripts/student.py

# The tables of docs/results.md come from the models' cards and data/results/, the pictures from the demo and the models.
results: $(VENV)/ready-test
	$(BIN)/python scripts/write_results.py
	$(BIN)/python scripts/write_readme.py
	$(BIN)/zoo transcribe data/samples/woman-us.wav --plot docs/demo.png
	$(BIN)/zoo reconstruct data/samples/seven.wav --plot docs/reconstruction.png
	$(BIN)/zoo map vae --data fsdd --plot docs/map.png
	$(BIN)/python -c "import json; from experiments.compare import draw; draw(json.load(open('data/results/compare.json')), 'docs/comparison.png')"
	$(BIN)/python scripts/take_screenshots.py docs
	$(BIN)/python scripts/take_screenshots.py docs web

# The documentation site, into site/, without a network. A warning, such as that of a link that leads nowhere, is an error.
docs: $(VENV)/ready-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is at site/index.html; $(BIN)/mkdocs serve shows it while you write."

# Writes the repository's address wherever it appears: make address URL=https://github.com/ACCOUNT/NAME
address: $(VENV)/ready-test
	$(BIN)/python scripts/write_readme.py --address "$(URL)"

# A folder from which `pip install --no-index --find-links wheelhouse "speech-zoo[demo,notebooks]"` works without internet.
wheelhouse: $(VENV)/bin/python
	$(BIN)/pip wheel --quiet --disable-pip-version-check -c constraints.txt -w wheelhouse '.[demo,notebooks]'
	@du -sh wheelhouse

clean:
	rm -rf $(VENV) build dist site wheelhouse *.egg-info demo.png

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 10) <= v[:2] <= (3, 13) and \
	  f"speech-zoo needs Python 3.10 to 3.13; {sys.executable} is {v[0]}.{v[1]} (say which with make PYTHON=python3.12).")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "A virtual environment could not be made: install Python's venv module (package python3-venv)." >&2; exit 1; }

$(VENV)/ready-demo: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/ready-docs: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/ready-demo

$(VENV)/ready-test: setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,jax,export,baselines,notebooks,demo,docs,serve,tune]'
	@touch $@ $(VENV)/ready-demo
