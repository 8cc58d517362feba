# tidegate: `make demo` shows it, `make test` checks it. `make help` lists the rest.
#
#   make demo                            four workers under one limit, a live table
#   make demo LOG=access.log             replay an access log (plain, gzip, or - for stdin)
#   make demo LOG=access.log CONFIG=my.json
#   make install PREFIX=/usr/local DESTDIR=

PREFIX  ?= /usr/local
DESTDIR ?=
LOG     ?=
CONFIG  ?=
CARGO   ?= cargo
CC      ?= cc

# Cargo installed by rustup is found even when the shell does not know it yet.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin

CHECK  = @scripts/setup.sh --check
TARGET = $(or $(CARGO_TARGET_DIR),target)
PLACE  = --prefix "$(PREFIX)" $(if $(DESTDIR),--destdir "$(DESTDIR)")

.PHONY: help demo test setup bench peers install uninstall clean

help:
	@echo 'make demo                the main job: workers, one shared limit, a live table'
	@echo 'make demo LOG=PATH       replay an access log; CONFIG=PATH names the limits'
	@echo 'make test                every check that CI runs'
	@echo 'make setup               install what this machine lacks'
	@echo 'make bench               the benches; SAVE=1 keeps them in benches/results'
	@echo 'make peers               the same traces through other libraries, from their registries'
	@echo 'make install PREFIX=DIR  library, header, pkg-config file, tidegate program'
	@echo 'make uninstall PREFIX=DIR'
	@echo 'make clean               remove everything that was built'

ifeq ($(LOG),)
demo:
	$(CHECK) demo
	$(CARGO) build --release --package tidegate-capi --package tidegate-cli
	@$(MAKE) --no-print-directory -C examples/c demo CC="$(CC)" \
	    LIBDIR="$(abspath $(TARGET))/release" OUT="$(abspath $(TARGET))/demo"
	$(TARGET)/demo/demo
else
demo:
	$(CHECK) build
	$(CARGO) run --release --quiet --package tidegate-cli -- \
	    replay "$(LOG)" --config "$(or $(CONFIG),examples/replay.json)"
endif

test:
	$(CHECK) test
	$(CARGO) xtask ci

setup:
	@scripts/setup.sh

bench:
	$(CHECK) build
	$(CARGO) xtask bench $(if $(SAVE),--save)

peers:
	$(CHECK) build
	$(CARGO) xtask peers

install:
	$(CHECK) test
	$(CARGO) xtask install $(PLACE)

uninstall:
	$(CHECK) build
	$(CARGO) xtask uninstall $(PLACE)

clean:
	$(CARGO) clean
