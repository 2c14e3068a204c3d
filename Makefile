# oss_fdw: PGXS build of the extension; see README.md, "Developing"
#
# Two rooms: oss_fdw/core is a C library without any server header, oss_fdw/pg is the extension.
# Besides the usual PGXS targets: demo, test, bench, check-unit, check-wall (contrib_tests/targets.mk).

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config

EXTENSION = oss_fdw/oss_fdw
DATA = oss_fdw/oss_fdw--1.0.sql
MODULE_big = oss_fdw

CORE_SRCS = $(sort $(wildcard oss_fdw/core/*.c))
PG_SRCS = $(sort $(wildcard oss_fdw/pg/*.c))
OBJS = $(CORE_SRCS:.c=.o) $(PG_SRCS:.c=.o)

CORE_PKGS = libcurl libcrypto libarchive libisal libdeflate libzstd liblz4 liblzma snappy zlib expat jansson
CORE_LIBS = $(shell $(PKG_CONFIG) --libs $(CORE_PKGS) 2>/dev/null) -lbz2 -lpthread -lm
PG_CPPFLAGS = -I$(srcdir)/oss_fdw/core $(shell $(PKG_CONFIG) --cflags $(CORE_PKGS) 2>/dev/null)
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement
# our own functions call each other directly
SHLIB_LINK = -Wl,-Bsymbolic $(CORE_LIBS)

# programs beside the extension, on the core alone
TOOL_SHARED = $(patsubst %.c,%.o,$(sort $(wildcard oss_fdw/tools/tool_*.c)))
DUMP_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard oss_fdw/tools/hg_dump*.c)))
OSSOBJ_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard oss_fdw/tools/ossobj*.c)))
TOOLS = oss_fdw/tools/hg_dump_to_oss oss_fdw/tools/ossobj
TOOL_OBJS = $(TOOL_SHARED) $(DUMP_OBJS) $(OSSOBJ_OBJS)
TOOL_MANS = $(TOOLS:%=%.1)
EXTRA_CLEAN = $(TOOLS) $(TOOL_OBJS)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

# JIT bitcode of a wrapper is never inlined into a query; not building it halves the build
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
include $(PGXS)

all: $(TOOLS)
oss_fdw/tools/hg_dump_to_oss: $(DUMP_OBJS) $(TOOL_SHARED) $(CORE_SRCS:.c=.o)
oss_fdw/tools/ossobj: $(OSSOBJ_OBJS) $(TOOL_SHARED) $(CORE_SRCS:.c=.o)
$(TOOLS):
	$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@ $(CORE_LIBS)

install: install-tools
install-tools: $(TOOLS)
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_PROGRAM) $(TOOLS) '$(DESTDIR)$(bindir)'
	$(INSTALL_DATA) $(addprefix $(srcdir)/,$(TOOL_MANS)) '$(DESTDIR)$(mandir)/man1'
uninstall: uninstall-tools
uninstall-tools:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/,$(notdir $(TOOLS))) $(addprefix '$(DESTDIR)$(mandir)/man1'/,$(notdir $(TOOL_MANS)))
.PHONY: install-tools uninstall-tools

# header dependencies: coarse on purpose, the tree is small
$(CORE_SRCS:.c=.o): $(wildcard $(srcdir)/oss_fdw/core/*.h)
$(PG_SRCS:.c=.o): $(wildcard $(srcdir)/oss_fdw/core/oc*.h $(srcdir)/oss_fdw/pg/*.h)
$(TOOL_OBJS): $(wildcard $(srcdir)/oss_fdw/core/oc.h $(srcdir)/oss_fdw/tools/*.h)

-include contrib_tests/targets.mk
