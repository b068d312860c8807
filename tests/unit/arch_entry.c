// sources: kernel/lib/check.c
// assembly: arch_entry.asm
// System calls by the kernel's own entry code, on a processor that is stricter than the emulated one: its sysret
// refuses an address that is not canonical as Intel's does, with a fault in ring 0 on the program's stack. Each
// call changes its frame in another way, and each must come back with what the frame says, by sysret only where
// that is safe.

#include "host.h"

#include <string.h>

#include <folio/trap_frame.h>

enum { SYSRET = 1, IRETQ = 2, USER_CODE = 0x2b, USER_DATA = 0x23, FLAGS = 0x202, TRAP = 1 << 8, RESUME = 1 << 16 };

struct registers {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, rsp;
};

void model_call(struct registers *registers);
void model_gs(uint64_t base);
extern struct registers model_registers; // what the program finds; rsp is what iretq or sysret had
extern const uint64_t model_kernel_stack_at, model_user_stack_at;
extern uint32_t model_swaps, model_exit;

static struct {
    uint64_t rip, rflags, cs;
    bool all; // every register changes, as by exec
} wish;
static unsigned calls;

static uint64_t kernel_stack[1 << 15] __attribute__((aligned(16)));
static uint64_t fake_cpu[64];
static uint64_t program_stack[64];

void trap(struct trap_frame *frame);
void trap_system_call(struct trap_frame *frame);
void trap_attend(struct trap_frame *frame);
void trap(struct trap_frame *frame) { CHECK(false, "vector %lu", frame->vector); }
void trap_attend(struct trap_frame *frame) { CHECK(false, "vector %lu", frame->vector); }

static struct registers before;

void trap_system_call(struct trap_frame *frame)
{
    calls++;
    CHECK(model_swaps == 1, "GS is the program's");
    CHECK((void *)(frame + 1) == kernel_stack + ARRAY_LENGTH(kernel_stack), "the frame is not on top");
    CHECK(frame->rip == before.rcx && frame->rflags == before.r11 && frame->rsp == before.rsp);
    CHECK(frame->cs == USER_CODE && frame->ss == USER_DATA);
    CHECK(memcmp(frame, &before, 15 * 8) == 0, "a register has changed");
    CHECK(frame->error == before.rax && frame->vector == 256);
    frame->rax = 4711;
    frame->rip = wish.rip;
    frame->rflags = wish.rflags;
    frame->cs = wish.cs;
    if (wish.all)
        memset(frame, 0, 15 * 8);
}

static bool is_canonical(uint64_t address) { return (uint64_t)((int64_t)(address << 16) >> 16) == address; }

// A call from `from`, whose frame then says `to`.
static void call(uint64_t from, uint64_t to, uint64_t flags, uint64_t flags_after, uint64_t cs, bool all)
{
    uint64_t *values = (uint64_t *)&before;
    for (unsigned i = 0; i < sizeof(before) / 8; i++)
        values[i] = host_random(~0ull >> 1);
    before.rcx = from;
    before.r11 = flags;
    before.rsp = (uint64_t)&program_stack[32];
    wish.rip = to, wish.rflags = flags_after, wish.cs = cs, wish.all = all;
    model_swaps = 0;
    model_call(&before);

    const struct registers *after = &model_registers;
    struct registers wanted = before;
    if (all)
        memset(&wanted, 0, 15 * 8);
    else
        wanted.rax = 4711;
    CHECK(model_swaps == 2, "GS is exchanged %u times", model_swaps);
    if (model_exit == SYSRET) {
        CHECK(is_canonical(after->rcx), "a fault in ring 0 on the program's stack, on the way to %#lx", after->rcx);
        CHECK(to >> 47 == 0, "sysret to %#lx", to);
        CHECK(after->rcx == to && after->r11 == flags_after && cs == USER_CODE && after->rsp == before.rsp);
        CHECK((flags_after & (TRAP | RESUME)) == 0, "sysret with flags %#lx", flags_after);
        wanted.rcx = to, wanted.r11 = flags_after;
    } else {
        const uint64_t *words = (const uint64_t *)after->rsp;
        CHECK(words[0] == to && words[1] == cs && words[2] == flags_after && words[3] == before.rsp);
        CHECK(words[4] == USER_DATA);
        CHECK(from != to || flags != flags_after || cs != USER_CODE || all || to >> 47 != 0
                  || (flags & (TRAP | RESUME)) != 0, "iretq without need");
    }
    CHECK(memcmp(after, &wanted, 15 * 8) == 0, "a register comes back changed");
}

int main(void)
{
    static const uint64_t addresses[] = {
        0x400000, 0x1000, 0x7fffffffefff, 0x7ffffffff000, 0x7fffffffffff, 1ull << 47, (1ull << 47) + 2,
        0xffff7fffffffffff, 0xffff800000000000, 0xffffffff80200000, ~0ull, 0,
    };
    static const uint64_t flags[] = { FLAGS, FLAGS | TRAP, FLAGS | RESUME, FLAGS | 0x8d5, FLAGS | 1 << 18 };
    fake_cpu[model_kernel_stack_at / 8] = (uint64_t)(kernel_stack + ARRAY_LENGTH(kernel_stack));
    model_gs((uint64_t)fake_cpu);
    for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++)
        for (size_t j = 0; j < ARRAY_LENGTH(addresses); j++)
            for (size_t k = 0; k < ARRAY_LENGTH(flags); k++)
                for (size_t l = 0; l < ARRAY_LENGTH(flags); l++)
                    for (unsigned more = 0; more < 4; more++)
                        call(addresses[i], addresses[j], flags[k], flags[l],
                             (more & 1) != 0 ? USER_CODE + 8 : USER_CODE, (more & 2) != 0);
    CHECK(fake_cpu[model_user_stack_at / 8] == before.rsp);
    CHECK(calls == 12 * 12 * 5 * 5 * 4);
    return 0;
}
