# Sets itself up: `make run` and `make test` need only Python 3.11 or newer, with venv.
PYTHON ?= python3
DEV := .venv
RUN := .venv-run
EXTRAS ?=
EXTRA := $(EXTRAS:%=-%)

# The tests start Python hundreds of times, and each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-all test-uvicorn check coverage docs reference hooks bench bench-peers screenshots lock clean

help:
	@echo "make run          start the emulator on 127.0.0.1:8080; ARGS=\"--port 8081 --clock auto\" passes options"
	@echo "                  EXTRAS=media also installs what encodes videos and reads input files"
	@echo "make test         the whole suite (under 3 minutes)"
	@echo "make check        linters, types, import contracts, spelling, dependencies"
	@echo "make coverage     the suite with the coverage of branches measured, and the figure"
	@echo "make test-uvicorn the tests of the HTTP protocol with the oldest and the newest uvicorn allowed"
	@echo "make docs         the site, in build/docs; a warning is an error"
	@echo "make reference    render the reference pages (docs/reference) from the code"
	@echo "make test-all     make check, make docs, make test, the slow rest, and make test-uvicorn"
	@echo "make hooks        run make check's tools before each commit"
	@echo "make bench        figures against a bare starlette application, in one table"
	@echo "make bench-peers  the same for other mock servers, where they can be installed"
	@echo "make screenshots  take the documents' screenshots of the timeline anew"
	@echo "make lock         renew the locked requirements"

run: $(RUN)/installed$(EXTRA)
	@$(RUN)/bin/evolink-mock serve $(ARGS)

# Workers begin with whole files, whose fixtures, such as an emulator, are then made once.
test: $(DEV)/installed
	$(DEV)/bin/python -m pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

test-all: export DEVKIT_BROWSER := required
test-all: export DEVKIT_JAVA := required
test-all: check docs test
	$(DEV)/bin/python -m pytest -n 2 -m slow
	$(DEV)/bin/python -m tests.support.uvicorn_range

test-uvicorn: $(DEV)/installed
	$(DEV)/bin/python -m tests.support.uvicorn_range $(ARGS)

check: $(DEV)/installed
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-cache
	$(DEV)/bin/typos
	$(DEV)/bin/deptry mockserver contracts client

# Every process is measured: this one, the workers, and the servers and commands that the tests start. Servers that a
# test kills tell nothing, so that the figure is a lower bound. It takes half as much time again as `make test`.
coverage: $(DEV)/installed
	@rm -rf .coverage
	$(DEV)/bin/coverage run -m pytest -n 3 -m "not slow" -q $(ARGS); status=$$?; \
	$(DEV)/bin/coverage combine --quiet; $(DEV)/bin/coverage report; exit $$status

docs: $(DEV)/installed
	@$(DEV)/bin/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky --builder html docs build/docs
	@echo "build/docs/index.html"

reference: $(DEV)/installed
	@$(DEV)/bin/python -m docs.render

hooks: $(DEV)/installed
	$(DEV)/bin/prek install

bench: $(DEV)/installed
	$(DEV)/bin/python -m tests.bench $(ARGS)

bench-peers: $(DEV)/installed
	$(DEV)/bin/python -m tests.bench.cases.peers $(ARGS)

screenshots: $(DEV)/installed
	PYTHONPATH=. $(DEV)/bin/python tests/docs/screenshots.py

lock: $(DEV)/installed
	$(DEV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.lock pyproject.toml
	$(DEV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --extra media -c requirements.lock -o requirements-media.lock pyproject.toml
	$(DEV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --group dev -o requirements-dev.lock pyproject.toml

$(DEV)/installed: requirements-dev.lock pyproject.toml
	@echo "Setting up $(DEV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; point PYTHON at one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@$(DEV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(RUN)/installed$(EXTRA): requirements$(EXTRA).lock pyproject.toml
	@echo "Setting up $(RUN) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; point PYTHON at one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(RUN)
	@$(RUN)/bin/python -m pip install --quiet --require-hashes -r requirements$(EXTRA).lock
	@$(RUN)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

requirements-%.lock:
	@echo "EXTRAS can be media; the project has no $@" >&2; exit 1

clean:
	rm -rf $(DEV) $(RUN) build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
