# primofs: make, make demo, make test, make install; `make help` lists all.

PREFIX  ?= /usr/local
BUILD   ?= build
WERROR  ?= $(if $(CI),1)
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

# Sanitizers are a build of their own: make asan, make tsan.
SANITIZE ?=

PACKAGES := fuse3 lmdb libjpeg libpng libtiff-4 zlib libprotobuf-c

BASE_FLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
  -DPRIMO_VERSION='"$(VERSION)"' -Icore -Itrainer -Ifs -I$(BUILD)/gen \
  -Wall -Wextra -Wshadow $(if $(WERROR),-Werror) -fopenmp -pthread -MMD -MP \
  $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
LINK_FLAGS = -fopenmp -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# The modules of core/ that the trainer shares: they know no store, no tree.
LEAF    := reason text name param settings journal report
CORE    := $(filter-out $(LEAF),$(basename $(notdir $(wildcard core/*.c))))
FS      := $(basename $(notdir $(wildcard fs/*.c)))
TRAINER := $(basename $(notdir $(wildcard trainer/*.c)))
UNIT    := $(basename $(notdir $(wildcard tests/unit/*_test.c)))

LEAF_LIBS    := -lunistring -lz -lm
CORE_LIBS    := -llmdb
FS_LIBS      := -lfuse3
TRAINER_LIBS := -ldnnl -ljpeg -lpng -ltiff -lprotobuf-c

object = $(patsubst %,$(BUILD)/$(1)/%.o,$(2))
LEAF_O    = $(call object,core,$(LEAF))
CORE_O    = $(call object,core,$(CORE))
FS_O      = $(call object,fs,$(FS))
TRAINER_O = $(call object,trainer,$(TRAINER)) $(BUILD)/gen/onnx.pb-c.o

all: $(BUILD)/primofs $(BUILD)/primo-train

$(BUILD)/primofs: $(FS_O) $(CORE_O) $(LEAF_O)
	$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(FS_LIBS) $(CORE_LIBS) $(LEAF_LIBS)

$(BUILD)/primo-train: $(TRAINER_O) $(LEAF_O)
	$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(TRAINER_LIBS) $(LEAF_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The ONNX schema, from the one that libonnx-dev ships.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
$(BUILD)/gen/onnx.pb-c.c: $(ONNX_PROTO)
	@mkdir -p $(@D)
	protoc-c --proto_path=$(dir $<) --c_out=$(BUILD)/gen $(notdir $<)
$(BUILD)/gen/onnx.pb-c.h: $(BUILD)/gen/onnx.pb-c.c
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(CC) $(BASE_FLAGS) $(CFLAGS) -w -c -o $@ $<
$(call object,trainer,onnx): $(BUILD)/gen/onnx.pb-c.h

# Unit tests: tests/unit/NAME_test.c, linked with all but the mains.
UNIT_O = $(CORE_O) $(LEAF_O) \
  $(filter-out $(BUILD)/trainer/main.o,$(TRAINER_O))
$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(UNIT_O)
	$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(TRAINER_LIBS) \
	  $(CORE_LIBS) $(LEAF_LIBS)
unit: $(UNIT:%=$(BUILD)/tests/unit/%)

clean:
	rm -rf build build-asan build-tsan

.PHONY: all unit clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/unit/*.d)
