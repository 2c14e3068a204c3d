# targets.mk: everything but the extension itself; included at the end of the Makefile
#
#	make demo			export and read back real data, in one command, on a fresh machine
#	make test			every layer below, then one line "N passed, N failed"
#	make bench			the table of measurements
#	make check-wall		the core links alone, headers keep to their room, house style
#	make check-unit		(UNIT_NAMES=test_x for one) tests of the core library under ASan + UBSan, threaded ones under TSan as well
#	make check-fuzz		replay of the fuzzers' corpora
#	make check-regress	pg_regress against a private server and the local store
#	make check-tap		transactions, errors, crashes, memory, concurrency
#	make check-interop	the official SDKs against the local store and the extension's objects
#
# Each layer ends with a line "N passed, N failed".  BUILD_DIR is where its programs go.

BUILD_DIR ?= build
TEST_JOBS ?= 2

.DEFAULT_GOAL := all

# Without a server's headers only the targets that install them work.
ifeq ($(PGXS),)
all install installcheck clean:
	@echo "$(PG_CONFIG) was not found: run contrib_tests/install_deps.sh, or set PG_CONFIG" >&2; exit 1
endif

# The regression tests talk to a store of their own: pg_regress runs inside the script that starts it, and psql inside
# one that gives ports, tokens and times fixed words.
pg_regress_program := $(top_builddir)/src/test/regress/pg_regress
pg_regress_installcheck := $(subst $(pg_regress_program),contrib_tests/lib/with_store.sh $(pg_regress_program),$(pg_regress_installcheck)) \
	--launcher=contrib_tests/lib/launcher.sh

EXTRA_CLEAN += $(BUILD_DIR)
clean: clean-tests
clean-tests:
	rm -rf $(BUILD_DIR)

# ---------------------------------------------------------------- the core under three kinds of compilation

CHECK_CC ?= gcc
CHECK_CFLAGS = -std=gnu11 -g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-fno-omit-frame-pointer -D_GNU_SOURCE -Ioss_fdw/core -Icontrib_tests/unit $(shell $(PKG_CONFIG) --cflags $(CORE_PKGS) 2>/dev/null) -MMD -MP
SANITIZE_wall = -O0 -fPIC
SANITIZE_asan = -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
SANITIZE_tsan = -O1 -fsanitize=thread

UNIT_SRCS = $(sort $(wildcard contrib_tests/unit/test_*.c))
UNIT_NAMES = $(patsubst contrib_tests/unit/%.c,%,$(UNIT_SRCS))
# a name that has one of these words runs under ThreadSanitizer too
UNIT_THREADED = pool http object request writer reader export import
UNIT_TSAN = $(sort $(foreach word,$(UNIT_THREADED),$(foreach name,$(UNIT_NAMES),$(if $(findstring $(word),$(name)),$(name)))))

UNIT_ASAN_PROGRAMS = $(UNIT_NAMES:%=$(BUILD_DIR)/asan/%)
UNIT_TSAN_PROGRAMS = $(UNIT_TSAN:%=$(BUILD_DIR)/tsan/%)

# $(1): wall, asan or tsan.  The core becomes one static library per kind; programs take from it what they use.
define core_rules
CORE_OBJS_$(1) = $$(CORE_SRCS:oss_fdw/core/%.c=$(BUILD_DIR)/$(1)/core/%.o)

$(BUILD_DIR)/$(1)/core/%.o: oss_fdw/core/%.c
	@mkdir -p $$(@D)
	@echo "$(1) $$<"
	@$$(CHECK_CC) $$(CHECK_CFLAGS) $$(SANITIZE_$(1)) -c -o $$@ $$<

$(BUILD_DIR)/$(1)/libcore.a: $$(CORE_OBJS_$(1))
	@rm -f $$@
	@ar rcs $$@ $$^

$(BUILD_DIR)/$(1)/%: contrib_tests/unit/%.c $(BUILD_DIR)/$(1)/libcore.a
	@echo "$(1) $$<"
	@$$(CHECK_CC) $$(CHECK_CFLAGS) $$(SANITIZE_$(1)) -o $$@ $$< $(BUILD_DIR)/$(1)/libcore.a $$(CORE_LIBS)

-include $$(CORE_OBJS_$(1):.o=.d) $$(UNIT_NAMES:%=$(BUILD_DIR)/$(1)/%.d)
endef
$(foreach kind,wall asan tsan,$(eval $(call core_rules,$(kind))))

unit-programs: $(UNIT_ASAN_PROGRAMS) $(UNIT_TSAN_PROGRAMS)
check-unit:
	-@$(MAKE) --no-print-directory -j$(TEST_JOBS) -k unit-programs
	@contrib_tests/lib/run_programs.sh $(UNIT_ASAN_PROGRAMS) $(UNIT_TSAN_PROGRAMS)

# ---------------------------------------------------------------- the wall

# -z defs: a symbol that is neither the core's nor a linked library's (the server's, above all) is an error
$(BUILD_DIR)/wall/libcore.so: $(BUILD_DIR)/wall/libcore.a
	@$(CHECK_CC) -shared -Wl,-z,defs -Wl,--no-undefined -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive $(CORE_LIBS)

check-wall:
	@rm -f $(BUILD_DIR)/wall/libcore.so
	-@$(MAKE) --no-print-directory -j$(TEST_JOBS) -k $(BUILD_DIR)/wall/libcore.so
	@contrib_tests/lib/check_wall.sh $(BUILD_DIR)/wall/libcore.so

# ---------------------------------------------------------------- fuzzers, replayed

FUZZ_SRCS = $(sort $(wildcard contrib_tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS = $(FUZZ_SRCS:contrib_tests/fuzz/%.c=$(BUILD_DIR)/asan/%)

$(BUILD_DIR)/asan/fuzz_%: contrib_tests/fuzz/fuzz_%.c contrib_tests/fuzz/replay.c $(BUILD_DIR)/asan/libcore.a
	@echo "asan $<"
	@$(CHECK_CC) $(CHECK_CFLAGS) -Icontrib_tests/fuzz $(SANITIZE_asan) -o $@ $(filter %.c %.a,$^) $(CORE_LIBS)

fuzz-programs: $(FUZZ_PROGRAMS)
check-fuzz:
	-@$(MAKE) --no-print-directory -j$(TEST_JOBS) -k fuzz-programs
	@contrib_tests/lib/run_fuzz.sh $(FUZZ_PROGRAMS)

# ---------------------------------------------------------------- layers that need a server, and everything

check-regress check-tap check-interop:
	@contrib_tests/run_tests.sh $(@:check-%=%)

test:
	@contrib_tests/run_tests.sh all

demo:
	@contrib_tests/demo.sh

bench:
	@contrib_tests/bench/run.sh

.PHONY: clean-tests unit-programs fuzz-programs check-unit check-wall check-fuzz check-regress check-tap check-interop test demo bench
