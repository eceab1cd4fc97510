# Builds for the PHP of `php` and `php-config`; for another one: make PHP_CONFIG=/path/to/php-config
ifdef PHP_CONFIG
# The binding wants a whole path.
override PHP_CONFIG := $(or $(abspath $(shell command -v $(PHP_CONFIG))),$(PHP_CONFIG))
export PHP_CONFIG
PHP := $(or $(PHP),$(shell command -v $(PHP_CONFIG) >/dev/null && $(PHP_CONFIG) --php-binary))
export PHP
endif
PHP_CONFIG ?= php-config
PHP := $(or $(PHP),php)
PHPUNIT ?= phpunit

OUT := $(abspath $(or $(CARGO_TARGET_DIR),target))
LIBRARY := $(OUT)/release/liblocalapi.so
# No path of this machine gets into the library, so that it's the same wherever it's built.
CARGO_HOME ?= $(HOME)/.cargo
ANYWHERE = --config \
	'build.rustflags=[$(call remap,$(CARGO_HOME),cargo),$(call remap,$(CURDIR),localapi),$(call remap,$(OUT),target)]'
remap = "--remap-path-prefix=$(1)=$(2)"
# The one INI file that PHP reads with this: it loads the library just built, whatever is installed.
INI := $(OUT)/php.ini
WITH_LIBRARY = PHPRC=$(INI) PHP_INI_SCAN_DIR=/dev/null
# The tests of a target leave their files in a home folder of its own.
OWN_HOME = $(OUT)/home/$@
IN_OWN_HOME = rm -rf $(OWN_HOME) && mkdir -p $(OWN_HOME) && env -u XDG_DATA_HOME HOME=$(OWN_HOME) $(WITH_LIBRARY)
# Beside Debian's extensions, or two folders above those of a PHP built from source.
RUN_TESTS = $(firstword $(wildcard $(addsuffix /build/run-tests.php,$(EXTENSIONS) $(EXTENSIONS)/../..)))
EXTENSIONS = $(shell $(PHP_CONFIG) --extension-dir)
ENGINE_TESTS = $(IN_OWN_HOME) TEST_PHP_EXECUTABLE="$$(command -v $(PHP))" $(PHP) $(RUN_TESTS) \
	-q --show-diff -g FAIL,XFAIL,BORK,WARN,LEAK,SKIP -W $(OUT)/engine-tests
NONE_SKIPPED = ! grep ^SKIPPED $(OUT)/engine-tests
UNIT_TESTS = $(IN_OWN_HOME) $(PHP) "$$(command -v $(PHPUNIT))" -c php-tests/phpunit.xml $(WITHOUT_MODULE)
# Only the distribution's PHP has a module for Apache.
WITHOUT_MODULE = $(if $(filter-out /usr/bin/php%,$(realpath $(shell command -v $(PHP)))),--exclude-group apache-module)
# A server of the tests' own: mariadb or mysql. With this, the tests of behaviour run against it instead of a file.
SERVER = mariadb
START_SERVER = trap 'php-tests/$(SERVER) stop $(OUT)/$(SERVER)' EXIT; php-tests/$(SERVER) start $(OUT)/$(SERVER)
SERVER_DSN = $$(php-tests/$(SERVER) dsn $(OUT)/$(SERVER))
# Many of them wait for a server, or for a timeout.
RUST_TESTS = LOCALAPI_TEST_SERVER="$(SERVER_DSN)" cargo test --locked --no-default-features --features mysql,capi -- --test-threads=8
SERVER_TESTS = export LOCALAPI_TEST_DSN="$(SERVER_DSN)behaviour"; \
	AT_SERVER="-d localapi.dsn='$$LOCALAPI_TEST_DSN' -d localapi.key_file=$(OWN_HOME)/server.key"; \
	$(IN_OWN_HOME) $(PHP) $$AT_SERVER "$$(command -v $(PHPUNIT))" -c php-tests/phpunit.xml --exclude-group file
# The C library, and where its tests find it.
CAPI := $(OUT)/debug/liblocalapi.so
export LOCALAPI_TEST_CAPI = $(CAPI)
# The programs of others that the tests call includes/api.php and the authorization server with.
CLIENTS := $(OUT)/clients
export LOCALAPI_TEST_CLIENTS = $(CLIENTS)
# behaviour, clients, endurance and making: the folders with classes of PHPUnit in them.
SUITES = $(sort $(patsubst php-tests/%/,%,$(dir $(wildcard php-tests/*/*Test.php))))
PHP_FILES = $(shell find stubs sandbox examples ffi benches public matrix php-tests -name '*.php' 2>/dev/null)
SCRIPTS = .ci/run .ci/packages packaging/build packaging/verify packaging/walk \
	matrix/run matrix/build-php matrix/threads php-tests/mariadb php-tests/mysql php-tests/galera

# Programs that check, each built here at one version.
TOOLS := $(OUT)/tools
DENY = $(TOOLS)/bin/cargo-deny-0.20.2
MUTANTS = $(TOOLS)/bin/cargo-mutants-27.1.0
COVERAGE = $(TOOLS)/bin/cargo-llvm-cov-0.9.1
OLDEST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# What is instrumented for the fuzzer. These options are stable ones; so that programs that run while it's built aren't,
# it's built as for another machine.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS = --cfg=poly1305_backend="soft" -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-, \
	level=4 inline-8bit-counters pc-table trace-compares)
FUZZER = $(OUT)/fuzz/$(HOST)/fuzz/fuzz
FUZZED = $(notdir $(wildcard fuzz/seeds/*))
# For how long each of them is run.
FUZZ_SECONDS ?= 60

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 11
	@echo "For another PHP: PHP_CONFIG=/path/to/php-config. For a package: make install DESTDIR=/its/folder."

build: packages-build ## Build target/release/liblocalapi.so
	cargo build --release --locked $(ANYWHERE)

capi: ## Build target/capi/release/liblocalapi.so, the C library that include/localapi.h declares
	cargo build --release --locked $(ANYWHERE) --no-default-features --features mysql,capi --target-dir $(OUT)/capi

demo: packages-demo build ini ## Install what is missing, build, and create a credential in your own store
	@$(WITH_LIBRARY) $(PHP) examples/create-credential.php

test: packages-test lint build ini ## Run all lints and tests
	@$(START_SERVER) && $(MAKE) --no-print-directory tests

# A test that is skipped has failed: libtest knows no skips, and of PHPUnit phpunit.xml says so. The endurance tests take
# as long as all others, and wait as often, so both run at the same time.
tests: export LOCALAPI_NONE_SKIPPED = 1
tests: $(CLIENTS)/npm $(CLIENTS)/pypi $(CAPI) ## Run the tests of `make test`, while its server is running
	@# What sh runs in the background would ignore Ctrl-C.
	@env --default-signal=INT,QUIT $(MAKE) --no-print-directory suite-endurance >$(OUT)/endurance.log 2>&1 & endurance=$$!; \
	$(MAKE) --no-print-directory all-but-endurance; others=$$?; \
	wait $$endurance; endurance=$$?; cat $(OUT)/endurance.log; exit $$((others | endurance))
	@echo "All lints and tests have passed$(if $(WITHOUT_MODULE),$(comma) without those of Apache's module for this PHP)."

all-but-endurance:
	$(RUST_TESTS)
	@for suite in engine $(filter-out endurance,$(SUITES)); do $(MAKE) --no-print-directory suite-$$suite || exit 1; done
	@$(SERVER_TESTS) --testsuite behaviour
	@$(MAKE) --no-print-directory ini suite-ffi FFI=$(CAPI) INI=$(OUT)/ffi.ini

# The C library of the tests: `make capi` takes longer.
$(CAPI): FORCE
	cargo build --locked --no-default-features --features mysql,capi

suite-engine:
	$(ENGINE_TESTS) php-tests/engine
	@$(NONE_SKIPPED)

# What only the extension has is left out, and what names the sandbox.
suite-ffi:
	@$(UNIT_TESTS) --exclude-group extension --filter '/^(?!.*unknown_command_is_answered)/' --testsuite ffi

suite-%:
	@$(UNIT_TESTS) --testsuite $*

server: export LOCALAPI_NONE_SKIPPED = 1
server: ## Run the tests of servers: SERVER=mysql at a MySQL, of Debian's unstable suite
	@$(START_SERVER) && $(RUST_TESTS) && { $(SERVER_TESTS) --testsuite behaviour; }

# A package's own scripts have no say here.
$(CLIENTS)/npm: php-tests/clients/package.json php-tests/clients/package-lock.json
	@rm -rf $@ && mkdir -p $@.new && cp $^ $@.new
	@npm ci --prefix $@.new --silent --no-audit --no-fund --ignore-scripts && mv $@.new $@

$(CLIENTS)/pypi: php-tests/clients/requirements.txt
	@rm -rf $@ && python3 -m venv $@ && touch -t 197001010000 $@
	@$@/bin/python -m pip install --quiet --disable-pip-version-check --require-virtualenv -r $< && touch $@

check: export LOCALAPI_FULL = 1
check: packages-check test deny oldest fuzz ## Run the tests at full size, then servers at a MySQL, the pages' blocks, deny, oldest, fuzz, valgrind
	@# What is long of them has nothing to do with a server, nor with what the core is built for.
	@$(MAKE) --no-print-directory server SERVER=mysql LOCALAPI_FULL=
	@$(MAKE) --no-print-directory package && packaging/walk
	$(ENGINE_TESTS) -m php-tests/engine
	LOCALAPI_FULL='' cargo test --locked --no-default-features
	@$(NONE_SKIPPED)
	@echo "All checks have passed."

$(TOOLS)/bin/%:
	cargo install --quiet --locked --root $(TOOLS) $(shell echo $* | sed 's/-\([0-9.]*\)$$/@\1/')
	@ln -sf $(shell echo $* | sed 's/-[0-9.]*$$//') $@

deny: $(DENY) ## Look at the licences, the sources and the known faults of all crates
	$(DENY) --offline check bans licenses sources
	@# What is known of faults isn't part of this repository.
	@if $(DENY) fetch db >$(OUT)/deny.log 2>&1; then $(DENY) --offline check advisories; \
	else echo "Known faults were not looked for: their database can't be had here."; fi

oldest: ## Look whether the oldest Rust that is promised takes the code
	@if ! command -v rustup >/dev/null; then echo "Rust $(OLDEST) was not tried: there is no rustup."; \
	else rustup toolchain install --profile minimal --no-self-update $(OLDEST) && \
		cargo +$(OLDEST) check --locked --target-dir $(OUT)/oldest; fi

fuzz: packages-build ## Look for inputs that break what must hold, a minute for each reader
	RUSTFLAGS='$(FUZZ_FLAGS)' cargo build --locked --profile fuzz --no-default-features --features fuzzing --bin fuzz \
		--target $(HOST) --target-dir $(OUT)/fuzz
	@for name in $(FUZZED); do \
		mkdir -p $(OUT)/fuzz/found/$$name; \
		LOCALAPI_FUZZ=$$name $(FUZZER) -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=$(OUT)/fuzz/$$name- $(OUT)/fuzz/found/$$name fuzz/seeds/$$name >$(OUT)/fuzz/$$name.log 2>&1 \
			|| { tail -n 30 $(OUT)/fuzz/$$name.log; exit 1; }; \
		echo "$$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' $(OUT)/fuzz/$$name.log) inputs"; \
	done

mutants: $(MUTANTS) ## Change the code in many ways, and list which changes no Rust test notices; takes hours
	-$(MUTANTS) mutants --jobs 2 --output $(OUT)
	@# What is left meets the tests that need a server.
	@$(START_SERVER) && LOCALAPI_TEST_SERVER="$(SERVER_DSN)" \
		$(MUTANTS) mutants --iterate --jobs 2 --output $(OUT) --features mysql

coverage: export CARGO_TARGET_DIR := $(OUT)/coverage
# Processes add to a few files: each has megabytes.
coverage: export LLVM_PROFILE_FILE = $(CARGO_TARGET_DIR)/localapi-%4m.profraw
coverage: packages-test $(COVERAGE) ## Print how much of each file the Rust tests and those of PHP run together
	rustup component add llvm-tools
	@eval "$$($(COVERAGE) llvm-cov show-env --sh | grep -v LLVM_PROFILE_FILE)"; $(COVERAGE) llvm-cov clean --workspace; \
	$(START_SERVER) && $(RUST_TESTS) && cargo build --locked && \
	$(MAKE) --no-print-directory ini suite-engine suite-behaviour LIBRARY=$(CARGO_TARGET_DIR)/debug/liblocalapi.so && \
	$(COVERAGE) llvm-cov report --ignore-filename-regex 'tests|simulator|conformance|model|fixture|/fuzz'

bench: packages-bench build ini ## Compare with the same work in PHP and PDO
	@$(WITH_LIBRARY) $(PHP) benches/run.php $(LIBRARY)
	@$(WITH_LIBRARY) $(PHP) benches/writers.php $(LIBRARY) $(OUT)/writers.json

scale: packages-bench build ini ## Measure stores of 10,000,000 credentials, which takes 20 GB and hours
	@$(WITH_LIBRARY) $(PHP) benches/scale.php $(LIBRARY)

plot: packages-plot ## Draw what the last `make bench` has measured into benches/writers.svg
	@[ -x $(OUT)/plot/bin/python ] || python3 -m venv $(OUT)/plot
	@$(OUT)/plot/bin/python -m pip install --quiet --disable-pip-version-check matplotlib==3.11.2
	@$(OUT)/plot/bin/python benches/plot.py $(OUT)/writers.json benches/writers.svg

pictures: packages-pictures ## Draw docs/pictures/*.svg from the texts beside them, with graphviz
	@for text in docs/pictures/*.dot; do dot -Tsvg "$$text" -o "$${text%.dot}.svg" || exit 1; done

install: packages-install ## Install what was built into PHP's extension folder and, on Debian, enable it
	install -D -m 644 $(LIBRARY) "$(DESTDIR)$(EXTENSIONS)/localapi.so"
	@cd sandbox && find . -name '*.php' -exec install -D -m 644 {} "$(DESTDIR)$(SHARED)/{}" \;
	@$(ENABLE)

uninstall: packages-uninstall ## Take away what `make install` has put there
	@$(DISABLE)
	rm -f "$(DESTDIR)$(EXTENSIONS)/localapi.so"
	@rm -rf "$(DESTDIR)$(SHARED)"

package: packages-package build ## Write a package for Debian and one for PIE into dist/, for the PHP at hand
	@cargo tree --locked --edges normal --prefix none --format '{p} {l}' | \
		sed -e 1d -e 's/ (\*)$$//' | sort -u >$(OUT)/crates
	@PHP='$(PHP)' PHP_CONFIG='$(PHP_CONFIG)' OUT='$(OUT)' packaging/build dist

matrix: ## Build, test and package with PHP 8.2 to 8.5, each in a Debian of its own below target/matrix; as root
	@matrix/run $(PHPS)

clean: ## Remove all that was built
	cargo clean
	rm -f $(foreach end,diff exp log mem out sh,php-tests/engine/*.$(end))

lint: ## Run the lints only
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features --features mysql,capi -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	cargo clippy --locked --all-targets --no-default-features --features fuzzing -- -D warnings
	@for file in $(PHP_FILES); do $(PHP) -n -l "$$file" >$(OUT)/php-l || { cat $(OUT)/php-l; exit 1; }; done
	shellcheck $(SCRIPTS)

packages-%:
	@PHP='$(PHP)' PHP_CONFIG='$(PHP_CONFIG)' PHPUNIT='$(PHPUNIT)' OUT='$(OUT)' DESTDIR='$(DESTDIR)' SHARED='$(SHARED)' \
		.ci/packages $*

ini: ## Write target/php.ini, with which PHP loads the library just built; with ENTRIES='name=value …' in it
	@mkdir -p $(OUT)
	@# What an installed one complains of is no matter here.
	@$(PHP) -d display_startup_errors=0 -d error_log=/dev/null php-tests/ini.php $(LIBRARY) $(ENTRIES) $(WITH_FFI) >$(INI).new
	@mv $(INI).new $(INI)

# Where PHP looks for what a script includes: the first folder of its own include_path that isn't the working folder.
SHARED = $(firstword $(filter /%,$(subst :, ,$(INCLUDE_PATH))) /usr/share/php)/localapi
INCLUDE_PATH = $(shell $(PHP) -n -r 'echo get_include_path();' 2>/dev/null)

# With FFI=LIBRARY, PHP loads no extension but ffi/localapi.php over this C library.
WITH_FFI = $(if $(FFI),opcache.enable_cli=1 opcache.preload=$(CURDIR)/ffi/localapi.php \
	opcache.preload_user=$(shell id -un) localapi.library=$(FFI))

# Debian keeps one INI file per extension and PHP version, and links to it from where PHP reads them.
PHP_NUMBER = $(basename $(shell $(PHP_CONFIG) --version))
DEBIANS = $(filter /etc/php/$(PHP_NUMBER)/%,$(shell $(PHP_CONFIG) --ini-dir))
AVAILABLE = /etc/php/$(PHP_NUMBER)/mods-available/localapi.ini
define ENABLE
if [ -z "$(DEBIANS)" ]; then \
	echo "To enable it, add this line to $$($(PHP_CONFIG) --ini-path)/php.ini: extension=localapi"; \
else \
	mkdir -p "$(DESTDIR)$(dir $(AVAILABLE))" && \
	printf '; priority=30\nextension=localapi.so\n' >"$(DESTDIR)$(AVAILABLE)" && \
	if [ -z "$(DESTDIR)" ]; then phpenmod -v $(PHP_NUMBER) localapi; fi; \
fi
endef
# Links that phpdismod doesn't find, and what it remembers, go with it.
define DISABLE
if [ -z "$(DEBIANS)" ]; then \
	echo "Take the line extension=localapi out of $$($(PHP_CONFIG) --ini-path)/php.ini, if it's there."; \
else \
	if [ -z "$(DESTDIR)" ]; then \
		if [ -f $(AVAILABLE) ]; then phpdismod -v $(PHP_NUMBER) localapi; fi; \
		find /etc/php/$(PHP_NUMBER)/*/conf.d -lname $(AVAILABLE) -delete; \
		rm -f /var/lib/php/modules/$(PHP_NUMBER)/*/*abled_by_admin/localapi; \
	fi; \
	rm -f "$(DESTDIR)$(AVAILABLE)"; \
fi
endef

comma := ,

# A target's needs are met in the order in which they stand.
.NOTPARALLEL:
FORCE:
.PHONY: help build capi demo test tests server check deny oldest fuzz mutants coverage bench scale plot pictures
.PHONY: install uninstall package matrix clean lint ini
