/* What the tests share: checks, children, raw calls, forged programs.
 * A test is a function. It runs in a process and a process group of its own, in an empty folder;
 * a failed check ends it. See main.c. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <folio.h>
#include <folio/calls.h>
#include <folio/trap_frame.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
    const char *name;
    void (*run)(void);
    unsigned seconds;           /* its limit; 0 for the usual one */
};
#define TEST(function) { #function, function, 0 }
#define LONG_TEST(function, limit) { #function, function, limit }

extern const struct test doors_tests[], pointers_tests[], exec_tests[], process_tests[],
    signal_tests[], pipe_tests[], file_tests[], memory_tests[], map_tests[], fault_tests[], time_tests[],
    terminal_tests[], smp_tests[], link_tests[], failure_tests[], watch_tests[],
    capability_tests[], handle_tests[], channel_tests[], parts_tests[], hostile_tests[], system_tests[], client_tests[];

enum { PAGE = 4096 };
#define MILLISECOND UINT64_C(1000000)

/* Ends the process, and with it the test, with a reason. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void check_failed(const char *file, int line, const char *text) __attribute__((noreturn));
void check_equal(const char *file, int line, const char *text, int64_t is, int64_t wanted);

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            check_failed(__FILE_NAME__, __LINE__, #condition); \
    } while (0)
#define CHECK_IS(expression, wanted) \
    check_equal(__FILE_NAME__, __LINE__, #expression, (int64_t)(expression), (int64_t)(wanted))
/* The call must fail with this errno. */
#define CHECK_ERROR(expression, error) \
    do { \
        errno = 0; \
        int64_t result_ = (int64_t)(expression); \
        check_equal(__FILE_NAME__, __LINE__, #expression, result_ == -1 ? -errno : result_, \
                    -(error)); \
    } while (0)

/* Children. `start` forks one that runs function(argument) and exits with 0; `status_of` waits
 * for it. `ends_well` checks that it exited with 0. */
pid_t start(void (*function)(void *), void *argument);
int status_of(pid_t pid);
void ends_well(pid_t pid);
void ends_by(pid_t pid, int signal);
/* Kills it and waits. */
void stop(pid_t pid);
/* Waits until the condition, a state letter of the process, is reached; fails after 5 s. */
void wait_for_state(pid_t pid, char state);
/* ... until its main thread is waiting or sleeping. */
void wait_until_blocked(pid_t pid);

void pause_for(uint64_t nanoseconds);
void block_forever(void *unused);
void spin_forever(void *unused);

/* The two doors into the kernel, without the library: results are negative errnos. */
typedef int64_t door(uint64_t number, uint64_t a, uint64_t b, uint64_t c);
int64_t by_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c);
int64_t by_interrupt(uint64_t number, uint64_t a, uint64_t b, uint64_t c);
extern door *const doors[2];
/* With all six registers that may hold an argument, and 0 in rbx; `which` of the two doors. */
int64_t call_with_any(int which, uint64_t number, const uint64_t a[6]);

/* A page of the heap whose next page is not mapped: the address just behind it. */
char *edge_of_memory(void);
extern bool tell_failures;             /* -v: how often each call has failed */
extern const char *self;                /* the path of this program */
uint64_t random64(void);
extern uint64_t random_state;

struct system_info system_now(void);
struct process_info process_now(pid_t pid);
void write_file(const char *path, const void *bytes, size_t size, mode_t mode);
void fill(void *memory, size_t size, uint64_t seed);
bool is_filled(const void *memory, size_t size, uint64_t seed);

/* Programs that the tests exec: this one again, with a first argument that begins with ':'. */
void run_as_program(int argc, char **argv) __attribute__((noreturn));
/* The program ":planned" of failures.c: its status; ":handles" of capabilities.c. */
int planned_program(void);
void handles_program(int argc, char **argv) __attribute__((noreturn));
/* ":given" of system.c. */
void given_program(int argc, char **argv) __attribute__((noreturn));
void look_program(int argc, char **argv) __attribute__((noreturn));
void spawns_program(int argc, char **argv) __attribute__((noreturn));
void outlives_program(void) __attribute__((noreturn));

/* An ELF64 program made by hand. */
struct elf_header {
    uint8_t magic[4], class, data, version, abi, padding[8];
    uint16_t type, machine;
    uint32_t version2;
    uint64_t entry, segments_at, sections_at;
    uint32_t flags;
    uint16_t header_size, segment_size, segments, section_size, sections, names;
};
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, align;
};
struct image {
    struct elf_header header;
    struct elf_segment segments[4];
    uint8_t code[256];
};
enum { IMAGE_BASE = 0x10000000, IMAGE_STATUS = 42 };
#define IMAGE_CODE (IMAGE_BASE + offsetof(struct image, code))

/* One segment at IMAGE_BASE that holds the whole file; the code exits with IMAGE_STATUS. */
void image_make(struct image *image);
void image_code(struct image *image, const void *code, size_t size);
void image_write(const struct image *image, const char *path);
/* Runs it in a child: the status as from waitpid; -errno when exec refuses. */
int run_path(const char *path);
extern bool by_spawn;                   /* it asks SYSTEM instead */
int run_image(const struct image *image);
