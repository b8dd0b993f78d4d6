PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

DATA ?= data
HOURS ?= 2

TIMES ?= 10
SECONDS_OF_FUZZING ?= 300

.PHONY: demo test slow fuzz fuzz-readers coverage lint docs results-check results packages newest experiments
.PHONY: clean

demo: $(VENV)/.installed
	$(BIN)/jaxad run digits autoencoder deep_svdd deep_sad

# Two processes: each holds some thousand compiled programs.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal $(PYTEST_ARGS)

# pytest exits with 5 where no test is marked slow.
slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow -n 2 --dist worksteal $(PYTEST_ARGS) || [ $$? -eq 5 ]

# The property tests with new seeds, and TIMES as many examples as in `make test`.
fuzz: $(VENV)/.installed-test
	FUZZ=$(TIMES) $(BIN)/python -m pytest -m "hypothesis and not slow" $(PYTEST_ARGS)

# Coverage-guided fuzzing of the readers of files for so many seconds.
fuzz-readers: $(VENV)/.installed-fuzz
	$(BIN)/python tests/fuzz/readers.py $(SECONDS_OF_FUZZING)

# What `make test` and `make slow` measured with PYTEST_ARGS="--cov --cov-append --cov-report=".
coverage: $(VENV)/.installed-test
	$(BIN)/python -m coverage report

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Whether the present code would give the committed results of the experiments again.
results-check: $(VENV)/.installed
	$(BIN)/python experiments/results.py check --jobs 2

# Run the experiments whose results are stale or missing, for so many hours, on the data in DATA.
results: $(VENV)/.installed
	$(BIN)/python experiments/results.py run --hours $(HOURS) --data-dir $(DATA) $(RESULTS_ARGS)

# The wheel in clean environments, with each extra alone and with all; for other versions of Python
# see the file. It takes a package index and half an hour.
packages: $(VENV)/.installed
	$(BIN)/python tests/packaging/install.py

# The wheel with the newest allowed releases on the newest Python of this machine.
newest: $(VENV)/.installed
	$(BIN)/python tests/packaging/newest.py

# The quick size of every experiment, on the data in the folder DATA. Each goes on where it stopped.
# One that fails doesn't stop the others; the last lines say how each of them ended.
experiments: $(VENV)/.installed
	@failed=0; summary=; \
	for file in experiments/*/*.toml; do \
	  echo "--- $$file"; start=$$(date +%s); state=done; \
	  name=$$(basename $$(dirname $$file))-$$(basename $$file .toml); \
	  $(BIN)/jaxad sweep $$file --size quick --data-dir $(DATA) --out results/$$name \
	    || { state=FAILED; failed=$$((failed + 1)); }; \
	  summary="$$summary$$state $$(($$(date +%s) - start)) s $$file\n"; \
	done; \
	printf "\n%b%d failed\n" "$$summary" $$failed; [ $$failed -eq 0 ]

clean:
	rm -rf $(VENV) site dist .coverage .coverage.* coverage.xml
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each extra, so that a second call installs nothing.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[$*]"
	touch $@
