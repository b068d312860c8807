/* Descriptors, offsets, files, folders, paths. */
#include <dirent.h>
#include "usertests.h"

static int open_or_fail(const char *path, int flags)
{
    int fd = open(path, flags, 0644);
    if (fd < 0)
        fail("%s can't be opened: %s", path, strerror(errno));
    return fd;
}

static bool holds(const char *path, const char *text)
{
    char buffer[256];
    int fd = open_or_fail(path, O_RDONLY);
    ssize_t got = read(fd, buffer, sizeof(buffer));
    close(fd);
    return got == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)got) == 0;
}

/* The offset belongs to the open file: dup and fork share it, a second open does not. */
static void offsets_are_shared(void)
{
    char byte;
    write_file("file", "abcdefgh", 8, 0644);
    int fd = open_or_fail("file", O_RDWR), copy = dup(fd), other = open_or_fail("file", O_RDONLY);
    CHECK_IS(read(fd, &byte, 1), 1);
    CHECK_IS(read(copy, &byte, 1), 1);
    CHECK_IS(byte, 'b');
    CHECK_IS(read(other, &byte, 1), 1);
    CHECK_IS(byte, 'a');
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(read(fd, &byte, 1), 1);
        CHECK_IS(byte, 'c');
        CHECK_IS(lseek(copy, 2, SEEK_CUR), 5);
        _exit(0);
    }
    ends_well(pid);
    CHECK_IS(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_IS(close(fd), 0);
    CHECK_IS(read(copy, &byte, 1), 1);
    CHECK_IS(byte, 'f');
}

static void write_lines(void *name)
{
    int fd = open_or_fail("log", O_WRONLY | O_APPEND);
    for (int i = 0; i < 100; i++) {
        CHECK_IS(write(fd, name, 4), 4);
        if (i % 10 == 0)
            folio_yield();
    }
}

static void append(void)
{
    write_file("log", "", 0, 0644);
    pid_t one = start(write_lines, "one\n"), two = start(write_lines, "two\n");
    ends_well(one);
    ends_well(two);
    struct stat status;
    CHECK_IS(stat("log", &status), 0);
    CHECK_IS(status.st_size, 800);
    write_file("file", "abc", 3, 0644);
    int fd = open_or_fail("file", O_RDWR | O_APPEND);
    CHECK_IS(lseek(fd, 0, SEEK_SET), 0);
    CHECK_IS(write(fd, "d", 1), 1);
    CHECK(holds("file", "abcd"));
    CHECK_IS(lseek(fd, 0, SEEK_CUR), 4);
}

static void open_flags(void)
{
    write_file("file", "abc", 3, 0644);
    CHECK_ERROR(open("file", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_ERROR(open("none", O_RDONLY), ENOENT);
    CHECK_ERROR(open("none/x", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK_ERROR(open("file/x", O_RDWR | O_CREAT, 0644), ENOTDIR);
    CHECK_ERROR(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open("file/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("/tmp", O_WRONLY), EISDIR);
    CHECK_ERROR(open("/tmp", O_RDWR), EISDIR);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    int fd = open_or_fail("file", O_RDONLY);
    CHECK_ERROR(write(fd, "x", 1), EBADF);
    CHECK_IS(close(fd), 0);
    CHECK_ERROR(close(fd), EBADF);
    fd = open_or_fail("file", O_WRONLY);
    char byte;
    CHECK_ERROR(read(fd, &byte, 1), EBADF);
    CHECK_IS(close(fd), 0);
    CHECK_IS(close(open_or_fail("file", O_WRONLY | O_TRUNC)), 0);
    CHECK(holds("file", ""));
    fd = open_or_fail("new", O_RDWR | O_CREAT | O_EXCL);
    struct stat status;
    CHECK_IS(fstat(fd, &status), 0);
    CHECK(S_ISREG(status.st_mode) && (status.st_mode & 0777) == 0644 && status.st_nlink == 1);
    fd = open_or_fail("/tmp", O_RDONLY | O_DIRECTORY);
    CHECK_ERROR(read(fd, &byte, 1), EISDIR);
}

static void unlinked_but_open(void)
{
    char buffer[8];
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    CHECK_IS(write(fd, "kept", 4), 4);
    CHECK_IS(unlink("file"), 0);
    CHECK_ERROR(open("file", O_RDONLY), ENOENT);
    write_file("file", "other", 5, 0644);
    CHECK_IS(lseek(fd, 0, SEEK_SET), 0);
    CHECK_IS(read(fd, buffer, 8), 4);
    CHECK(memcmp(buffer, "kept", 4) == 0);
    CHECK_IS(write(fd, "more", 4), 4);
    struct stat status;
    CHECK_IS(fstat(fd, &status), 0);
    CHECK_IS(status.st_nlink, 0);
    CHECK_IS(status.st_size, 8);
    CHECK(holds("file", "other"));
}

static void descriptors_run_out(void)
{
    int count = 0, last = -1, fd;
    write_file("file", "", 0, 0644);
    while ((fd = open("file", O_RDONLY)) >= 0) {
        CHECK(fd > last);
        last = fd;
        count++;
    }
    CHECK_IS(errno, EMFILE);
    CHECK(count >= 16);
    int fds[2];
    CHECK_ERROR(dup(0), EMFILE);
    CHECK_ERROR(pipe(fds), EMFILE);
    CHECK_ERROR(fcntl(0, F_DUPFD, 3), EMFILE);
    CHECK_IS(close(last), 0);
    CHECK_ERROR(pipe(fds), EMFILE);                     /* one is not enough for two */
    CHECK_IS(open("file", O_RDONLY), last);
    CHECK_IS(dup2(0, last), last);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_ERROR(dup(0), EMFILE);
        CHECK_IS(close(last), 0);
        CHECK_IS(dup(0), last);
        _exit(0);
    }
    ends_well(pid);
    CHECK_ERROR(open("made", O_WRONLY | O_CREAT, 0644), EMFILE);
    CHECK_IS(close(last), 0);
}

static void lowest_descriptor(void)
{
    int fd = open_or_fail("/dev/null", O_RDWR);
    CHECK_IS(dup2(fd, 30), 30);
    CHECK_IS(close(fd), 0);
    CHECK_IS(dup(30), fd);
    CHECK_IS(dup2(30, 30), 30);
    CHECK_IS(fcntl(30, F_DUPFD, 30), 31);
    CHECK_IS(fcntl(30, F_GETFL) & O_ACCMODE, O_RDWR);
    CHECK_IS(fcntl(31, F_GETFD), 0);
    CHECK_IS(fcntl(31, F_SETFD, FD_CLOEXEC), 0);
    CHECK_IS(fcntl(30, F_GETFD), 0);                    /* the flag is the descriptor's own */
    CHECK_IS(dup2(31, 32), 32);
    CHECK_IS(fcntl(32, F_GETFD), 0);
}

static void sparse_files(void)
{
    static char zeros[PAGE], buffer[PAGE];
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    struct stat status;
    uint64_t before = system_now().memory_free;
    CHECK_IS(lseek(fd, 64 << 20, SEEK_SET), 64 << 20);
    CHECK_IS(write(fd, "end", 3), 3);
    CHECK(before - system_now().memory_free < 1 << 20);
    CHECK_IS(fstat(fd, &status), 0);
    CHECK_IS(status.st_size, (64 << 20) + 3);
    for (off_t at = 0; at < 64 << 20; at += (8 << 20) - PAGE) {
        CHECK_IS(lseek(fd, at, SEEK_SET), at);
        CHECK_IS(read(fd, buffer, PAGE), PAGE);
        CHECK(memcmp(buffer, zeros, PAGE) == 0);
    }
    CHECK_IS(lseek(fd, 0, SEEK_END), (64 << 20) + 3);
    CHECK_IS(read(fd, buffer, PAGE), 0);
    CHECK_IS(lseek(fd, 1 << 30, SEEK_SET), 1 << 30);
    CHECK_IS(read(fd, buffer, PAGE), 0);
    CHECK_IS(fstat(fd, &status), 0);
    CHECK_IS(status.st_size, (64 << 20) + 3);
}

/* A file cut and grown again shows zeros, not what was there. */
static void truncated_files_forget(void)
{
    static char bytes[3 * PAGE], zeros[3 * PAGE];
    memset(bytes, 's', sizeof(bytes));
    write_file("file", bytes, sizeof(bytes), 0644);
    int fd = open_or_fail("file", O_RDWR | O_TRUNC);
    CHECK_IS(lseek(fd, sizeof(bytes) - 1, SEEK_SET), sizeof(bytes) - 1);
    CHECK_IS(write(fd, "", 1), 1);
    CHECK_IS(lseek(fd, 0, SEEK_SET), 0);
    CHECK_IS(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK(memcmp(bytes, zeros, sizeof(bytes)) == 0);
}

static void big_files(void)
{
    enum { SIZE = 8 << 20, PIECE = 64 << 10 };
    static uint64_t bytes[PIECE / 8];
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    for (uint64_t at = 0; at < SIZE; at += PIECE) {
        fill(bytes, PIECE, at);
        CHECK_IS(write(fd, bytes, PIECE), PIECE);
    }
    for (uint64_t at = SIZE; at > 0;) {
        at -= PIECE;
        CHECK_IS(lseek(fd, (off_t)at, SEEK_SET), at);
        CHECK_IS(read(fd, bytes, PIECE), PIECE);
        CHECK(is_filled(bytes, PIECE, at));
    }
}

/* Reads and writes at every place around the borders of pages, against a copy in memory. */
static void reads_and_writes_anywhere(void)
{
    enum { SIZE = 5 * PAGE };
    static uint8_t copy[SIZE], buffer[SIZE];
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    size_t size = 0;
    for (int i = 0; i < 1500; i++) {
        size_t at = random64() % SIZE, length = random64() % (SIZE - at);
        if (random64() & 1)
            length %= 40;
        CHECK_IS(lseek(fd, (off_t)at, SEEK_SET), at);
        if (random64() & 1) {
            memset(buffer, (int)random64(), length);
            CHECK_IS(write(fd, buffer, length), length);
            memcpy(copy + at, buffer, length);
            if (length > 0 && at + length > size)
                size = at + length;
        } else {
            size_t wanted = at >= size ? 0 : length < size - at ? length : size - at;
            CHECK_IS(read(fd, buffer, length), wanted);
            CHECK(memcmp(buffer, copy + at, wanted) == 0);
        }
    }
}

/* Too large for any machine: an error at once, and the file is as before. */
static void absurd_offsets(void)
{
    static const off_t offsets[] = { INT64_MAX, INT64_MAX - 4095, INT64_C(1) << 62,
                                     INT64_C(1) << 52, INT64_C(1) << 45 };
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    char byte;
    for (size_t i = 0; i < sizeof(offsets) / 8; i++) {
        if (lseek(fd, offsets[i], SEEK_SET) != offsets[i])
            continue;
        CHECK_IS(read(fd, &byte, 1), 0);
        ssize_t wrote = write(fd, "xy", 2);
        CHECK(wrote == 2 || wrote == 1 || errno == EFBIG || errno == ENOSPC || errno == ENOMEM);
        CHECK_IS(close(fd), 0);
        CHECK_IS(unlink("file"), 0);
        fd = open_or_fail("file", O_RDWR | O_CREAT);
    }
}

static void folders(void)
{
    struct stat status;
    CHECK_IS(mkdir("a", 0755), 0);
    CHECK_ERROR(mkdir("a", 0755), EEXIST);
    CHECK_ERROR(mkdir("/", 0755), EEXIST);
    CHECK_ERROR(mkdir("none/b", 0755), ENOENT);
    CHECK_IS(mkdir("a/b", 0755), 0);
    CHECK_ERROR(rmdir("a"), ENOTEMPTY);
    CHECK_IS(unlink("a") == -1 && (errno == EISDIR || errno == EPERM), 1);
    write_file("a/file", "", 0, 0644);
    CHECK_ERROR(rmdir("a/file"), ENOTDIR);
    CHECK_ERROR(mkdir("a/file/c", 0755), ENOTDIR);
    CHECK_IS(stat("a/b/../../a/./b/", &status), 0);
    CHECK(S_ISDIR(status.st_mode));
    CHECK_IS(unlink("a/file"), 0);
    CHECK_ERROR(unlink("a/file"), ENOENT);
    CHECK_IS(rmdir("a/b/"), 0);
    CHECK_ERROR(rmdir("a/."), EINVAL);
    CHECK(rmdir("a/..") == -1);
    CHECK(rmdir("/") == -1);
    CHECK_IS(rmdir("a"), 0);
    CHECK_ERROR(rmdir("a"), ENOENT);
    CHECK_IS(stat("/../../tmp/..", &status), 0);
    CHECK_ERROR(unlink("/"), EISDIR);
    CHECK(unlink("") == -1 && errno == ENOENT);
}

static void current_folder(void)
{
    char path[PATH_MAX];
    CHECK(getcwd(path, sizeof(path)));
    CHECK(strcmp(path, "/tmp/usertests") == 0);
    CHECK_IS(mkdir("a", 0755), 0);
    CHECK_IS(chdir("a"), 0);
    CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/tmp/usertests/a") == 0);
    CHECK_ERROR(chdir("none"), ENOENT);
    write_file("file", "", 0, 0644);
    CHECK_ERROR(chdir("file"), ENOTDIR);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(chdir("/"), 0);
        CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/") == 0);
        _exit(0);
    }
    ends_well(pid);
    CHECK_IS(unlink("file"), 0);
    CHECK_IS(chdir(".."), 0);
    CHECK_IS(chdir("../../../.."), 0);
    CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/") == 0);
}

/* A folder that somebody works in may be removed; then there is nothing in it, for ever. */
static void removed_current_folder(void)
{
    char path[100];
    CHECK_IS(mkdir("a", 0755), 0);
    CHECK_IS(chdir("a"), 0);
    if (rmdir("../a") == -1) {
        CHECK(errno == EBUSY);
        return;
    }
    CHECK_ERROR(getcwd(path, sizeof(path)) ? 0 : -1, ENOENT);
    CHECK_ERROR(open("file", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK_ERROR(mkdir("b", 0755), ENOENT);
    chdir("..");
    chdir("/");
}

static void long_names(void)
{
    char name[NAME_MAX + 2], path[2 * PATH_MAX];
    struct stat status;
    memset(name, 'n', sizeof(name));
    name[NAME_MAX] = '\0';
    write_file(name, "", 0, 0644);
    CHECK_IS(stat(name, &status), 0);
    CHECK_IS(unlink(name), 0);
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = '\0';
    CHECK_ERROR(open(name, O_RDWR | O_CREAT, 0644), ENAMETOOLONG);
    CHECK_ERROR(mkdir(name, 0755), ENAMETOOLONG);
    CHECK_ERROR(stat(name, &status), ENAMETOOLONG);
    memset(path, '/', sizeof(path));
    path[PATH_MAX - 1] = '\0';
    CHECK_IS(stat(path, &status), 0);
    path[PATH_MAX - 1] = '/';
    path[PATH_MAX] = '\0';
    CHECK_ERROR(stat(path, &status), ENAMETOOLONG);
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 2 ? '/' : '.';
    path[PATH_MAX - 2] = '\0';
    CHECK_IS(stat(path, &status), 0);
}

static void deep_folders(void)
{
    enum { DEPTH = 200 };
    char path[PATH_MAX];
    for (int i = 0; i < DEPTH; i++) {
        CHECK_IS(mkdir("folder", 0755), 0);
        CHECK_IS(chdir("folder"), 0);
    }
    CHECK(getcwd(path, sizeof(path)));
    CHECK_IS(strlen(path), strlen("/tmp/usertests") + DEPTH * 7);
    struct stat here, same;
    CHECK_IS(stat(".", &here), 0);
    CHECK_IS(stat(path, &same), 0);
    CHECK_IS(here.st_ino, same.st_ino);
    for (int i = 0; i < DEPTH; i++) {
        CHECK_IS(chdir(".."), 0);
        CHECK_IS(rmdir("folder"), 0);
    }
    CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/tmp/usertests") == 0);
}

/* Each of many entries is listed exactly once, whatever the size of the buffer. */
static void many_entries(void)
{
    enum { COUNT = 300 };
    static const size_t sizes[] = { 300, 512, 4096, 65536 };
    static char buffer[65536];
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "%d", i);
        write_file(name, "", 0, 0644);
    }
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        bool seen[COUNT] = { false };
        int dots = 0, count = 0, fd = open_or_fail(".", O_RDONLY);
        for (ssize_t got; (got = getdents(fd, buffer, sizes[s])) != 0;) {
            CHECK(got > 0);
            for (ssize_t at = 0; at < got;) {
                struct dirent *entry = (struct dirent *)(buffer + at);
                at += entry->d_reclen;
                if (entry->d_name[0] == '.') {
                    CHECK_IS(entry->d_type, DT_DIR);
                    dots++;
                    continue;
                }
                int number = atoi(entry->d_name);
                CHECK_IS(entry->d_type, DT_REG);
                CHECK(number >= 0 && number < COUNT && !seen[number]);
                seen[number] = true;
                count++;
            }
        }
        CHECK_IS(count, COUNT);
        CHECK(dots == 0 || dots == 2);
        close(fd);
    }
    int fd = open_or_fail(".", O_RDONLY);
    CHECK_ERROR(getdents(fd, buffer, 1), EINVAL);
    CHECK_ERROR(getdents(open_or_fail("1", O_RDONLY), buffer, sizeof(buffer)), ENOTDIR);
}

/* Entries come and go while somebody reads the folder: nothing hangs, what stays is seen. */
static void entries_removed_while_read(void)
{
    char name[32];
    int seen = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%d", i);
        write_file(name, "", 0, 0644);
    }
    DIR *folder = opendir(".");
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        CHECK(++seen <= 1000);
        CHECK(unlink(entry->d_name) == 0 || errno == ENOENT);
        snprintf(name, sizeof(name), "x%d", seen % 3);
        if (seen % 7 == 0)
            write_file(name, "", 0, 0644);
    }
    closedir(folder);
    CHECK(seen >= 100);
}

static void null_device(void)
{
    char buffer[16];
    struct stat status;
    int fd = open_or_fail("/dev/null", O_RDWR);
    CHECK_IS(read(fd, buffer, sizeof(buffer)), 0);
    CHECK_IS(write(fd, buffer, sizeof(buffer)), sizeof(buffer));
    CHECK_IS(fstat(fd, &status), 0);
    CHECK(S_ISCHR(status.st_mode));
}

/* Files fill the memory: an error at last, not a dead machine; removed, they give it all back. */
static void files_fill_the_memory(void)
{
    static char bytes[64 << 10];
    int fd = open_or_fail("file", O_RDWR | O_CREAT);
    uint64_t written = 0;
    ssize_t wrote;
    memset(bytes, 'f', sizeof(bytes));
    while ((wrote = write(fd, bytes, sizeof(bytes))) > 0)
        written += (uint64_t)wrote;
    CHECK(errno == ENOSPC || errno == ENOMEM || errno == EFBIG);
    CHECK(written > 4 << 20);
    CHECK_IS(close(fd), 0);
    CHECK_IS(unlink("file"), 0);
    ends_well(start((void (*)(void *))folio_yield, NULL));
}

const struct test file_tests[] = {
    TEST(offsets_are_shared), TEST(append), TEST(open_flags), TEST(unlinked_but_open),
    TEST(descriptors_run_out), TEST(lowest_descriptor), TEST(sparse_files),
    TEST(truncated_files_forget), TEST(big_files), TEST(reads_and_writes_anywhere),
    TEST(absurd_offsets), TEST(folders), TEST(current_folder), TEST(removed_current_folder),
    TEST(long_names), TEST(deep_folders), TEST(many_entries), TEST(entries_removed_while_read),
    TEST(null_device), LONG_TEST(files_fill_the_memory, 20), { NULL, NULL, 0 },
};
