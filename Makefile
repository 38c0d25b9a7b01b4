# primofs. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
WERROR  ?= $(if $(CI),1)
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 0.2.0

# Builds with sanitizers have directories of their own: make asan, make tsan.
SANITIZE ?=
# With FUZZER=1 the targets of tests/fuzz/ are called by clang's libFuzzer.
FUZZER ?=
# How long each target is fuzzed, and which: make fuzz SECONDS=600 TARGETS=onnx.
SECONDS ?= 60
TARGETS ?=
# Which tests to run: make test TESTS='mounting settings_test'.
TESTS ?=
# How often make torture kills and cuts, and what it runs.
ROUNDS ?= 100
TORTURE_TESTS := kills kill-requests powercuts fuzz disk meta-page kernel-locks bounds.sh \
  closed replacing names care
# Which measurements to take: make bench BENCH='steps scans'.
BENCH ?=
# Where Node modules are installed that confirm our results: make test PEERS=1.
PEERS     ?=
PEERS_DIR ?= build-peers

# Debian packages. NAME:COMMAND counts as installed when COMMAND is in $PATH.
BUILD_PACKAGES := libfuse3-dev fuse3 liblmdb-dev \
  libjpeg-dev libpng-dev libtiff-dev libxxhash-dev zlib1g-dev \
  libunistring-dev \
  libpoppler-glib-dev pkg-config:pkg-config libqpdf-dev liblcms2-dev \
  libdnnl-dev libonnx-dev libprotobuf-c-dev protobuf-c-compiler \
  libjansson-dev libseccomp-dev gettext:msgfmt
# For primo-nodes, which is left out where they are not there.
MPI_PACKAGES   := libopenmpi-dev openmpi-bin:mpirun
EXAMPLE_PACKAGES := libfreetype-dev dataset-fashion-mnist \
  fonts-dejavu-core fonts-liberation fonts-freefont-ttf
TEST_PACKAGES  := libcmocka-dev attr busybox:busybox libxml2-utils:xmllint \
  lmdb-utils:mdb_dump rsync:rsync vim-tiny:vi \
  sshfs openssh-sftp-server openssh-server:/usr/sbin/sshd expect:expect nano:nano ed:ed zip:zip jq:jq \
  less:less git:git iproute2:ip \
  patch:patch curl:curl inotify-tools:inotifywait python3-minimal:python3 \
  slurm-wlm-basic-plugins slurmctld:/usr/sbin/slurmctld slurmd:/usr/sbin/slurmd \
  slurm-client:sbatch munge:/usr/sbin/munged $(MPI_PACKAGES)
PEER_PACKAGES  := python3-torch python3-torchvision python3-sklearn \
  python3-opencv python3-pil nodejs:node npm:npm \
  samba:/usr/sbin/smbd smbclient:smbclient
BENCH_PACKAGES := strace:strace iproute2:tc util-linux:nsenter $(MPI_PACKAGES)
FUZZ_PACKAGES  := clang:clang libclang-rt-dev libomp-dev
DEB_PACKAGES   := dpkg-dev:dpkg-shlibdeps
STYLE_PACKAGES := clang-format:clang-format

BASE_FLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
  -DPRIMO_VERSION='"$(VERSION)"' -I. -I$(BUILD)/gen \
  -Wall -Wextra -Wshadow $(if $(WERROR),-Werror) -fno-math-errno -fopenmp \
  -pthread -MMD -MP \
  $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
  $(if $(FUZZER),-fsanitize=fuzzer-no-link -w)
LINK_FLAGS = -fopenmp -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# The sources, by folder. tests/rooms says which folder may include which.
stems = $(basename $(wildcard $(1:%=%/*.c)))
SHARED  := $(call stems,$(addprefix core/,basic system settings network report evaluation launch far))
CORE    := $(filter-out $(SHARED),$(call stems,core core/* core/*/*))
FS      := $(call stems,fs fs/*)
NODES   := $(call stems,trainer/mpi)
TRAINER := $(filter-out $(NODES),$(call stems,trainer trainer/*))
UNIT    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/*_test.c))
EXAMPLE := fashion-mnist glyphs scans
PEER_PROGRAMS = $(BUILD)/tests/peers/layers
# What tests/faults/ uses against a mount: programs that know nothing of ours.
FAULT_PROGRAMS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/faults/*.c))
FUZZ_PROGRAMS = $(patsubst %.c,$(BUILD)/%,$(filter-out %/fuzz.c, \
  $(wildcard tests/fuzz/*.c)))
PRELOADED = $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/faults/preload/*.c))
BENCH_PROGRAMS = $(patsubst %,$(BUILD)/tests/bench/%,network convolutions \
  one_conv decode clients reader objects makes saves)

SHARED_LIBS    := -lunistring -ljansson -lz -lm
CORE_LIBS    := -llmdb
FS_LIBS      := -lfuse3
TRAINER_LIBS := -ldnnl -ljpeg -lpng -ltiff -lxxhash -lprotobuf-c -lseccomp
EXAMPLE_LIBS := -ljpeg -lpng -lz -lm

FUSE_INCLUDE     ?= /usr/include/fuse3
FREETYPE_INCLUDE ?= /usr/include/freetype2

object = $(patsubst %,$(BUILD)/$(1)/%.o,$(2))
SHARED_O  = $(SHARED:%=$(BUILD)/%.o) $(BUILD)/gen/catalogues.o
CORE_O    = $(CORE:%=$(BUILD)/%.o)
FS_O      = $(FS:%=$(BUILD)/%.o)
TRAINER_O = $(TRAINER:%=$(BUILD)/%.o) $(BUILD)/gen/onnx.pb-c.o
UNIT_O    = $(call object,tests/unit,$(UNIT))

# primo-nodes, which connects hosts that train together, is built where MPI is.
MPI     := $(shell pkg-config --exists ompi-c 2>/dev/null && echo 1)
NODES_O  = $(NODES:%=$(BUILD)/%.o)

# Show what is done in a word; make V=1 shows the commands instead.
V    ?=
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) $(@:$(BUILD)/%=%);)

#: all           build primofs and primo-train (plain `make`)
all: $(BUILD)/primofs $(BUILD)/primo-train $(BUILD)/base.safetensors \
  $(if $(MPI),$(BUILD)/primo-nodes)

$(BUILD)/primofs: $(FS_O) $(CORE_O) $(SHARED_O)
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(FS_LIBS) \
	  $(CORE_LIBS) $(SHARED_LIBS)

ifneq ($(SANITIZE),thread)
$(BUILD)/primo-train: $(TRAINER_O) $(SHARED_O)
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ \
	  $(TRAINER_LIBS) $(SHARED_LIBS)
else # it cannot see how OpenMP synchronises; unit tests run on one OpenMP thread
$(BUILD)/primo-train: $(TRAINER_O) $(SHARED_O)
	@$(again) BUILD=$(BUILD)/plain SANITIZE= CFLAGS='-O2 -g' \
	  $(BUILD)/plain/primo-train
	cp $(BUILD)/plain/primo-train $@
endif

# Linked with MPI and the C library alone: it has to start on hosts that have
# other libraries than this one.
$(BUILD)/primo-nodes: $(NODES_O)
	$(call quiet,link)$(CC) $(LDFLAGS) -o $@ $^ \
	  $(shell pkg-config --libs ompi-c)
$(NODES_O): BASE_FLAGS += $(shell pkg-config --cflags ompi-c 2>/dev/null)
# without a sanitizer, as the libraries of MPI have none; also in make asan
$(NODES_O): override SANITIZE =

$(BUILD)/%.o: %.c | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(call quiet,cc)$(CC) $(BASE_FLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(FS_O): BASE_FLAGS += -I$(FUSE_INCLUDE)
# The libraries that read and draw pages are loaded when they are wanted, and not
# linked; that of qpdf has another name in each Debian.
$(BUILD)/trainer/pages/draw.o: BASE_FLAGS += \
  $(shell pkg-config --cflags poppler-glib 2>/dev/null)
$(BUILD)/trainer/pages/pdf_file.o: BASE_FLAGS += -DQPDF_LIBRARY='"$(shell \
  objdump -p "$$($(CC) -print-file-name=libqpdf.so)" 2>/dev/null | \
  sed -n 's/^ *SONAME *//p')"'

# Says which packages are missing before a compiler would.
$(BUILD)/.packages: Makefile tests/packages
	@tests/packages check $(BUILD_PACKAGES)
	@mkdir -p $(@D)
	@touch $@

# The base that is shipped lies beside the programs, as core/system/shipped.h says.
$(BUILD)/base.safetensors: dist/base/base.safetensors
	@mkdir -p $(@D)
	@ln -sfn $(abspath $<) $@

# The ONNX schema, made from the one that libonnx-dev ships.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
$(BUILD)/gen/onnx.pb-c.c: | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(call quiet,proto)protoc-c --proto_path=$(dir $(ONNX_PROTO)) \
	  --c_out=$(@D) $(notdir $(ONNX_PROTO))
$(BUILD)/gen/onnx.pb-c.h: $(BUILD)/gen/onnx.pb-c.c
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call quiet,cc)$(CC) $(BASE_FLAGS) $(CFLAGS) -w -c -o $@ $<
$(TRAINER:%=$(BUILD)/%.o) $(UNIT_O): | $(BUILD)/gen/onnx.pb-c.h

# The translations are compiled into both programs.
$(BUILD)/gen/catalogues.c: $(wildcard po/*.po) po/compile | $(BUILD)/.packages
	@mkdir -p $(@D)
	$(call quiet,po)po/compile $(filter %.po,$^) >$@

# Unit tests, tests/unit/FOLDER/NAME_test.c. They are linked with a library of all
# objects except those that have a main(), and those of fs/.
$(BUILD)/unit.a: $(CORE_O) $(SHARED_O) \
  $(filter-out $(BUILD)/trainer/main.o,$(TRAINER_O))
	@rm -f $@
	$(call quiet,ar)$(AR) qcs $@ $^
$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(BUILD)/unit.a
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ \
	  $(filter %.o,$^) $(filter %.a,$^) -lcmocka \
	  $(TRAINER_LIBS) $(CORE_LIBS) $(SHARED_LIBS)
$(BUILD)/tests/unit/notices/states_test: $(BUILD)/fs/notices/states.o
$(FAULT_PROGRAMS): %: %.o
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^
unit: $(UNIT:%=$(BUILD)/tests/unit/%) $(PEER_PROGRAMS) $(FAULT_PROGRAMS) \
  $(BUILD)/tests/bench/objects $(PRELOADED) $(FUZZ_PROGRAMS)

# Loaded into the daemon by tests/faults/, to make its calls fail.
$(BUILD)/tests/faults/preload/%.so: tests/faults/preload/%.c
	@mkdir -p $(@D)
	$(call quiet,link)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra $(CFLAGS) \
	  -shared -fPIC -o $@ $<

# Each parser with what calls it: libFuzzer, or else our own tests/fuzz/fuzz.c.
$(FUZZ_PROGRAMS): %: %.o $(if $(FUZZER),,$(BUILD)/tests/fuzz/fuzz.o) \
  $(BUILD)/unit.a
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(if $(FUZZER),-fsanitize=fuzzer) \
	  $(LDFLAGS) -o $@ $^ $(TRAINER_LIBS) $(CORE_LIBS) $(SHARED_LIBS)

# Programs that the scripts of tests/bench/ and tests/peers/ use.
$(PEER_PROGRAMS) $(BENCH_PROGRAMS): %: %.o $(BUILD)/unit.a
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ \
	  $(TRAINER_LIBS) $(CORE_LIBS) $(SHARED_LIBS)

# Programs that make datasets.
$(EXAMPLE:%=$(BUILD)/examples/%): $(BUILD)/examples/%: \
  $(BUILD)/examples/%.o $(BUILD)/examples/picture_out.o
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(EXAMPLE_LIBS)
$(BUILD)/examples/glyphs: $(call object,examples,fonts) $(BUILD)/trainer/basic/random.o
$(BUILD)/examples/scans: $(call object,examples,fonts page papers) \
  $(BUILD)/trainer/basic/random.o
$(BUILD)/examples/glyphs $(BUILD)/examples/scans: EXAMPLE_LIBS += -lfreetype
$(call object,examples,glyphs scans fonts page papers): \
  BASE_FLAGS += -I$(FREETYPE_INCLUDE)
examples: $(EXAMPLE:%=$(BUILD)/examples/%)

# Programs that make the base model: make base.
BASE_TOOLS = $(BUILD)/examples/base/pages $(BUILD)/examples/base/pack
$(call object,examples/base,pages view): BASE_FLAGS += \
  $(shell pkg-config --cflags poppler-glib 2>/dev/null)
$(BUILD)/examples/base/pages: $(call object,examples/base,pages view) \
  $(BUILD)/examples/picture_out.o $(BUILD)/trainer/basic/random.o
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(EXAMPLE_LIBS) \
	  $(shell pkg-config --libs poppler-glib)
$(BUILD)/examples/base/pack: $(BUILD)/examples/base/pack.o $(BUILD)/unit.a
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ \
	  $(TRAINER_LIBS) $(CORE_LIBS) $(SHARED_LIBS)

# Writes the tables of the documentation from those in the code.
$(BUILD)/docs/reference/reference: $(BUILD)/docs/reference/reference.o $(BUILD)/unit.a
	$(call quiet,link)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ \
	  $(TRAINER_LIBS) $(CORE_LIBS) $(SHARED_LIBS)

#: docs          bring the tables of docs/ and dist/man/ up to date
docs: $(BUILD)/docs/reference/reference
	docs/reference/fill $< docs/*.md docs/*/*.md dist/man/*.? dist/man/*/*.?

# Sentences are in the order of the .pot, without the date that always changes.
XGETTEXT = xgettext --language=C --from-code=UTF-8 --package-name=primofs \
  --no-location --no-wrap --add-comments=TRANSLATORS \
  --keyword=_ --keyword=N_ --keyword=C_:1c,2 --keyword=NC_:1c,2 \
  --keyword=P_:1,2 --keyword=refuse:3 --keyword=refuse_errno:3 \
  --keyword=reason_prefix:2 --keyword=writer_log:2 --keyword=control_expect:3 \
  --keyword=options_decide:4 --keyword=options_note:4
MSGMERGE = msgmerge --quiet --no-wrap --no-fuzzy-matching
SENTENCES = $(XGETTEXT) -o - $(wildcard $(foreach d,core fs trainer,$(d)/*.c $(d)/*/*.c $(d)/*/*/*.c) core/rows.h) | \
  sed '/^"POT-Creation-Date/d'
#: po            bring po/ up to date with the sentences of the code
po:
	@tests/packages install $(BUILD_PACKAGES)
	@$(SENTENCES) >po/primofs.pot
	@for file in po/*.po; do \
	  $(MSGMERGE) --update --backup=none $$file po/primofs.pot && \
	  msgfmt --check --statistics -o /dev/null $$file; done

# Prints what a translator has to do, and nothing when all is done.
po-check:
	@tests/packages install $(BUILD_PACKAGES)
	@for file in po/*.po; do \
	  msgfmt --check -o /dev/null $$file && \
	  $(SENTENCES) | $(MSGMERGE) -o - $$file - | \
	  msgattrib --no-obsolete --no-wrap --untranslated - | sed '1,/^$$/d' && \
	  msgattrib --no-obsolete --no-wrap --only-fuzzy $$file; done

# The targets below install the packages that are missing, and then call make again:
# only then it is known what can be built.
again = $(MAKE) --no-print-directory \
  $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

#: demo          install what is missing, build, and train on drawn scans
demo:
	@tests/packages install $(BUILD_PACKAGES) $(EXAMPLE_PACKAGES)
	@$(again) all $(BUILD)/examples/scans
	@BUILD=$(BUILD) examples/demo.sh

#: test          install what is missing, build, and run the tests;
#:               PEERS=1 adds those that need PyTorch and other peers,
#:               TESTS='NAME…' runs only some
test:
	@tests/packages install $(BUILD_PACKAGES) $(TEST_PACKAGES) \
	  $(EXAMPLE_PACKAGES) $(if $(PEERS),$(PEER_PACKAGES) $(FUZZ_PACKAGES))
	@$(if $(PEERS),$(again) $(PEERS_DIR)/node_modules)
	@$(again) all unit examples $(BUILD)/docs/reference/reference
	@BUILD=$(BUILD) PEERS_DIR=$(PEERS_DIR) SANITIZE=$(SANITIZE) \
	  tests/run $(TESTS)

#: bench         measure beside PyTorch (docs/measurements.md);
#:               BENCH='NAME…' runs only some of tests/bench/
bench:
	@tests/packages install $(BUILD_PACKAGES) $(DEMO_PACKAGES) \
	  $(EXAMPLE_PACKAGES) $(PEER_PACKAGES) $(BENCH_PACKAGES)
	@$(again) all examples $(BENCH_PROGRAMS)
	@BUILD=$(BUILD) tests/bench/run $(BENCH)

#: base          make the base model again, in build-base/: hours; the same
#:               command goes on with what was stopped (docs/base.md)
base:
	@tests/packages install $(BUILD_PACKAGES) $(BASE_PACKAGES)
	@$(again) $(BASE_TOOLS)
	@$(again) BUILD=$(BUILD)/base-trainer \
	  CFLAGS='-O2 -g -DRECIPE_SMOOTHING=0.0f' \
	  $(BUILD)/base-trainer/primo-train
	@BUILD=$(BUILD) examples/base/make.sh build-base

#: asan          run the tests with address and undefined-behaviour sanitizers
asan:
	@$(again) test BUILD=build-asan SANITIZE=address,undefined CFLAGS='-O2 -g'

#: tsan          run the tests with the thread sanitizer
tsan:
	@$(again) test BUILD=build-tsan SANITIZE=thread CFLAGS='-O1 -g'

#: torture       the tests of tests/faults/ that go on as long as they are told:
#:               ROUNDS=100 kills, twice as many power cuts, and so on
torture:
	@tests/packages install $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@$(again) all unit $(BUILD)/examples/fashion-mnist
	@BUILD=$(BUILD) TORTURE=1 KILLS=$(ROUNDS) CUTS=$(ROUNDS) \
	  RUNS=$(ROUNDS)000 tests/run -j 1 $(TORTURE_TESTS)

#: fuzz          look for inputs that end the parsers, with clang's libFuzzer and
#:               sanitizers; SECONDS=N for each, TARGETS='NAME…' for only some
fuzz:
	@tests/packages install $(BUILD_PACKAGES) $(FUZZ_PACKAGES)
	@$(again) fuzz-programs BUILD=build-fuzz CC=clang FUZZER=1 \
	  SANITIZE=address,undefined CFLAGS='-O1 -g'
	@BUILD=build-fuzz tests/fuzz/run $(SECONDS) $(TARGETS)
fuzz-programs: $(FUZZ_PROGRAMS)

#: test-bare     run `make demo` and `make test` in a bare Debian root (as root)
test-bare:
	@tests/packages install debootstrap:debootstrap git:git
	@tests/bare-root

#: test-deb      try the Debian packages in a bare Debian root (as root)
test-deb: deb
	@tests/packages install debootstrap:debootstrap
	@BUILD=$(BUILD) tests/bare-packages

#: deps          install the Debian packages that the build needs
deps:
	@tests/packages install $(BUILD_PACKAGES)

# ONNX Runtime, in the version that tests/peers/package-lock.json names. Its install
# script would fetch libraries for GPUs, and is not run.
$(PEERS_DIR)/node_modules: tests/peers/package-lock.json
	@mkdir -p $(@D)
	cp tests/peers/package.json tests/peers/package-lock.json $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

UNITS     = lib/systemd/system
PRIVATE   = libexec/primofs
MANUALS   = share/man share/man/ru
INSTALLED = bin $(UNITS) $(MANUALS:%=%/man1) $(MANUALS:%=%/man5) \
  share/primofs share/bash-completion/completions
#: install       install into PREFIX (/usr/local), below DESTDIR
install: all
	install -d $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%/)
	install -m 755 $(BUILD)/primofs $(BUILD)/primo-train \
	  $(DESTDIR)$(PREFIX)/bin
	$(if $(MPI),install -D -m 755 $(BUILD)/primo-nodes -t \
	  $(DESTDIR)$(PREFIX)/$(PRIVATE))
	install -m 644 dist/base/base.safetensors \
	  $(DESTDIR)$(PREFIX)/share/primofs
	install -m 644 $(wildcard dist/man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(wildcard dist/man/*.5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(wildcard dist/man/ru/*.1) \
	  $(DESTDIR)$(PREFIX)/share/man/ru/man1
	install -m 644 $(wildcard dist/man/ru/*.5) \
	  $(DESTDIR)$(PREFIX)/share/man/ru/man5
	sed 's,@PREFIX@,$(PREFIX),' dist/systemd/primofs@.service \
	  >$(DESTDIR)$(PREFIX)/$(UNITS)/primofs@.service
	for name in primofs primo-train; do \
	  install -m 644 dist/completion/primofs \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name; done

#: deb           make Debian packages, in build/deb/
deb: all
	@tests/packages install $(DEB_PACKAGES)
	@dist/deb/build $(BUILD) $(VERSION)

#: uninstall     remove what `make install` has installed
uninstall:
	rm -f $(foreach dir,$(INSTALLED) $(PRIVATE),$(addprefix $(DESTDIR)$(PREFIX)/$(dir)/, \
	  primofs primo-train primo-nodes $(notdir $(wildcard dist/*/*))))

C_FILES = $(shell find core fs trainer tests examples docs -name '*.[ch]')

#: format        format the C files as the project does
format:
	@tests/packages install $(STYLE_PACKAGES)
	clang-format -i $(C_FILES)

#: check-format  say which C files are not formatted so
check-format:
	@tests/packages install $(STYLE_PACKAGES)
	clang-format --dry-run --Werror $(C_FILES)

#: clean         remove everything that was built
clean:
	rm -rf build build-asan build-tsan build-fuzz $(PEERS_DIR)

#: help          show this list
help:
	@sed -n 's/^#: /make /p' Makefile | sed 's/^make  /     /'

.PHONY: all unit examples po po-check demo test bench base asan tsan fuzz fuzz-programs torture \
  test-bare test-deb deps docs install deb \
  uninstall format check-format clean help
.SECONDARY:
.DELETE_ON_ERROR:
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)
