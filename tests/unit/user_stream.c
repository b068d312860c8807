// sources:
// flags: -I build/lined -idirafter build/lined/user/include
// Streams: random reads, writes and moves on a file, by Folio's library and by the host's. Reads and
// writes of Folio's are short at times, and interrupted.
#include "user.h"

#define HOST(name) static __typeof__(&name) host_##name = name;
HOST(fopen) HOST(fclose) HOST(fgetc) HOST(ungetc) HOST(fgets) HOST(fread) HOST(fwrite) HOST(fputc) HOST(fputs)
HOST(fseek) HOST(ftell)  HOST(feof) HOST(getline)
typedef FILE host_file;
enum { HOST_BUFFER_KINDS = 3 };

static int writes;

static ssize_t short_read(int fd, void *buffer, size_t size)
{
    if (pick(10) == 0) {
        errno = EINTR;
        return -1;
    }
    return read(fd, buffer, pick(3) == 0 && size > 3 ? size / 2 : size);
}

static ssize_t short_write(int fd, const void *buffer, size_t size)
{
    if (pick(10) == 0) {
        errno = EINTR;
        return -1;
    }
    writes++;
    return write(fd, buffer, pick(3) == 0 && size > 3 ? size / 2 : size);
}

#include "user_names.h"
#undef memcpy
#undef memchr
#undef memset
#undef memcmp
#undef strlen
#undef strchr
#undef strcmp
#undef strcspn
#undef strnlen
#undef malloc
#undef realloc
#undef free
#define FILE folio_FILE
#undef EOF
#undef BUFSIZ
#undef _IOFBF
#undef _IOLBF
#undef _IONBF
#define read short_read
#define write short_write
#include "user/include/stdio.h"
#include "user/lib/stream.c"
#include "user/lib/input.c"
#include "user/lib/output.c"
#include "user/lib/open.c"
#include "user/lib/position.c"
#include "user/lib/format.c"
#include "user/lib/printf.c"
#include "user/lib/snprintf.c"
#undef read
#undef write

#undef printf
int (printf)(const char *restrict format, ...);

enum { LONGEST = 9000 };
static folio_FILE *ours;
static host_file *theirs;
static char our_bytes[LONGEST], their_bytes[LONGEST];
static bool reading;

// C wants a move between reading and writing; both streams get the same one.
static void turn(bool to_reading)
{
    if (reading != to_reading) {
        long place = ftell(ours);
        CHECK(place == host_ftell(theirs), "%ld %ld", place, host_ftell(theirs));
        CHECK(fseek(ours, place, SEEK_SET) == 0 && host_fseek(theirs, place, SEEK_SET) == 0, "turn");
        reading = to_reading;
    }
}

static void read_something(void)
{
    size_t size = pick(4) ? pick(60) + 1 : pick(LONGEST - 1) + 1;
    turn(true);
    switch (pick(4)) {
    case 0: {
        int c = fgetc(ours);
        CHECK(c == host_fgetc(theirs), "fgetc gave %d", c);
        if (c != -1 && pick(2))
            CHECK(ungetc(c, ours) == host_ungetc(c, theirs), "ungetc");
        break;
    }
    case 1: {
        const char *line = fgets(our_bytes, (int)size, ours);
        const char *expected = host_fgets(their_bytes, (int)size, theirs);
        CHECK(!line == !expected && (!line || strcmp(our_bytes, their_bytes) == 0), "fgets of %zu", size);
        break;
    }
    case 2: {
        size_t count = fread(our_bytes, 3, size / 3, ours);
        CHECK(count == host_fread(their_bytes, 3, size / 3, theirs), "fread of %zu", size);
        CHECK(memcmp(our_bytes, their_bytes, count * 3) == 0, "fread of %zu", size);
        break;
    }
    default: {
        static char *our_line, *their_line;
        static size_t our_size, their_size;
        ssize_t length = getline(&our_line, &our_size, ours);
        CHECK(length == host_getline(&their_line, &their_size, theirs), "getline");
        CHECK(length < 0 || memcmp(our_line, their_line, (size_t)length + 1) == 0, "getline");
    }
    }
    CHECK(!feof(ours) == !host_feof(theirs), "feof");
}

static void write_something(void)
{
    size_t size = pick(8) ? pick(60) : pick(LONGEST - 1);
    for (size_t i = 0; i < size; i++)
        our_bytes[i] = pick(20) ? (char)('a' + pick(26)) : '\n';
    our_bytes[size] = 0;
    turn(false);
    switch (pick(3)) {
    case 0:
        CHECK(fwrite(our_bytes, 1, size, ours) == host_fwrite(our_bytes, 1, size, theirs), "fwrite");
        break;
    case 1:
        CHECK(fputs(our_bytes, ours) >= 0 && host_fputs(our_bytes, theirs) >= 0, "fputs");
        break;
    default:
        CHECK(fputc(our_bytes[0], ours) == host_fputc(our_bytes[0], theirs), "fputc");
    }
}

static void move(void)
{
    long place = ftell(ours), expected = host_ftell(theirs);
    CHECK(place == expected, "ftell: %ld, not %ld", place, expected);
    long offset = (long)pick(3000) - 1000;
    int result = fseek(ours, offset, SEEK_CUR), their_result = host_fseek(theirs, offset, SEEK_CUR);
    CHECK(result == their_result, "fseek by %ld from %ld: %d, not %d", offset, place, result, their_result);
    CHECK(ftell(ours) == host_ftell(theirs), "after fseek");
}

static void compare_files(const char *a, const char *b)
{
    static char left[1 << 20], right[1 << 20];
    int one = open(a, O_RDONLY), two = open(b, O_RDONLY);
    ssize_t left_size = read(one, left, sizeof(left)), right_size = read(two, right, sizeof(right));
    CHECK(left_size == right_size && memcmp(left, right, (size_t)left_size) == 0, "the files differ: %zd and %zd bytes",
          left_size, right_size);
    close(one);
    close(two);
}

static void test_files(const char *folder)
{
    char our_path[100], their_path[100];
    snprintf(our_path, sizeof(our_path), "%s/ours", folder);
    snprintf(their_path, sizeof(their_path), "%s/theirs", folder);
    for (int round = 0; round < 60; round++) {
        const char *mode = (const char *[]){ "w+", "r+", "r+" }[round % 3];
        ours = fopen(our_path, mode);
        theirs = host_fopen(their_path, mode);
        reading = false;
        if (round % 4 == 3)
            setvbuf(ours, NULL, (int)pick(HOST_BUFFER_KINDS), 0);
        for (int step = 0; step < 400; step++)
            switch (pick(5)) {
            case 0: case 1: read_something(); break;
            case 2: case 3: write_something(); break;
            default: move();
            }
        CHECK(fclose(ours) == 0 && host_fclose(theirs) == 0, "fclose");
        compare_files(our_path, their_path);
    }
    unlink(our_path);
    unlink(their_path);
}

// How many writes a program's output costs.
static int writes_of(int buffering, int lines)
{
    int fd = open("/dev/null", O_WRONLY);
    folio_FILE *stream = fdopen(fd, "w");
    setvbuf(stream, NULL, buffering, 0);
    writes = 0;
    for (int i = 0; i < lines; i++)
        fprintf(stream, "line %d of %s\n", i, "text");
    fclose(stream);
    return writes;
}

static void test_buffering(void)
{
    CHECK(writes_of(_IOFBF, 100) <= 3, "%d writes", writes);
    CHECK(writes_of(_IOLBF, 100) >= 100 && writes < 300, "%d writes", writes);
    CHECK(writes_of(_IONBF, 100) >= 100 && writes < 300, "%d writes", writes);
    int fd = open("/dev/full", O_WRONLY);
    folio_FILE *full = fdopen(fd, "w");
    CHECK(fputs("lost", full) == 0 && fflush(full) == -1 && ferror(full), "a full device");
    CHECK(fclose(full) == 0, "what couldn't be written is given up");
}

int main(void)
{
    char folder[] = "/tmp/folio-stream-XXXXXX";
    CHECK(mkdtemp(folder), "no folder");
    test_buffering();
    test_files(folder);
    rmdir(folder);
    return 0;
}
