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

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

# JIT bitcode of a wrapper is never inlined into a query; not building it halves the build
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
include $(PGXS)

# header dependencies: coarse on purpose, the tree is small
$(CORE_SRCS:.c=.o): $(wildcard $(srcdir)/oss_fdw/core/*.h)
$(PG_SRCS:.c=.o): $(wildcard $(srcdir)/oss_fdw/core/oc.h $(srcdir)/oss_fdw/core/oc_value.h $(srcdir)/oss_fdw/pg/*.h)

-include contrib_tests/targets.mk
