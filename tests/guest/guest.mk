# Builds the programs that the tests run in the guest, build/tests/NAME from tests/guest/NAME/,
# by the rules of the book's own programs and against the book's C library.
include build/lined/build/folio.mk

guest_programs := $(notdir $(patsubst %/,%,$(wildcard tests/guest/*/)))
guest_objects = $(sort $(patsubst tests/guest/%,build/objects/guest/%.o, \
    $(wildcard tests/guest/$(1)/*.c tests/guest/$(1)/*.asm))) $($(1)_objects)

# SYSTEM itself, with a function in front of one of its own.
mortal_objects := $(patsubst build/lined/%,build/objects/%.o,$(wildcard build/lined/user/bin/system/*.c))
mortal_flags := --wrap=spawn_program

.PHONY: guest-programs
guest-programs: $(guest_programs:%=build/tests/%)

build/objects/guest/%.c.o: tests/guest/%.c tests/guest/guest.mk build/lined/build/folio.mk
	$(call compile,$(CC) $(user_flags) -MD -MP -c $< -o $@)

build/objects/guest/%.asm.o: tests/guest/%.asm build/lined/build/folio.mk
	$(call compile,nasm $(nasm_flags) -MD $(@:.o=.d) -MP $< -o $@)

define guest_rule
build/tests/$(1): $(call guest_objects,$(1)) build/libfolio.a build/lined/user/user.ld
	@echo "  ld $$@"
	@mkdir -p $$(@D)
	@ld $(link_flags) $($(1)_flags) -T build/lined/user/user.ld -o $$@.debug $(call guest_objects,$(1)) build/libfolio.a
	@strip -s -o $$@ $$@.debug
endef
$(foreach program,$(guest_programs),$(eval $(call guest_rule,$(program))))
