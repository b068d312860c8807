/* Every exception that a program can raise ends that program, and it alone. */
#include "usertests.h"

enum { ANY = -1 };

/* Runs it in a child, which must end by this signal, with this vector and error code. */
static void faults(const char *name, void (*function)(void *), void *argument, int signal,
                   int vector, int64_t error)
{
    struct trap_frame f;
    pid_t pid = start(function, argument);
    CHECK_IS(folio_process_frame(pid, &f), 0);
    int status = status_of(pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
        fail("%s: status %x, not %s", name, (unsigned)status, strsignal(signal));
    if ((vector != ANY && f.vector != (uint64_t)vector) ||
        (error != ANY && f.error != (uint64_t)error))
        fail("%s: vector %lu error %lx at %lx, not %d %lx", name, f.vector, f.error, f.rip, vector,
             error);
}

/* A function whose body is these instructions. */
#define INSTRUCTIONS(name, text) \
    static void name(void *argument) \
    { \
        __asm__ volatile(text : : "a"(argument), "c"(0), "d"(0) : "memory"); \
    }

INSTRUCTIONS(divide_by_zero, "mov $1, %%eax; xor %%edx, %%edx; div %%ecx")
INSTRUCTIONS(divide_overflow, "mov $0x80000000, %%eax; cdq; mov $-1, %%ecx; idiv %%ecx")
INSTRUCTIONS(single_step, "pushfq; orl $0x100, (%%rsp); popfq; nop; nop")
INSTRUCTIONS(breakpoint, "int3; nop")
INSTRUCTIONS(undefined, "ud2")
INSTRUCTIONS(undefined_into, ".byte 0xce")
INSTRUCTIONS(undefined_bytes, ".byte 0x0f, 0xff, 0xff")
INSTRUCTIONS(not_canonical, "mov $0x800000000000, %%rax; mov (%%rax), %%rax")
INSTRUCTIONS(stack_not_canonical, "mov $0x900000000000, %%rsp; push %%rax")
INSTRUCTIONS(base_not_canonical, "mov $0x800000000000, %%rbp; mov (%%rbp), %%rax")
INSTRUCTIONS(read_address, "mov (%%rax), %%rcx")
INSTRUCTIONS(write_address, "movb $1, (%%rax)")
INSTRUCTIONS(jump_to_address, "jmp *%%rax")
INSTRUCTIONS(x87_error, "fninit; pushq $0x37b; fldcw (%%rsp); fld1; fldz; fdivrp; fwait; nop; fwait")
INSTRUCTIONS(sse_error, "push $0x1d80; ldmxcsr (%%rsp); mov $1, %%eax; cvtsi2sd %%eax, %%xmm0;"
             "xorpd %%xmm1, %%xmm1; divsd %%xmm1, %%xmm0; xor %%edi, %%edi; xor %%eax, %%eax; syscall")
INSTRUCTIONS(bad_mxcsr, "push $-1; ldmxcsr (%%rsp); pop %%rax")
INSTRUCTIONS(misaligned_sse, "movaps 1(%%rsp), %%xmm0")

static void arithmetic_faults(void)
{
    faults("division by zero", divide_by_zero, NULL, SIGFPE, 0, 0);
    faults("division overflow", divide_overflow, NULL, SIGFPE, 0, 0);
    faults("x87 error", x87_error, NULL, SIGFPE, 16, 0);
    int status = status_of(start(sse_error, NULL));     /* QEMU's TCG raises none */
    CHECK(status == 0 || WTERMSIG(status) == SIGFPE);
}

static void debug_faults(void)
{
    faults("single step", single_step, NULL, SIGTRAP, 1, 0);
    faults("int3", breakpoint, NULL, SIGTRAP, 3, 0);
}

static void undefined_instructions(void)
{
    faults("ud2", undefined, NULL, SIGILL, 6, 0);
    faults("into", undefined_into, NULL, SIGILL, 6, 0);
    faults("unknown bytes", undefined_bytes, NULL, SIGILL, 6, 0);
}

/* Instructions for the kernel alone. The kernel's state must not change, or it would not live. */
#define PRIVILEGED(name, text) INSTRUCTIONS(name, text)
PRIVILEGED(run_cli, "cli")
PRIVILEGED(run_sti, "sti")
PRIVILEGED(run_hlt, "hlt")
PRIVILEGED(run_in, "in $0x64, %%al")
PRIVILEGED(run_in_dx, "mov $0x3f8, %%edx; in %%dx, %%eax")
PRIVILEGED(run_out, "mov $0xf4, %%edx; out %%al, %%dx")
PRIVILEGED(run_insb, "mov %%rsp, %%rdi; mov $0x60, %%edx; insb")
PRIVILEGED(run_outsb, "mov %%rsp, %%rsi; mov $0xe9, %%edx; outsb")
PRIVILEGED(run_rdmsr, "mov $0xc0000080, %%ecx; rdmsr")
PRIVILEGED(run_wrmsr, "mov $0xc0000101, %%ecx; wrmsr")
PRIVILEGED(run_wrmsr_lstar, "mov $0xc0000082, %%ecx; wrmsr")
PRIVILEGED(run_read_cr0, "mov %%cr0, %%rax")
PRIVILEGED(run_write_cr0, "mov %%rax, %%cr0")
PRIVILEGED(run_write_cr3, "mov %%rax, %%cr3")
PRIVILEGED(run_write_cr4, "mov %%rax, %%cr4")
PRIVILEGED(run_write_cr8, "mov %%rax, %%cr8")
PRIVILEGED(run_read_dr7, "mov %%dr7, %%rax")
PRIVILEGED(run_write_dr7, "mov %%rax, %%dr7")
PRIVILEGED(run_lgdt, "sub $16, %%rsp; lgdt (%%rsp)")
PRIVILEGED(run_lidt, "sub $16, %%rsp; lidt (%%rsp)")
PRIVILEGED(run_lldt, "lldt %%ax")
PRIVILEGED(run_ltr, "mov $0x40, %%eax; ltr %%ax")
PRIVILEGED(run_lmsw, "lmsw %%ax")
PRIVILEGED(run_clts, "clts")
PRIVILEGED(run_invd, "invd")
PRIVILEGED(run_wbinvd, "wbinvd")
PRIVILEGED(run_invlpg, "invlpg (%%rax)")
PRIVILEGED(run_swapgs, "swapgs")
PRIVILEGED(run_sysret, "sysretq")
PRIVILEGED(run_xsetbv, "xsetbv")
PRIVILEGED(run_rsm, ".byte 0x0f, 0xaa")
PRIVILEGED(run_stac, "stac")
PRIVILEGED(run_clac, "clac")

static void privileged_instructions(void)
{
    static const struct { const char *name; void (*run)(void *); } list[] = {
#define ENTRY(name) { #name, name }
        ENTRY(run_cli), ENTRY(run_sti), ENTRY(run_hlt), ENTRY(run_in), ENTRY(run_in_dx),
        ENTRY(run_out), ENTRY(run_insb), ENTRY(run_outsb), ENTRY(run_rdmsr), ENTRY(run_wrmsr),
        ENTRY(run_wrmsr_lstar), ENTRY(run_read_cr0), ENTRY(run_write_cr0), ENTRY(run_write_cr3),
        ENTRY(run_write_cr4), ENTRY(run_write_cr8), ENTRY(run_read_dr7), ENTRY(run_write_dr7),
        ENTRY(run_lgdt), ENTRY(run_lidt), ENTRY(run_lldt), ENTRY(run_ltr), ENTRY(run_lmsw),
        ENTRY(run_clts), ENTRY(run_invd), ENTRY(run_wbinvd), ENTRY(run_invlpg),
        ENTRY(run_swapgs), ENTRY(run_sysret), ENTRY(run_xsetbv), ENTRY(run_rsm),
        ENTRY(run_stac), ENTRY(run_clac),
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct trap_frame f;
        pid_t pid = start(list[i].run, NULL);
        CHECK_IS(folio_process_frame(pid, &f), 0);
        int status = status_of(pid);
        bool fits = (f.vector == 13 && WTERMSIG(status) == SIGSEGV) ||
            (f.vector == 6 && WTERMSIG(status) == SIGILL);
        if (!fits)
            fail("%s: vector %lu, status %x", list[i].name, f.vector, (unsigned)status);
    }
}

/* Instructions that tell about the system's tables: refused under UMIP, harmless without. */
INSTRUCTIONS(run_sgdt, "sub $16, %%rsp; sgdt (%%rsp); add $16, %%rsp")
INSTRUCTIONS(run_sidt, "sub $16, %%rsp; sidt (%%rsp); add $16, %%rsp")
INSTRUCTIONS(run_smsw, "smsw %%eax")
INSTRUCTIONS(run_str, "str %%eax")
INSTRUCTIONS(run_sldt, "sldt %%eax")
INSTRUCTIONS(run_rdpmc, "rdpmc")
INSTRUCTIONS(run_rdtscp, "rdtscp")
INSTRUCTIONS(run_monitor, "monitor")
INSTRUCTIONS(run_mwait, "mwait")
INSTRUCTIONS(run_vmcall, "vmcall")
INSTRUCTIONS(run_vmmcall, "vmmcall")
INSTRUCTIONS(run_sysenter, "sysenter")
INSTRUCTIONS(run_sysexit, "sysexitl")

static void instructions_of_both_worlds(void)
{
    static void (*const list[])(void *) = { run_sgdt, run_sidt, run_smsw, run_str, run_sldt,
        run_rdpmc, run_rdtscp, run_monitor, run_mwait, run_vmcall, run_vmmcall, run_sysenter,
        run_sysexit };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        int status = status_of(start(list[i], NULL));
        CHECK(status == 0 || WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGILL);
    }
}

/* Where the processor has UMIP, none of the first five tells a program anything. */
static void tables_are_secret(void)
{
    static void (*const list[])(void *) = { run_sgdt, run_sidt, run_smsw, run_str, run_sldt };
    uint32_t eax = 0, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (eax < 7)
        return;
    eax = 7, ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    for (size_t i = 0; (ecx & 1 << 2) != 0 && i < sizeof(list) / sizeof(list[0]); i++)
        ends_by(start(list[i], NULL), SIGSEGV);
}

#define INT(n) INSTRUCTIONS(int_##n, "int $" #n)
INT(0) INT(1) INT(2) INT(4) INT(6) INT(8) INT(11) INT(13) INT(14) INT(18) INT(31) INT(32) INT(33)
INT(36) INT(48) INT(127) INT(129) INT(200) INT(253) INT(254) INT(255)

/* `int n` must not be a way to pretend an interrupt: only 3 and 0x80 (and perhaps 4) are gates.
 * (The error code would be n * 8 + 2; QEMU's TCG says n * 16 + 2.) */
static void software_interrupts(void)
{
#define INT_ENTRY(n) { n, int_##n }
    static const struct { int number; void (*run)(void *); } list[] = {
        INT_ENTRY(0), INT_ENTRY(1), INT_ENTRY(2), INT_ENTRY(6), INT_ENTRY(8), INT_ENTRY(11),
        INT_ENTRY(13), INT_ENTRY(14), INT_ENTRY(18), INT_ENTRY(31), INT_ENTRY(32), INT_ENTRY(33),
        INT_ENTRY(36), INT_ENTRY(48), INT_ENTRY(127), INT_ENTRY(129), INT_ENTRY(200),
        INT_ENTRY(253), INT_ENTRY(254), INT_ENTRY(255),
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        faults("int", list[i].run, NULL, SIGSEGV, 13, ANY);
    faults("int 4", int_4, NULL, SIGSEGV, ANY, ANY);
}

INSTRUCTIONS(load_kernel_ds, "mov $8, %%eax; mov %%eax, %%ds")
INSTRUCTIONS(load_kernel_ss, "mov $0x10, %%eax; mov %%eax, %%ss")
INSTRUCTIONS(load_null_ss, "xor %%eax, %%eax; mov %%eax, %%ss")
INSTRUCTIONS(load_beyond, "mov $0xfffb, %%eax; mov %%eax, %%fs")
INSTRUCTIONS(load_ldt, "mov $7, %%eax; mov %%eax, %%gs")
INSTRUCTIONS(load_code, "mov $0x2b, %%eax; mov %%eax, %%ss")
INSTRUCTIONS(far_to_kernel, "push $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1: hlt")
INSTRUCTIONS(far_to_null, "push $0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1: hlt")
INSTRUCTIONS(far_to_noncanonical, "push $0x2b; mov $0x800000000000, %%rax; push %%rax; lretq")
INSTRUCTIONS(iret_to_kernel, "mov %%rsp, %%rdx; push $0x10; push %%rdx; push $2; push $8;"
             "lea 1f(%%rip), %%rax; push %%rax; iretq; 1: hlt")
INSTRUCTIONS(iret_to_noncanonical, "mov %%rsp, %%rdx; push $0x23; push %%rdx; push $0x202;"
             "push $0x2b; mov $0x800000000000, %%rax; push %%rax; iretq")
INSTRUCTIONS(iret_with_nt, "mov %%rsp, %%rdx; pushfq; orl $0x4000, (%%rsp); popfq; push $0x23;"
             "push %%rdx; push $0x202; push $0x2b; lea 1f(%%rip), %%rax; push %%rax; iretq; 1: nop")

/* The same for an instruction that returns far. QEMU before 9.1 takes its reads of the stack for the
 * kernel's, so that SMAP forbids them: a page fault that is not the program's. */
static void far_faults(const char *name, void (*function)(void *), int64_t error)
{
    struct trap_frame f;
    pid_t pid = start(function, NULL);
    CHECK_IS(folio_process_frame(pid, &f), 0);
    ends_by(pid, SIGSEGV);
    if (f.vector != 14 || (f.error & 4) != 0)
        faults(name, function, NULL, SIGSEGV, 13, error);
}

static void segment_faults(void)
{
    faults("the kernel's data in ds", load_kernel_ds, NULL, SIGSEGV, 13, 8);
    faults("the kernel's data in ss", load_kernel_ss, NULL, SIGSEGV, 13, 0x10);
    faults("null in ss", load_null_ss, NULL, SIGSEGV, 13, 0);
    faults("a selector beyond the table", load_beyond, NULL, SIGSEGV, 13, 0xfff8);
    faults("a selector of no table", load_ldt, NULL, SIGSEGV, 13, 4);
    faults("code in ss", load_code, NULL, SIGSEGV, 13, 0x28);
    far_faults("far return to the kernel", far_to_kernel, ANY);
    far_faults("far return to null", far_to_null, 0);
    far_faults("far return to nowhere", far_to_noncanonical, ANY);
    far_faults("iret to the kernel", iret_to_kernel, ANY);
    far_faults("iret to nowhere", iret_to_noncanonical, ANY);
    faults("iret with NT", iret_with_nt, NULL, SIGSEGV, 13, 0);
}

/* Every selector into every segment register, and as the target of far jumps: what is not a
 * program's own ends it. */
static void load_selector(void *selector)
{
    uint64_t target[2] = { 0, (uint64_t)selector & 0xffff };
    switch ((uint64_t)selector >> 16) {
    case 0: __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(selector)); break;
    case 1: __asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(selector)); break;
    case 2: __asm__ volatile("mov %0, %%ss; push %0; pop %0" : "+r"(selector)); break;
    case 3:
        __asm__ volatile("lea 1f(%%rip), %%rax; push %1; push %%rax; lretq; 1: mov %%rax, %0"
                         : "=m"(target[0]) : "r"(target[1]) : "rax", "memory");
        break;
    case 4:
        __asm__ volatile("lea 1f(%%rip), %%eax; mov %%eax, %0; mov %w1, 4%0; lcall *%0; 1: nop"
                         : "+m"(target[0]) : "r"(target[1]) : "rax", "memory");
        break;
    }
    if (by_syscall(SYS_GETPID, 0, 0, 0) != by_interrupt(SYS_GETPID, 0, 0, 0))
        by_syscall(SYS_EXIT, 1, 0, 0);
    by_syscall(SYS_EXIT, 0, 0, 0);
}

static void every_selector(void)
{
    for (uint64_t way = 0; way < 5; way++) {
        for (uint64_t selector = 0; selector < 0x100; selector++) {
            int status = status_of(start(load_selector, (void *)(way << 16 | selector)));
            if (status != 0 && WTERMSIG(status) != SIGSEGV && WTERMSIG(status) != SIGILL)
                fail("way %lu, selector %lx: status %x", way, selector, (unsigned)status);
        }
    }
}

INSTRUCTIONS(step_shadow_int3, "mov %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); popfq; mov %%ecx, %%ss;"
             "int3; nop; hlt")
INSTRUCTIONS(step_shadow_call, "mov %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); popfq; mov %%ecx, %%ss;"
             "int $0x80; nop; hlt")
INSTRUCTIONS(step_shadow_syscall, "mov %%ss, %%ebx; mov $4, %%eax; pushfq; orl $0x100, (%%rsp); popfq;"
             "mov %%ebx, %%ss; syscall; nop; hlt")

/* Loading SS holds back the single step until after the next instruction, which enters the kernel
 * with the step still due. */
static void single_step_in_the_shadow(void)
{
    ends_by(start(step_shadow_int3, NULL), SIGTRAP);
    ends_by(start(step_shadow_call, (void *)SYS_GETPID), SIGTRAP);
    ends_by(start(step_shadow_syscall, NULL), SIGTRAP);
}

static void general_protection(void)
{
    faults("a read that is not canonical", not_canonical, NULL, SIGSEGV, 13, 0);
    faults("a push that is not canonical", stack_not_canonical, NULL, SIGSEGV, ANY, 0);
    faults("by rbp, not canonical", base_not_canonical, NULL, SIGSEGV, ANY, 0);
    int status = status_of(start(bad_mxcsr, NULL));     /* QEMU's TCG takes any bits */
    CHECK(status == 0 || WTERMSIG(status) == SIGSEGV);
    faults("misaligned movaps", misaligned_sse, NULL, SIGSEGV, 13, 0);
}

enum { PRESENT = 1, WRITE = 2, USER = 4, FETCH = 16 };
static uint8_t code_in_data[16] = { 0xc3 };
static const uint8_t code_in_constants[16] = { 0xc3 };

/* The kernel's half looks the same whether something is mapped there or not: only that it is a
 * program's fault counts. */
static void page_faults(void)
{
    uint8_t on_stack[16] = { 0xc3 };
    static void *const kernel[] = { (void *)0xffffffff80200000, (void *)0xffff800000100000,
                                    (void *)0xffffffffffffffff, (void *)0xffff800000000000 };
    faults("read of null", read_address, NULL, SIGSEGV, 14, USER);
    faults("write of null", write_address, NULL, SIGSEGV, 14, USER | WRITE);
    faults("read above the stack", read_address, (void *)0x7ffffffff000, SIGSEGV, 14, USER);
    faults("write to code", write_address, (void *)page_faults, SIGSEGV, 14,
           USER | WRITE | PRESENT);
    faults("write to constants", write_address, (void *)code_in_constants, SIGSEGV, 14,
           USER | WRITE | PRESENT);
    faults("jump to null", jump_to_address, NULL, SIGSEGV, 14, USER | FETCH);
    faults("jump to data", jump_to_address, code_in_data, SIGSEGV, 14, USER | FETCH | PRESENT);
    faults("jump to constants", jump_to_address, (void *)code_in_constants, SIGSEGV, 14,
           USER | FETCH | PRESENT);
    faults("jump to the stack", jump_to_address, on_stack, SIGSEGV, 14, USER | FETCH | PRESENT);
    for (size_t i = 0; i < 4; i++) {
        faults("read of the kernel", read_address, kernel[i], SIGSEGV, ANY, ANY);
        faults("write to the kernel", write_address, kernel[i], SIGSEGV, ANY, ANY);
        faults("jump to the kernel", jump_to_address, kernel[i], SIGSEGV, ANY, ANY);
    }
    faults("jump to nowhere", jump_to_address, (void *)0x800000000000, SIGSEGV, ANY, ANY);
}

static void misalign(void *unused)
{
    (void)unused;
    __asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq; sub $32, %%rsp; mov 1(%%rsp), %%rax;"
                     "add $32, %%rsp" : : : "rax", "memory", "cc");
    for (int i = 0; i < 20; i++)
        pause_for(MILLISECOND / 10);
}

/* Whether alignment is checked is the kernel's and the machine's choice. */
static void alignment_check(void)
{
    int status = status_of(start(misalign, NULL));
    CHECK(status == 0 || WTERMSIG(status) == SIGBUS);
}

static void fault_with_bad_stack(void *vector)
{
    if (vector)
        __asm__ volatile("mov $0x1000, %esp; int3");
    else
        __asm__ volatile("mov $0xffff800000000000, %rsp; ud2");
}

/* The kernel must not use the program's stack, wherever that is. */
static void faults_with_a_bad_stack(void)
{
    ends_by(start(fault_with_bad_stack, NULL), SIGILL);
    ends_by(start(fault_with_bad_stack, ""), SIGTRAP);
}

static void call_with_bad_stack(void *way)
{
    if (way)
        __asm__ volatile("mov $0xffff800000000000, %%rsp; mov $4, %%eax; syscall; xor %%eax, %%eax;"
                         "xor %%edi, %%edi; syscall" : : : "memory");
    else
        __asm__ volatile("xor %%esp, %%esp; mov $4, %%eax; int $0x80; xor %%eax, %%eax;"
                         "xor %%edi, %%edi; int $0x80" : : : "memory");
}

static void calls_with_a_bad_stack(void)
{
    ends_well(start(call_with_bad_stack, NULL));
    ends_well(start(call_with_bad_stack, ""));
}

/* Many at once: faults, preemption and ends mixed. */
static void faults_in_great_number(void)
{
    static void (*const list[])(void *) = { divide_by_zero, breakpoint, undefined, not_canonical,
                                            read_address, single_step, run_cli, x87_error };
    for (int round = 0; round < 25; round++) {
        pid_t pids[8];
        for (int i = 0; i < 8; i++)
            pids[i] = start(list[i], NULL);
        for (int i = 0; i < 8; i++) {
            int status = status_of(pids[i]);
            if (!WIFSIGNALED(status))
                fail("round %d, fault %d: status %x", round, i, (unsigned)status);
        }
    }
}

const struct test fault_tests[] = {
    TEST(arithmetic_faults), TEST(debug_faults), TEST(undefined_instructions),
    TEST(privileged_instructions), TEST(instructions_of_both_worlds), TEST(tables_are_secret), TEST(software_interrupts),
    TEST(segment_faults), TEST(every_selector),
    TEST(single_step_in_the_shadow), TEST(general_protection), TEST(page_faults), TEST(alignment_check),
    TEST(faults_with_a_bad_stack), TEST(calls_with_a_bad_stack), TEST(faults_in_great_number),
    { NULL, NULL, 0 },
};
