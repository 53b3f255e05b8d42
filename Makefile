# SPDX-License-Identifier: GPL-2.0
# `make help` says what can be made.

PREFIX ?= /usr/local
DESTDIR ?=
# The kernel of the guest, and those that are tested on unless K= names one;
# what takes longest comes first.
K ?= 6.1
KERNELS := 6.1 debug 6.12 7.3
# The kernel to build for: the one that runs, or else the newest with headers.
# Expanded where it is used, when its package is there.
KDIR ?= $(shell ls -d /lib/modules/$$(uname -r)/build 2>/dev/null || \
	ls -dv /lib/modules/*/build 2>/dev/null | tail -n 1)

BUILD_PACKAGES := gcc kmod libc6-dev libjansson-dev libkmod-dev pkg-config
VM_PACKAGES := $(BUILD_PACKAGES) busybox-static cpio qemu-system-x86 rsync xz-utils
CHECK_PACKAGES := $(VM_PACKAGES) clang jq libclang-rt-dev mandoc perl python3 python3-docutils shellcheck sparse
BENCH_PACKAGES := $(CHECK_PACKAGES) erlang-base gnuplot-nox mmdebstrap
DOCS_PACKAGES := $(VM_PACKAGES) perl python3-sphinx
HEADERS_PACKAGE := linux-headers-amd64
# The kernels to test on
TEST_KERNELS := $(if $(filter file,$(origin K)),$(KERNELS),$(K))

.PHONY: all modules userspace install check check-modules check-layout check-includes \
	check-kconfig check-style check-userspace check-scripts layout \
	test test-long mutants coverage coverage-report demo docs bench bench-quick bench-test \
	bench-files vm-files clean help deps need need-vm need-check need-bench need-docs \
	need-mutants need-coverage need-tags FORCE

all: modules userspace

# ---- Packages ----
#
# Only the targets that call deps install anything. All others name what is missing.
deps:
	@.ci/need -i $(sort $(CHECK_PACKAGES) $(DOCS_PACKAGES) $(HEADERS_PACKAGE) \
		$(foreach k,$(TEST_KERNELS),$(shell selftests/vm/kernel -k $(k) packages)))

INSTALLING := test test-long demo docs
$(INSTALLING): deps
ifneq ($(filter deps $(INSTALLING),$(MAKECMDGOALS)),)
need need-vm need-check need-bench need-docs need-tags: deps
endif

# A kernel that KDIR names brings its own headers.
need:
	@.ci/need $(BUILD_PACKAGES) $(if $(wildcard $(KDIR)/Makefile),,$(HEADERS_PACKAGE))

need-vm:
	@.ci/need $(VM_PACKAGES)

need-check:
	@.ci/need $(CHECK_PACKAGES)

need-coverage:
	@.ci/need $(CHECK_PACKAGES) gcovr

need-bench:
	@.ci/need $(BENCH_PACKAGES)

need-docs:
	@.ci/need $(DOCS_PACKAGES)

need-mutants:
	@.ci/need $(CHECK_PACKAGES) python3-clang

need-tags:
	@.ci/need universal-ctags

modules: need
	$(MAKE) -C kmod KDIR="$(KDIR)"

userspace: need
	$(MAKE) -C userspace PREFIX="$(PREFIX)"

install: all
	$(MAKE) -C kmod KDIR="$(KDIR)" INSTALL_MOD_PATH="$(DESTDIR)" \
		CONFIG_MODULE_SIG_ALL= modules_install
	$(if $(DESTDIR),,depmod "$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
		"$(KDIR)/include/generated/utsrelease.h")")
	$(MAKE) -C userspace PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" install
	$(if $(DESTDIR),,ldconfig)
	install -D -m 644 uapi/linux/freq.h "$(DESTDIR)$(PREFIX)/include/linux/freq.h"
	for page in Documentation/man/*.[1-8]; do \
		install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}" "$$page" || exit; \
	done

# ---- The guest's files ----
#
# Sources are built where symbolic links lie to them: the modules of several
# kernels side by side, the tests in a kernel tree. What a build in place has
# left among the sources must not get there.
sources = $(shell find $(1) -name '.*' -prune -o -path selftests/vm -prune -o \
	-path selftests/mutants -prune -o -type f \
	\( -name '*.[chS]' -o -name '*.sh' -o -name Makefile -o -name Kbuild \
	-o -name config -o -name settings \) ! -name '*.mod.c' -print | LC_ALL=C sort)
KMOD_SOURCES := $(call sources,kmod uapi) VERSION
TEST_SOURCES := $(filter-out selftests/release/% selftests/bench/%,$(call sources,selftests)) \
	selftests/release/release_v90.h
BENCH_SOURCES := $(call sources,selftests/bench)
# A release for the tests only, which is built from its own sources and kmod/'s.
RELEASE_SOURCES := $(if $(wildcard selftests/release/Makefile),$(call sources,selftests/release))
MODULE_SOURCES := $(KMOD_SOURCES) $(RELEASE_SOURCES)

# $(call link,FOLDER,FILES,PREFIX): link FILES, without PREFIX, into FOLDER.
define link
for file in $(2); do \
	mkdir -p "$$(dirname "$(1)/$${file#$(3)}")" && \
	ln -s "$(CURDIR)/$$file" "$(1)/$${file#$(3)}" || exit; \
done
endef

# $(call keep,TEXT): write TEXT to the target, unless it is there already. When
# a source comes or goes, all is made anew: no object outlives its source.
define keep
mkdir -p $(@D)
printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) > $@
endef

build/$(K)/kmod.list: FORCE | need-vm
	@$(call keep,$(abspath $(MODULE_SOURCES)) "$$(selftests/vm/kernel -k $(K) build)")

build/$(K)/kmod.linked: build/$(K)/kmod.list
	rm -rf $(addprefix build/$(K)/,kmod uapi selftests VERSION)
	@$(call link,build/$(K),$(MODULE_SOURCES))
	touch $@

# $(call make_modules,FOLDER,ARGUMENTS): make those in FOLDER, then the release
# for the tests, for kernel K.
#
# Type data for a kernel image that is not there would only be warned about.
make_module = selftests/vm/kernel -k $(K) make $(1) CONFIG_DEBUG_INFO_BTF_MODULES= $(2)
make_modules = $(call make_module,$(1)/kmod,$(2)) $(if $(RELEASE_SOURCES),&& \
	$(call make_module,$(1)/selftests/release,$(2)))

# Modules that count what was executed. No branches by sanitizers, and functions
# stay what they are in the source: see scripts/coverage.
FLAGS_coverage := GCOV_PROFILE=y UBSAN_SANITIZE=n KCFLAGS=-fno-inline

build/$(K)/kmod.built: build/$(K)/kmod.linked $(MODULE_SOURCES)
	+$(call make_modules,build/$(K),$(FLAGS_$(K)))
	touch $@

# The modules of an earlier commit, which today's have to get on with.
EARLIER = $(shell cat selftests/earlier)

build/$(K)/earlier.built: selftests/earlier | need-vm
	rm -rf build/$(K)/earlier
	mkdir -p build/$(K)/earlier
	git archive $(EARLIER) $$(git ls-tree --name-only $(EARLIER) kmod uapi VERSION) | tar -x -C build/$(K)/earlier
	+$(call make_module,build/$(K)/earlier/kmod)
	touch $@

build/selftests.list: FORCE | need-vm
	@$(call keep,$(abspath $(TEST_SOURCES)) "$$(selftests/vm/source)")

# The kernel tree that selftests/ is dropped into is as much of it as tests need.
TREE_TESTS := build/tree/tools/testing/selftests/freq

build/selftests.linked: build/selftests.list
	rm -rf build/tree
	cp -rs "$$(selftests/vm/source)" build/tree
	@$(call link,$(TREE_TESTS),$(TEST_SOURCES),selftests/)
	touch $@

# Built from scratch: lib.mk does not know that the tests depend on uapi/.
build/selftests.built: build/selftests.linked $(TEST_SOURCES) $(call sources,uapi)
	rm -rf build/selftests
	$(MAKE) -C $(TREE_TESTS) OUTPUT="$(CURDIR)/$(TREE_TESTS)" clean
	$(MAKE) -C $(TREE_TESTS) OUTPUT="$(CURDIR)/$(TREE_TESTS)" \
		KHDR_INCLUDES="-isystem $(CURDIR)/uapi" INSTALL_PATH="$(CURDIR)/build/selftests" install
	@$(MAKE) -s --no-print-directory -C $(TREE_TESTS) OUTPUT="$(CURDIR)/$(TREE_TESTS)" \
		COLLECTION=freq emit_tests > build/selftests/kselftest-list.txt
	touch $@

# Its own Makefile knows what to do; this only learns whether it did anything. What it
# builds for its own tests, in folders beside, is not for the guest.
build/userspace.built: FORCE | need-vm
	$(MAKE) -C userspace
	@test -e $@ && test -z "$$(find userspace -path 'userspace/build/*' -type d -prune -o \
		-type f -newer $@ -print -quit)" || touch $@

build/coverage/userspace.built: FORCE | need-vm
	$(MAKE) -C userspace coverage-programs
	@test userspace/build/coverage/freqctl -ot $@ || touch $@

USERSPACE_BUILT = $(if $(filter coverage,$(K)),build/coverage,build)/userspace.built

build/$(K)/initramfs: build/$(K)/kmod.built build/$(K)/earlier.built \
		build/selftests.built $(USERSPACE_BUILT) \
		$(addprefix selftests/vm/,count init initramfs suite)
	+selftests/vm/initramfs $(K) $@

vm-files: build/$(K)/initramfs

# ---- Tests ----

check: check-modules check-layout check-includes check-kconfig check-style \
	check-userspace check-scripts

# From scratch, so that no warning stays hidden in an object that is up to date.
# Quiet, so that whatever is said is a complaint; but the kernel may have to be
# fetched first, which says so.
check-modules: need-check
	@selftests/vm/kernel -k $(K) build > /dev/null
	rm -rf build/check
	@$(call link,build/check,$(MODULE_SOURCES))
	@echo "  W=1 C=2 $(dir $(wildcard kmod/Kbuild selftests/release/Kbuild))"
	+@{ $(call make_modules,build/check,-s W=1 C=2); } > build/check/log 2>&1 || \
		{ cat build/check/log; exit 1; }
	@if [ -s build/check/log ]; then cat build/check/log; exit 1; fi
	@scripts/version build/check/kmod/*.ko

# What modules of different age rely on may not change unless its name does.
check-layout: need-check
	@echo "  layout"
	@scripts/layout -k $(K) check

layout: need-check
	scripts/layout -k $(K) update

# Kernel 6.1 has the tool for its own modules.
check-kconfig: need-check
	@echo "  kconfig"
	@scripts/kconfig "$$(selftests/vm/kernel build)/scripts/kconfig/conf"

check-includes:
	@echo "  includes"
	@scripts/includes -c

SOURCE_TREE = $$(selftests/vm/source)
CHECKPATCH = "$(SOURCE_TREE)/scripts/checkpatch.pl" --no-tree --strict --terse --quiet --no-summary \
	--show-types

# Programs use the types of C, and libFuzzer has named what it calls.
USER_IGNORE := PREFER_KERNEL_TYPES,CAMELCASE
# The harness of the tests has macros that define, which no block can stand around.
TEST_IGNORE := $(USER_IGNORE),COMPLEX_MACRO,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_ARG_REUSE

# Where scripts are, with the suffix .sh or without
SCRIPT_FOLDERS := .ci Documentation scripts selftests userspace

check-style: need-check
	@echo "  checkpatch"
	@$(CHECKPATCH) -f $(filter %.c %.h,$(MODULE_SOURCES))
	@$(CHECKPATCH) -f $(wildcard selftests/vm/planted/*.c selftests/mutants/*.[ch])
	@$(CHECKPATCH) --ignore $(TEST_IGNORE) -f $(filter %.c %.h,$(TEST_SOURCES))
	@$(CHECKPATCH) --ignore $(USER_IGNORE) -f $(filter %.c %.h,$(BENCH_SOURCES) \
		$(call sources,userspace))
	@echo "  kernel-doc"
	@"$(SOURCE_TREE)/scripts/kernel-doc" -none -Werror $(filter %.c %.h,$(MODULE_SOURCES))
	@echo "  shellcheck"
	@shellcheck $(wildcard userspace/freqctl/*.bash) $$( \
		{ grep -rlI --exclude-dir=build -e '^#!/bin/sh' -e '^#!/bin/bash' $(SCRIPT_FOLDERS) && \
		find $(SCRIPT_FOLDERS) -name build -prune -o -name '*.sh' -print; } | sort -u)
	@echo "  version"
	@scripts/version
	@echo "  statements"
	@scripts/statements check
	@if [ -x Documentation/check ]; then echo "  Documentation"; Documentation/check; fi

check-userspace: need-check
	$(MAKE) -C userspace check

# The tests of scripts
check-scripts: need-check
	@userspace/tests/run $(wildcard scripts/tests/*)

# With K=, on that kernel only. What is checked without a guest runs beside them.
test:
	@selftests/vm/matrix check $(TEST_KERNELS)

test-long:
	@selftests/vm/matrix -l check $(TEST_KERNELS)

# Statements of kmod/, libfreq and freqctl that are deleted or negated, one at a time:
# which of them no test notices. SEED= draws COUNT= of them, all of PART=kmod, say;
# FAULTS=1 adds what only make test-long has.
SEED ?= 1
COUNT ?= 60
mutants: build/6.1/kmod.built need-mutants
	@selftests/mutants/run $(if $(FAULTS),-f) -s "$(SEED)" -c "$(COUNT)" -p "$(PART)"

# ---- What tests execute ----
#
# Of kmod/ the short runs that the debug kernel has, of userspace/ its own tests and
# those in the guest. The report can be made anew without running them again.
coverage: need-coverage
	rm -rf build/coverage/parts
	@selftests/vm/matrix coverage
	$(MAKE) -C userspace coverage > build/coverage/userspace.log || \
		{ cat build/coverage/userspace.log; exit 1; }
	@$(MAKE) -s --no-print-directory coverage-report

coverage-report: need-coverage
	@scripts/coverage userspace build/coverage/parts/*.tar
	@scripts/coverage kmod build/coverage/parts/*.tar

# ---- For editors ----

tags: need-tags FORCE
	git ls-files -z '*.[ch]' | xargs -0 ctags -f $@

# $(call unpack,FOLDER,FILES): what the tree of selftests/vm/source does not have,
# from the archive of that tree.
define unpack
rm -rf $(1).new
mkdir -p $(1).new
. selftests/vm/cache.sh && archive=$$(source_archive) && \
	tar -xJf "$$archive/linux-source-6.1.tar.xz" -C $(1).new --strip-components=1 \
		$(addprefix linux-source-6.1/,$(2))
rm -rf $(1)
mv $(1).new $(1)
endef

build/clang-tools: | need-vm
	@$(call unpack,$@,scripts/clang-tools/gen_compile_commands.py)

build/kernel-doc: | need-vm
	@$(call unpack,$@,scripts/kernel-doc \
		Documentation/sphinx/kerneldoc.py Documentation/sphinx/kernellog.py)

# The modules were built where links lie to their sources; editors open the sources.
COMMANDS_FILTER = map(select(.file | endswith(".mod.c") | not) | .file |= $$to + ltrimstr($$from))

# Of a kernel since 6.3, the script of 6.1 cannot read what kbuild has written.
compile_commands.json: build/$(K)/kmod.built need-check | build/clang-tools
	python3 build/clang-tools/scripts/clang-tools/gen_compile_commands.py -d "$$(selftests/vm/kernel -k $(K) build)" -o build/$@ build/$(K)/kmod
	@if [ "$$(jq length build/$@)" = 0 ]; then \
		echo "no commands found: takes K=6.1 or K=debug" >&2; exit 1; \
	fi
	@jq --arg from "$(CURDIR)/build/$(K)/" --arg to "$(CURDIR)/" \
		'$(COMMANDS_FILTER)' build/$@ > build/$@.new
	mv build/$@.new $@

# ---- Documents as HTML ----
#
# The comments of the code among them; a warning is an error. What the pages link to
# beside other pages goes with them.
docs: need-docs | build/kernel-doc
	rm -rf build/docs
	sphinx-build -q -W --keep-going -b html -d build/docs.trees Documentation build/docs
	cd Documentation && cp -r --parents ABI includes.txt man ../build/docs
	cp --parents kmod/contract/*.h uapi/linux/freq.h build/docs
	@echo "build/docs/index.html"

demo:
	@selftests/vm/run -k $(K) $(addprefix -f ,$(wildcard Documentation/plans/*)) -- demo.sh

# ---- What it costs ----

BENCH := build/bench/guest

$(BENCH)/bench: $(BENCH_SOURCES) selftests/freq_test.c selftests/freq_test.h \
		uapi/linux/freq.h | need-check
	$(MAKE) -C selftests/bench OUTPUT="$(CURDIR)/$(@D)"

$(BENCH)/erlang: $(wildcard selftests/bench/erlang/*) | need-bench
	selftests/bench/erlang/pack $@
	touch $@

$(BENCH)/guest: selftests/bench/guest
	mkdir -p $(@D)
	cp $< $@

# The modules as one would build them who wants no tracepoints.
$(BENCH)/notrace: override K = 6.1
$(BENCH)/notrace: $(KMOD_SOURCES) | need-bench
	rm -rf build/bench/build $@
	@$(call link,build/bench/build,$(KMOD_SOURCES))
	+$(call make_module,build/bench/build/kmod,KCFLAGS=-DNOTRACE)
	mkdir -p $@
	cp build/bench/build/kmod/*.ko $@

bench-files: $(BENCH)/bench $(BENCH)/erlang $(BENCH)/guest $(BENCH)/notrace

# A quick look at what is counted in instructions, so that it tells the same on
# any machine; make test has this among its parts.
bench-test: $(BENCH)/bench $(BENCH)/guest
	@selftests/bench/run -q $(BENCH) cost > build/bench/test.json
	@selftests/bench/render -t build/bench/test.json

# Into the tree, since they are what is known of this version.
bench: bench-files
	selftests/bench/run $(BENCH) > build/bench/performance.json
	cp build/bench/performance.json Documentation/performance.json
	selftests/bench/render Documentation/performance.json Documentation

bench-quick: bench-files
	selftests/bench/run -q $(BENCH) > build/bench/quick.json
	selftests/bench/render build/bench/quick.json build/bench

clean:
	rm -rf build tags compile_commands.json
	$(MAKE) -C kmod KDIR="$(KDIR)" clean
	$(MAKE) -C userspace clean

help:
	@echo 'make deps       install the Debian packages for demo, test and docs, which call it'
	@echo 'make            build the modules, for the kernel that KDIR= names, and freqctl'
	@echo 'make install    install them under DESTDIR= and PREFIX= ($(PREFIX))'
	@echo 'make demo       show a live upgrade, in a guest'
	@echo 'make test       check, then run all tests, in guests of $(KERNELS), or of K= only'
	@echo 'make test-long  the same, with nothing made shorter, and what takes hours'
	@echo 'make mutants    see whether tests notice COUNT= ($(COUNT)) changed statements, drawn by SEED='
	@echo 'make coverage   what tests execute of kmod/ and userspace/, and what they do not'
	@echo 'make check      all that can be checked without running it'
	@echo 'make layout     write kmod/contract/layout, after a contract has grown'
	@echo 'make bench      measure what all costs, and write Documentation/performance.md'
	@echo 'make bench-quick  see in build/bench whether that works'
	@echo 'make bench-test   test what it costs, as far as instructions tell'
	@echo 'make vm-files   all that selftests/vm/run boots, for guest kernel K= ($(K))'
	@echo 'make docs       the documentation as HTML, in build/docs'
	@echo 'make tags       an index of all C sources, for vi and other editors'
	@echo 'make compile_commands.json  how kmod/ is compiled, for clangd'
	@echo 'make clean      remove what was built'
	@echo
	@echo 'selftests/vm/run -h tells how to run any other command in a guest.'
