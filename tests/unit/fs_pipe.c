// sources: kernel/fs/pipe.c kernel/fs/files.c kernel/fs/file.c kernel/fs/vfs.c kernel/fs/tmpfs.c kernel/fs/device.c kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// flags: -Wl,--wrap=frame_alloc,--wrap=frame_alloc_zeroed,--wrap=object_alloc,--wrap=memory_alloc
// A pipe against a queue: sizes, bounds, ends, faults, and what happens while somebody waits.

#include "files.h"

#include "fs/files.h"
#include "fs/pipe.h"
#include "fs/vfs.h"

enum { SIZE = 65536, ATOMIC = 4096 };

static struct files *files;
static int pair[2];
static int broken;

static uint64_t address(const void *pointer) { return (uint64_t)pointer; }
static void count_broken(void) { broken++; }

static void begin(int flags)
{
    CHECK(files_pipe(files, address(pair), flags) == 0 && pair[0] == 0 && pair[1] == 1);
    broken = 0;
}

static void end(void)
{
    files_close(files, pair[0]);
    files_close(files, pair[1]);
}

static int64_t take(size_t count, char *bytes) { return files_read(files, pair[0], address(bytes), count); }
static int64_t put(size_t count, const char *bytes) { return files_write(files, pair[1], address(bytes), count); }

static void random_transfers(void)
{
    static char queue[2 * SIZE], bytes[2 * SIZE];
    size_t held = 0;
    uint8_t next = 0;
    begin(O_NONBLOCK);
    for (int i = 0; i < 100000; i++) {
        size_t count = host_random(host_random(3) ? 5000 : 2 * SIZE);
        if (host_random(2) == 0) {
            for (size_t k = 0; k < count; k++)
                bytes[k] = (char)next++;
            int64_t room = SIZE - (int64_t)held, should = (int64_t)count;
            if (count > 0 && room < (int64_t)MIN(count, ATOMIC))
                should = -EAGAIN;
            else if ((int64_t)count > room) // whole turns of at least 4096 bytes fit
                should = room;
            int64_t is = put(count, bytes);
            CHECK(is == should, "write %zu with room for %ld: %ld, not %ld", count, room, is, should);
            memcpy(queue + held, bytes, is > 0 ? (size_t)is : 0);
            held += is > 0 ? (size_t)is : 0;
        } else {
            int64_t is = take(count, bytes), should = count == 0 ? 0 : held == 0 ? -EAGAIN : (int64_t)MIN(count, held);
            CHECK(is == should, "read %zu of %zu: %ld", count, held, is);
            if (is > 0) {
                CHECK(memcmp(bytes, queue, (size_t)is) == 0);
                held -= (size_t)is;
                memmove(queue, queue + is, held);
            }
        }
        int32_t ready;
        CHECK(files_control(files, pair[0], FIONREAD, address(&ready)) == 0 && (size_t)ready == held);
    }
    end();
}

static void short_talk_is_cheap(void)
{
    char byte = 'x';
    begin(0);
    size_t frames = frame_count_free();
    for (int i = 0; i < 3 * SIZE; i++)
        CHECK(put(1, "x") == 1 && take(1, &byte) == 1);
    CHECK(frames - frame_count_free() == 1, "%zu frames", frames - frame_count_free());
    end();
}

static void ends(void)
{
    char bytes[10];
    begin(0);
    CHECK(files_write(files, pair[0], address("x"), 1) == -EBADF && files_read(files, pair[1], address(bytes), 1) == -EBADF);
    int copy = (int)files_copy(files, pair[1]);
    CHECK(put(3, "abc") == 3 && files_close(files, pair[1]) == 0 && take(10, bytes) == 3);
    CHECK(files_write(files, copy, address("d"), 1) == 1 && files_close(files, copy) == 0);
    CHECK(take(10, bytes) == 1 && take(10, bytes) == 0 && take(10, bytes) == 0);
    end();
    begin(0);
    CHECK(files_close(files, pair[0]) == 0 && put(3, "abc") == -EPIPE && broken == 1 && put(0, "") == 0 && broken == 1);
    CHECK(files_seek(files, pair[1], 0, SEEK_SET) == -ESPIPE);
    end();
}

static void faults(void)
{
    static char bytes[3 * 4096] __attribute__((aligned(4096)));
    begin(O_NONBLOCK);
    bad_begin = address(bytes + 4096);
    bad_end = bad_begin + 4096;
    CHECK(files_write(files, pair[1], bad_begin, 5) == -EFAULT && take(5, bytes) == -EAGAIN);
    CHECK(put(10, "0123456789") == 10 && files_read(files, pair[0], bad_begin, 5) == -EFAULT);
    CHECK(take(10, bytes) == 10 && memcmp(bytes, "0123456789", 10) == 0); // still there
    CHECK(put(6000, bytes) == 4096 && take(6000, bytes + 8192) == 4096);  // what was read before the fault
    bad_end = 0;
    end();
}

// What others do while the test waits.

static const char *script;

static int play(void)
{
    char bytes[4096];
    switch (*script++) {
    case 'w': return files_write(files, pair[1], address("now"), 3) == 3 ? 0 : -1;
    case 'r': return files_read(files, pair[0], address(bytes), 4096) == 4096 ? 0 : -1;
    case '1': return files_read(files, pair[0], address(bytes), 1) == 1 ? 0 : -1;
    case 'W': return files_close(files, pair[1]) == 0 ? 0 : -1;
    case 'R': return files_close(files, pair[0]) == 0 ? 0 : -1;
    case '-': return 0; // woken for nothing
    case 'k': return -EINTR;
    default: CHECK(false, "waits too long"); return -1;
    }
}

static void waits(void)
{
    static char many[SIZE + 5000], bytes[10];
    meanwhile = play;
    begin(0);
    script = "--w";
    CHECK(take(10, bytes) == 3 && *script == '\0');
    script = "-k";
    CHECK(take(10, bytes) == -EINTR && *script == '\0');
    script = "-W";
    CHECK(take(10, bytes) == 0 && *script == '\0');
    end();
    begin(0);
    script = "-rr";
    CHECK(put(sizeof many, many) == sizeof many && *script == '\0');
    CHECK(put(2000, many) == 2000);
    script = "1k";
    CHECK(put(3000, many) == -EINTR && *script == '\0'); // not a byte of it
    int32_t ready;
    CHECK(files_control(files, pair[0], FIONREAD, address(&ready)) == 0 && ready == (int)sizeof many + 2000 - 2 * 4096 - 1);
    script = "rrk";
    CHECK(put(2 * SIZE, many) > 4096 && *script == '\0');
    script = "-R";
    CHECK(put(5000, many) == -EPIPE && broken == 1);
    end();
}

static void other_errors(void)
{
    int copies = 0;
    CHECK(files_pipe(files, address(pair), O_APPEND) == -EINVAL);
    int first = (int)files_open(files, address("/"), O_RDONLY, 0);
    while (files_copy(files, first) >= 0)
        copies++;
    CHECK(files_pipe(files, address(pair), 0) == -EMFILE);
    CHECK(copies == DESCRIPTORS_MAX - 1 && files_close(files, copies) == 0 && files_pipe(files, address(pair), 0) == -EMFILE);
    CHECK(files_copy(files, first) == copies);
    for (int i = 0; i < DESCRIPTORS_MAX; i++)
        CHECK(files_close(files, i) == 0);
    begin(0);
    int64_t count;
    static char bytes[ATOMIC];
    CHECK(put(100, bytes) == 100);
    fail_after = 1;
    CHECK((count = put(ATOMIC, bytes)) == -ENOMEM, "%ld", count); // not 3996 bytes of it
    CHECK(put(ATOMIC, bytes) == ATOMIC);
    end();
}

int main(void)
{
    host_machine(16 << 20);
    frame_init();
    fs_init();
    pipe_hooks.broken = count_broken;
    files = files_create();
    size_t objects = object_count_live();
    random_transfers();
    short_talk_is_cheap();
    ends();
    faults();
    waits();
    CHECK(object_count_live() == objects, "%zu objects, not %zu", object_count_live(), objects);
    other_errors();
    files_put(files);
    CHECK(object_count_live() == objects - 1, "%zu objects, not %zu", object_count_live(), objects - 1);
    return 0;
}
