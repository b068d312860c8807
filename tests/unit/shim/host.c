// What unit tests have in common. What a test overrides or has no use for is weak. The includes are in
// angle brackets so that the search begins at the -I options and not in this folder.
#include "host.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arch/ask.h>
#include <arch/boot.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/paging.h>
#include <arch/panic.h>
#include <arch/trap.h>
#include <lib/check.h>

struct cpu host_cpu = {.interrupts_on = true};

struct thread_core *cpu_current(void)
{
    static struct thread_core core;
    return &core;
}
static struct cpu resting[HOST_CPUS]; // those that nobody plays
struct boot_info boot_info;
struct trap_hooks trap_hooks;
char *host_memory;

enum { KERNEL_ROOT = 4096 }; // the kernel's root table lies in the second page

static void broken_promise(const char *function, const char *promise)
{
    fprintf(stderr, "assertion in %s: %s\n", function, promise);
    abort();
}

__attribute__((weak, noreturn)) void panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

__attribute__((weak)) size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t length = strlen(from);
    if (size > 0) {
        size_t copied = MIN(length, size - 1);
        memcpy(to, from, copied);
        to[copied] = '\0';
    }
    return length;
}

// Tests that have no use for check.c of the kernel still link.
__attribute__((weak)) void (*check_failure)(const char *function, const char *promise);

__attribute__((weak)) _Noreturn void check_failed(const char *function, const char *promise)
{
    if (check_failure != NULL)
        check_failure(function, promise);
    abort();
}

__attribute__((constructor)) static void host_start(void)
{
    check_failure = broken_promise;
    setvbuf(stdout, NULL, _IONBF, 0);
}

void host_machine(size_t size)
{
    enum { ALIGNMENT = 4 << 20 }; // the largest block of frames
    host_memory = aligned_alloc(ALIGNMENT, ALIGN_UP(size, ALIGNMENT));
    CHECK(host_memory != NULL);
    memset(host_memory, 0xa5, size);
    memset(host_memory, 0, KERNEL_ROOT + 4096);
    boot_info = (struct boot_info){.range_count = 1, .memory_end = size};
    boot_info.ranges[0] = (struct memory_range){.start = 2 * 4096, .end = size};
    write_cr3(paging_kernel_root());
    for (unsigned i = 0; i < HOST_CPUS; i++)
        resting[i] = (struct cpu){.number = i, .interrupts_on = true, .cr3 = paging_kernel_root()};
}

void host_processor(unsigned number)
{
    resting[host_cpu.number] = host_cpu;
    host_cpu = resting[number];
}

// The others answer at once. Who has no program's space loaded has nothing to say and is not to be asked.
__attribute__((weak)) void processors_ask(uint32_t processors, void (*function)(void *), void *argument)
{
    unsigned self = host_cpu.number;
    CHECK(processors >> HOST_CPUS == 0);
    for (unsigned i = 0; i < HOST_CPUS; i++) {
        if ((processors >> i & 1) == 0 || i == self)
            continue;
        host_processor(i);
        CHECK(host_cpu.cr3 != KERNEL_ROOT, "processor %u is asked for nothing", i);
        function(argument);
        host_processor(self);
    }
}

__attribute__((weak)) void processors_answer(void) {}

uint64_t host_random(uint64_t limit)
{
    static uint64_t state;
    if (state == 0) {
        const char *seed = getenv("HOST_SEED");
        state = seed != NULL ? strtoull(seed, NULL, 0) * 2 + 1 : 88172645463325252ull;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % limit;
}

bool host_breaks(void (*function)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        function();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// The TLB: it keeps whatever it has seen until it is told to forget, much longer than a real one.

enum { TLB_SIZE = 1 << 12 };
static struct tlb_entry {
    uint64_t page; // 0: none
    uint64_t entry;
} tlbs[HOST_CPUS][TLB_SIZE];

static struct tlb_entry *tlb_slot(uint64_t address)
{
    return &tlbs[host_cpu.number][(address >> 12) % TLB_SIZE];
}

// How many entries lead to a frame, for the first GiB of memory.
enum { FRAMES_AT_MOST = 1 << 18 };
static uint16_t remembered[FRAMES_AT_MOST];

static uint16_t *count_of(uint64_t entry)
{
    return &remembered[(entry & PTE_ADDRESS) / 4096 % FRAMES_AT_MOST];
}

static void tlb_set(struct tlb_entry *slot, uint64_t page, uint64_t entry)
{
    if ((slot->entry & PTE_PRESENT) != 0)
        --*count_of(slot->entry);
    *slot = (struct tlb_entry){page, entry};
    if ((entry & PTE_PRESENT) != 0)
        ++*count_of(entry);
}

// A processor may keep the tables that it has walked through, too, until CR3 is loaded or any page is flushed
// (SDM vol. 3A, 4.10.3 and 4.10.4.1). A table is one of those if it was walked since.
static uint32_t flushes[HOST_CPUS] = {1, 1, 1, 1};
static uint32_t walked[HOST_CPUS][FRAMES_AT_MOST];

static uint32_t *walk_of(unsigned cpu, uint64_t table)
{
    return &walked[cpu][(table & PTE_ADDRESS) / 4096 % FRAMES_AT_MOST];
}

bool host_remembers(uint64_t physical)
{
    for (unsigned i = 0; i < HOST_CPUS; i++)
        if (*walk_of(i, physical) == flushes[i])
            return true;
    return *count_of(physical) > 0;
}

bool host_has_loaded(uint64_t physical)
{
    for (unsigned i = 0; i < HOST_CPUS; i++)
        if ((i == host_cpu.number ? host_cpu.cr3 : resting[i].cr3) == physical)
            return true;
    return false;
}

void write_cr3(uint64_t value)
{
    for (size_t i = 0; i < TLB_SIZE; i++)
        tlb_set(&tlbs[host_cpu.number][i], 0, 0);
    flushes[host_cpu.number]++;
    host_cpu.cr3 = value;
}

void paging_flush_page(uint64_t address)
{
    tlb_set(tlb_slot(address), 0, 0);
    flushes[host_cpu.number]++;
}

uint64_t paging_kernel_root(void)
{
    return KERNEL_ROOT;
}

// The page walk of the Intel SDM, vol. 3A, 4.5: the entries' permissions are those of all levels together.
static uint64_t walk(uint64_t address)
{
    uint64_t table = host_cpu.cr3;
    uint64_t entry = 0;
    uint64_t granted = PTE_WRITE | PTE_USER;
    uint64_t forbidden = 0;
    for (int shift = 39; shift >= 12; shift -= 9) {
        *walk_of(host_cpu.number, table) = flushes[host_cpu.number];
        entry = ((uint64_t *)phys_to_virt(table & PTE_ADDRESS))[(address >> shift) % 512];
        if ((entry & PTE_PRESENT) == 0)
            return 0;
        granted &= entry;
        forbidden |= entry & PTE_NX;
        table = entry;
    }
    return (entry & PTE_ADDRESS) | PTE_PRESENT | granted | forbidden;
}

static bool allows(uint64_t entry, uint64_t error)
{
    return (entry & PTE_PRESENT) != 0 && (entry & PTE_USER) != 0
        && ((error & 2) == 0 || (entry & PTE_WRITE) != 0)
        && ((error & 16) == 0 || (entry & PTE_NX) == 0);
}

// The byte's place, or NULL. `error` has the bits of a page fault's error code for this kind of access.
static uint8_t *access_byte(uint64_t address, uint64_t error)
{
    for (int tries = 0; tries < 4; tries++) {
        struct tlb_entry *slot = tlb_slot(address);
        if (slot->page != (address & ~0xfffull) || !allows(slot->entry, error))
            tlb_set(slot, address & ~0xfffull, walk(address));
        if (allows(slot->entry, error))
            return (uint8_t *)phys_to_virt(slot->entry & PTE_ADDRESS) + address % 4096;
        struct trap_frame frame = {.error = error | (slot->entry & PTE_PRESENT), .cs = 0x33};
        tlb_set(slot, 0, 0);
        if (trap_hooks.page_fault == NULL || !trap_hooks.page_fault(&frame, address))
            return NULL;
    }
    CHECK(false, "the fault at %#lx is mended again and again", address);
    return NULL;
}

bool host_load(uint64_t address, uint8_t *value)
{
    uint8_t *byte = access_byte(address, 4);
    if (byte != NULL)
        *value = *byte;
    return byte != NULL;
}

bool host_store(uint64_t address, uint8_t value)
{
    uint8_t *byte = access_byte(address, 4 | 2);
    if (byte != NULL)
        *byte = value;
    return byte != NULL;
}

bool host_fetch(uint64_t address)
{
    return access_byte(address, 4 | 16) != NULL;
}
