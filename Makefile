# Folio's entry points. `make help` lists them; `make run` and `make test` are the two to know.
# How the book becomes a kernel is told by the appendix "From book to machine".

# Options of run, exec and debug: processors, memory, QEMU's accelerator (tcg or kvm), the window
# (none or gtk), and a kernel that looks for its own mistakes (DEBUG=1, undefined or address).
SMP = 1
MEM = 256M
ACCEL = tcg
SCREEN = none
DEBUG =

SHELL = /bin/sh
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
# CMD may hold anything; it reaches the recipes by the environment, never by a sub-make.
MAKEOVERRIDES =
unexport CMD ADD OUT
export FOLIO_CMD = $(value CMD)
export FOLIO_ADD = $(value ADD)
export FOLIO_OUT = $(value OUT)

jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
# Two builds of one checkout take turns, where the system can lock a file.
lock = $(if $(shell command -v flock 2>/dev/null),flock build/make.lock)
build = ./tangle.sh && $(lock) $(MAKE) $(jobs) -f build/lined/build/folio.mk DEBUG='$(DEBUG)'
kernel = build$(DEBUG:%=/debug-%)
cpu = $(if $(filter kvm,$(ACCEL)),host,max)
qemu = qemu-system-x86_64 -machine pc -nodefaults -no-reboot -accel $(ACCEL) -cpu $(cpu) \
    -smp $(SMP) -m $(MEM) -display $(SCREEN) $(if $(filter none,$(SCREEN)),,-vga std) \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 -debugcon file:build/debug.log \
    -kernel $(kernel)/folio.elf -initrd build/initrd.cpio

##@ Use it
.PHONY: help run exec
help: ## say what can be made
	@awk '/^##@ /{ printf "\n%s\n", substr($$0, 5) } \
	    match($$0, /^[a-z-]+:.*## /){ name = $$1; sub(":.*", "", name); sub(".*## ", ""); \
	        printf "  make %-12s %s\n", name, $$0 }' Makefile
	@echo
	@echo "Options, with what they are otherwise: SMP=$(SMP) MEM=$(MEM) ACCEL=$(ACCEL) SCREEN=$(SCREEN) DEBUG=$(DEBUG)"

run: deps-run image ## boot to the shell on this terminal
	@echo "To leave: type poweroff at the prompt, or press Ctrl-a and then x."
	@rm -f build/debug.log; status=0; $(qemu) -serial mon:stdio || status=$$?; \
	if grep -q '^folio: panic' build/debug.log; then exit 1; fi; \
	grep -q '^folio: exit status' build/debug.log || exit $$status

exec: deps-run ## run CMD='…' in the guest, with the host's files ADD='file …' in /host
	@[ -n "$$FOLIO_CMD" ] || { echo "make exec: say what to run, as in: make exec CMD='ls /bin'" >&2; exit 2; }
	@{ $(build); } >&2
	@set -f; set --; for file in $$FOLIO_ADD; do set -- "$$@" -a "$$file"; done; \
	    ACCEL='$(ACCEL)' FOLIO_DEBUG='$(DEBUG)' exec tests/guest.sh -s '$(SMP)' -m '$(MEM)' "$$@" "$$FOLIO_CMD"

##@ Change it
.PHONY: tangle image iso debug console clean
tangle: ## make generated/ from book/
	@./tangle.sh

image: deps-run ## tangle, and build the kernel and its programs
	@$(build)

iso: deps-iso image ## make build/folio.iso, an image that boots on BIOS and on UEFI
	@$(lock) $(MAKE) -f build/lined/build/folio.mk iso DEBUG='$(DEBUG)'

debug: deps-test image ## stop at the first instruction, with gdb and the chapters as source
	@echo "Try: break process_fork, or break 3-07-fork.md:LINE; then continue, and list."
	@echo "The guest's console is in another terminal: make console"
	@gdb -q -ex 'target remote | exec $(qemu) -append nokaslr -S -gdb stdio -serial unix:build/console,server=on,wait=off' $(kernel)/kernel.elf

console: ## show the console of the guest that make debug runs
	@socat STDIO,raw,echo=0 UNIX-CONNECT:build/console

clean: ## delete all that is made
	@rm -rf build
	@find generated site -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +

##@ Check it
.PHONY: test test-long check-book transcripts
# What several suites use is built once, before two of them run side by side.
test: deps-test image ## run the tests
	@$(MAKE) -s $(jobs) -f tests/guest/guest.mk guest-programs build/trace-text iso >/dev/null
	@tests/run

test-long: deps-long image ## run the tests that take long
	@tests/run -l

check-book: deps-test image ## run the checks of the book alone
	@PAGES=all SUITE_LIMIT=3600 tests/run tangle book checks figures spine transcripts sessions site pages

transcripts: deps-test image ## record the sessions shown in the book anew: CHAPTER=3-07, or only compare: CHECK=1
	@$(lock) $(MAKE) -s -f tests/guest/guest.mk guest-programs
	@perl generated/sessions/replay.pl $(if $(CHECK),-c) $(CHAPTER)

##@ Measure it
.PHONY: bench machine trace
trace: deps-trace ## run CMD='…' and write all that the kernel does to OUT=file, event by event
	@{ $(build); } >&2
	@$(lock) $(MAKE) -s -f build/lined/build/folio.mk build/trace-text >/dev/null
	@FOLIO_DEBUG='$(DEBUG)' sh generated/trace/record.sh -s '$(SMP)' -m '$(MEM)' "$$FOLIO_OUT" "$$FOLIO_CMD"

bench: deps-bench image ## measure the kernel, and Linux beside it; RECORD=1 puts the numbers into the book
	@RECORD='$(RECORD)' sh generated/bench/memory.sh
	@RECORD='$(RECORD)' sh generated/bench/bench.sh

machine: deps-run ## measure single operations on the emulated machine, without Folio; RECORD=1 as above
	@./tangle.sh && RECORD='$(RECORD)' sh generated/bench/machine.sh

##@ Read it
.PHONY: site pdf epub diagrams picture serve
site: deps-site ## weave the book to site/
	@./tangle.sh
	@sh generated/weave/weave.sh

pdf: deps-pdf ## print the book to build/folio.pdf
	@./tangle.sh
	@sh generated/weave/weave.sh >/dev/null
	@sh generated/weave/paper.sh

epub: deps-epub ## pack the book for readers of e-books: build/folio.epub
	@./tangle.sh
	@sh generated/weave/weave.sh >/dev/null
	@sh generated/weave/reader.sh

diagrams: deps-diagrams image ## draw anew what the pictures show: the code, and the recorded run
	@sh generated/figures/draw.sh diagrams
	@$(lock) $(MAKE) -s -f build/lined/build/folio.mk build/trace-text >&2
	@sh generated/weave/diagrams.sh build/diagrams
	@cp build/diagrams/*.trace diagrams/

picture: deps-test site ## photograph the site's front page for the README: diagrams/page.png
	@chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,800 \
	    --screenshot='$(CURDIR)/diagrams/page.png' 'file://$(CURDIR)/site/index.html' 2>/dev/null

PORT =
serve: deps-serve ## show the book on a local port (PORT=8000), and weave what is saved
	@./tangle.sh || [ -f generated/weave/serve.js ]
	@exec node generated/weave/serve.js '$(PORT)'

##@ Install what it needs
# What must be there, as command:package, or as file:package where there is no command.
run_needs = /usr/lib/noweb/mnt:noweb gcc:gcc ld:binutils nasm:nasm cpio:cpio \
    qemu-system-x86_64:qemu-system-x86 \
    $(if $(filter gtk,$(SCREEN)),/usr/lib/x86_64-linux-gnu/qemu/ui-gtk.so:qemu-system-gui)
iso_needs = $(run_needs) grub-mkrescue:grub-common xorriso:xorriso mformat:mtools \
    /usr/lib/grub/i386-pc:grub-pc-bin /usr/lib/grub/x86_64-efi:grub-efi-amd64-bin
fonts = /usr/share/fonts/truetype
site_needs = $(run_needs) pandoc:pandoc dot:graphviz ctags:universal-ctags \
    hb-subset:libharfbuzz-bin woff2_compress:woff2 npm:npm \
    $(fonts)/charis:fonts-sil-charis $(fonts)/jetbrains-mono:fonts-jetbrains-mono
pdf_needs = $(site_needs) xsltproc:xsltproc chromium:chromium pdfinfo:poppler-utils \
    qpdf:qpdf
epub_needs = $(site_needs) xsltproc:xsltproc rsvg-convert:librsvg2-bin zip:zip
serve_needs = $(site_needs) node:nodejs
test_needs = $(pdf_needs) $(epub_needs) $(iso_needs) /usr/share/ovmf/OVMF.fd:ovmf \
    gdb:gdb socat:socat perl:perl /bin/kill:procps \
    hunspell:hunspell /usr/share/hunspell/en_GB.dic:hunspell-en-gb \
    shellcheck:shellcheck xmllint:libxml2-utils /usr/include/stdio.h:libc6-dev \
    node:nodejs chromium:chromium java:default-jre-headless
long_needs = $(test_needs) /usr/share/java/epubcheck.jar:epubcheck

# make bench fetches a Linux to compare with, below build/; it installs none.
bench_needs = $(run_needs) dpkg-deb:dpkg tar:tar /usr/include/stdio.h:libc6-dev

# The reader of traces is a program of the host.
trace_needs = $(run_needs) /usr/include/stdio.h:libc6-dev
diagrams_needs = $(trace_needs) gdb:gdb

.PHONY: deps deps-run deps-iso deps-site deps-pdf deps-epub deps-serve deps-test deps-long deps-bench deps-trace deps-diagrams
deps: deps-test ## install what all of the above need, but test-long
deps-run: ## install what run needs
deps-iso: ## install what iso needs beyond run
deps-site: ## install what site needs beyond run
deps-pdf: ## install what pdf needs beyond site
deps-epub: ## install what epub needs beyond site
deps-test: ## install what the tests need beyond all of these
deps-long: ## install what test-long needs beyond test
deps-run: needs = $(run_needs)
deps-iso: needs = $(iso_needs)
deps-site: needs = $(site_needs)
deps-pdf: needs = $(pdf_needs)
deps-epub: needs = $(epub_needs)
deps-serve: needs = $(serve_needs)
deps-test: needs = $(test_needs)
deps-long: needs = $(long_needs)
deps-bench: ## install what bench needs
deps-bench: needs = $(bench_needs)
deps-trace: ## install what trace needs
deps-trace: needs = $(trace_needs)
deps-diagrams: ## install what diagrams needs
deps-diagrams: needs = $(diagrams_needs)
deps-run deps-iso deps-site deps-pdf deps-epub deps-serve deps-test deps-long deps-bench deps-trace deps-diagrams:
	@missing=; \
	for need in $(needs); do \
	    case $$need in \
	    /*) [ -e "$${need%%:*}" ] || missing="$$missing $${need#*:}" ;; \
	    *) command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need#*:}" ;; \
	    esac; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if ! command -v apt-get >/dev/null; then \
	    echo "$@: please install what these packages of Debian hold:$$missing" >&2; exit 1; \
	fi; \
	sudo=; \
	if [ "$$(id -u)" -ne 0 ]; then \
	    command -v sudo >/dev/null || { echo "$@: as root, run: apt-get install$$missing" >&2; exit 1; }; \
	    sudo=sudo; \
	fi; \
	echo "Installing$$missing"; \
	ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || $$sudo apt-get -qq update; \
	install="$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends"; \
	$$install $$missing >/dev/null </dev/null || { $$sudo apt-get -qq update && $$install $$missing >/dev/null </dev/null; }
