/* Names that move and lead elsewhere, sizes, times, and what the kernel tells in files. */
#include <dirent.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include "usertests.h"

static bool holds(const char *path, const char *text)
{
    char buffer[256];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
    close(fd);
    return got == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)got) == 0;
}

static uint64_t links_of(const char *path)
{
    struct stat status;
    CHECK_IS(lstat(path, &status), 0);
    return status.st_nlink;
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void hard_links(void)
{
    struct stat one, two;
    write_file("a", "text", 4, 0644);
    CHECK_IS(mkdir("d", 0755), 0);
    CHECK_IS(link("a", "d/b"), 0);
    CHECK_IS(stat("a", &one), 0);
    CHECK_IS(stat("d/b", &two), 0);
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 2 && one.st_dev == two.st_dev);
    CHECK_ERROR(link("a", "d/b"), EEXIST);
    CHECK_ERROR(link("a", "a"), EEXIST);
    CHECK_ERROR(link("a", "."), EEXIST);
    CHECK_ERROR(link("a", "d/"), EEXIST);
    CHECK_ERROR(link("a", "e/"), ENOENT);
    CHECK_ERROR(link("a", "none/x"), ENOENT);
    CHECK_ERROR(link("none", "x"), ENOENT);
    CHECK_ERROR(link("a/", "x"), ENOTDIR);
    CHECK_ERROR(link("d", "x"), EPERM);
    CHECK_ERROR(link("/proc/stat", "x"), EXDEV);
    CHECK_ERROR(link("a", "/proc/x"), EXDEV);
    CHECK_IS(unlink("a"), 0);
    CHECK_IS(links_of("d/b"), 1);
    CHECK(holds("d/b", "text"));
    CHECK_IS(link("/dev/null", "null"), 0);
    CHECK_IS(unlink("null"), 0);
}

static void symbolic_links(void)
{
    char text[16] = "zzzzzzzz";
    struct stat status;
    write_file("file", "text", 4, 0644);
    CHECK_IS(mkdir("d", 0755), 0);
    CHECK_IS(symlink("file", "l"), 0);
    CHECK_IS(symlink("../file", "d/l"), 0);
    CHECK_IS(symlink("d", "dl"), 0);
    CHECK(holds("l", "text") && holds("d/l", "text") && holds("dl/l", "text"));
    CHECK_IS(lstat("l", &status), 0);
    CHECK(S_ISLNK(status.st_mode) && status.st_size == 4);
    CHECK_IS(stat("l", &status), 0);
    CHECK(S_ISREG(status.st_mode));
    CHECK_IS(lstat("dl/", &status), 0);
    CHECK(S_ISDIR(status.st_mode));
    CHECK_IS(readlink("l", text, sizeof(text)), 4);
    CHECK(memcmp(text, "filezzzz", 8) == 0);
    CHECK_IS(readlink("l", text, 2), 2);
    CHECK_ERROR(readlink("l", text, 0), EINVAL);
    CHECK_ERROR(readlink("file", text, 4), EINVAL);
    CHECK_ERROR(readlink("none", text, 4), ENOENT);
    CHECK_ERROR(symlink("", "x"), ENOENT);
    CHECK_ERROR(symlink("x", "l"), EEXIST);
    CHECK_ERROR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERROR(open("l", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_ERROR(open("l/x", O_RDONLY), ENOTDIR);
    CHECK_ERROR(rmdir("dl"), ENOTDIR);
    CHECK_ERROR(rmdir("dl/"), ENOTDIR);
    CHECK_ERROR(mkdir("dl", 0755), EEXIST);
    CHECK_IS(chdir("dl"), 0);
    CHECK_IS(chdir(".."), 0);
    CHECK(is_there("dl"));
    CHECK_IS(symlink("later", "early"), 0);
    CHECK_ERROR(open("early", O_RDONLY), ENOENT);
    write_file("early", "made", 4, 0644);
    CHECK(holds("later", "made"));
    CHECK_IS(unlink("early"), 0);
    CHECK(is_there("later") && !is_there("early"));
}

static void chain(int count)
{
    char from[16], to[16];
    for (int i = 0; i < count; i++) {
        snprintf(from, sizeof(from), "c%d", i);
        snprintf(to, sizeof(to), "c%d", i + 1);
        CHECK_IS(symlink(to, from), 0);
    }
    write_file(to, "end", 3, 0644);
}

static void loops_of_links(void)
{
    struct stat status;
    CHECK_IS(symlink("round", "round"), 0);
    CHECK_IS(symlink("b", "a"), 0);
    CHECK_IS(symlink("a/x", "b"), 0);
    CHECK_ERROR(stat("round", &status), ELOOP);
    CHECK_ERROR(stat("round/x", &status), ELOOP);
    CHECK_ERROR(stat("a", &status), ELOOP);
    CHECK_ERROR(open("round", O_RDWR | O_CREAT, 0644), ELOOP);
    CHECK_ERROR(chdir("a"), ELOOP);
    CHECK_IS(lstat("round", &status), 0);
    chain(41);
    CHECK_ERROR(stat("c0", &status), ELOOP);
    CHECK_IS(stat("c1", &status), 0);
    char text[PATH_MAX];
    memset(text, '/', sizeof(text));
    strcpy(text + PATH_MAX - 6, "/tmp");
    CHECK_IS(symlink(text, "long"), 0);
    CHECK_IS(stat("long", &status), 0);
    CHECK_ERROR(stat("long/etc", &status), ENAMETOOLONG);
}

static void renames(void)
{
    write_file("a", "A", 1, 0644);
    write_file("b", "B", 1, 0644);
    CHECK_IS(mkdir("d", 0755), 0);
    CHECK_IS(rename("a", "c"), 0);
    CHECK(!is_there("a") && holds("c", "A"));
    int fd = open("b", O_RDONLY);
    CHECK_IS(rename("c", "b"), 0);
    CHECK(!is_there("c") && holds("b", "A"));
    char byte;
    CHECK_IS(read(fd, &byte, 1), 1);
    CHECK_IS(byte, 'B');
    CHECK_IS(rename("b", "d/b"), 0);
    CHECK_IS(link("d/b", "same"), 0);
    CHECK_IS(rename("same", "d/b"), 0);
    CHECK(is_there("same") && is_there("d/b") && links_of("same") == 2);
    CHECK_IS(rename("same", "same"), 0);
    CHECK_ERROR(rename("none", "x"), ENOENT);
    CHECK_ERROR(rename("none", "same"), ENOENT);
    CHECK_ERROR(rename("same", "none/x"), ENOENT);
    CHECK_ERROR(rename("same", "d"), EISDIR);
    CHECK_ERROR(rename("d", "same"), ENOTDIR);
    CHECK_ERROR(rename("same", "x/"), ENOTDIR);
    CHECK_ERROR(rename("same/", "x"), ENOTDIR);
    CHECK_ERROR(rename("same/x", "x"), ENOTDIR);
    CHECK_ERROR(rename("", "x"), ENOENT);
    CHECK_ERROR(rename("same", "/proc/x"), EXDEV);
    CHECK_ERROR(rename("/proc", "x"), EBUSY);
    CHECK_ERROR(rename("/", "x"), EBUSY);
    CHECK_ERROR(rmdir("/proc"), EBUSY);
    CHECK_IS(symlink("same", "l"), 0);
    CHECK_IS(rename("l", "m"), 0);
    CHECK(!is_there("l") && is_there("m") && is_there("same"));
}

static void renames_of_folders(void)
{
    char here[64];
    CHECK_IS(mkdir("a", 0755), 0);
    CHECK_IS(mkdir("a/b", 0755), 0);
    CHECK_IS(mkdir("a/b/c", 0755), 0);
    CHECK_IS(mkdir("e", 0755), 0);
    CHECK_ERROR(rename("a", "a/x"), EINVAL);
    CHECK_ERROR(rename("a", "a/b/c/x"), EINVAL);
    CHECK_ERROR(rename("a", "a/b"), EINVAL);
    CHECK_ERROR(rename("a/b/c", "a"), ENOTEMPTY);
    CHECK_ERROR(rename("a/b/c", "a/b"), ENOTEMPTY);
    CHECK_ERROR(rename("e", "a"), ENOTEMPTY);
    CHECK_ERROR(rename("a/.", "x"), EINVAL);
    CHECK_ERROR(rename("a/b/..", "x"), EINVAL);
    CHECK_ERROR(rename("e", "a/."), EINVAL);
    CHECK_IS(rename("a", "a"), 0);
    CHECK_IS(chdir("a/b/c"), 0);
    CHECK_IS(rename("../../b", "../../../e/"), 0);
    CHECK(getcwd(here, sizeof(here)) && strcmp(here, "/tmp/usertests/e/c") == 0);
    CHECK_IS(chdir("../.."), 0);
    CHECK_IS(links_of("a"), 2);
    CHECK_IS(links_of("e"), 3);
    CHECK_IS(rename("e/c", "a/c"), 0);
    CHECK_IS(links_of("a"), 3);
    CHECK_IS(links_of("e"), 2);
    CHECK_IS(chdir("a/c"), 0);
    CHECK_IS(chdir(".."), 0);
    CHECK(getcwd(here, sizeof(here)) && strcmp(here, "/tmp/usertests/a") == 0);
    CHECK_IS(chdir(".."), 0);
    CHECK_IS(mkdir("gone", 0755), 0);
    CHECK_IS(chdir("gone"), 0);
    CHECK_IS(rmdir("../gone"), 0);
    CHECK_ERROR(rename("../e", "x"), ENOENT);
}

/* Two move the same folders about in opposite directions; a third asks where it is. Nobody may
 * wait for ever, and no circle may arise: in the end all of it can be removed. */
static void mover(void *way)
{
    for (int i = 0; i < 400; i++) {
        rename(way ? "a" : "b", way ? "b/c/x" : "a/c/y");
        rename(way ? "b/c/x" : "a/c/y", way ? "a" : "b");
        rename(way ? "a/c" : "b/c", way ? "b/c" : "a/c");
        if (i % 7 == 0)
            folio_yield();
    }
}

static void wanderer(void *unused)
{
    char here[PATH_MAX];
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        if (chdir("a/c") < 0 && chdir("b/c") < 0)
            continue;
        getcwd(here, sizeof(here));
        chdir("../..");
        CHECK_IS(chdir("/tmp/usertests"), 0);
    }
}

static void renames_in_two_directions(void)
{
    CHECK_IS(mkdir("a", 0755), 0);
    CHECK_IS(mkdir("a/c", 0755), 0);
    CHECK_IS(mkdir("b", 0755), 0);
    CHECK_IS(mkdir("b/c", 0755), 0);
    pid_t one = start(mover, NULL), two = start(mover, "x"), three = start(wanderer, NULL);
    ends_well(one);
    ends_well(two);
    ends_well(three);
}

/* Whoever opens a name that is being replaced finds one of the two files. */
static void replacer(void *unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        write_file("new", i % 2 ? "odd!" : "even", 4, 0644);
        CHECK_IS(rename("new", "name"), 0);
    }
}

static void renames_are_one_step(void)
{
    write_file("name", "even", 4, 0644);
    pid_t pid = start(replacer, NULL);
    for (int i = 0; i < 1000; i++)
        CHECK(holds("name", "even") || holds("name", "odd!") || is_there("name"));
    for (int i = 0; i < 500; i++)
        CHECK_IS(close(open("name", O_RDONLY)), 0);
    ends_well(pid);
}

static void sizes(void)
{
    static char page[PAGE], other[PAGE];
    struct stat status;
    fill(page, PAGE, 1);
    int fd = open("f", O_RDWR | O_CREAT, 0644);
    for (int i = 0; i < 1200; i++)
        CHECK_IS(write(fd, page, PAGE), PAGE);
    CHECK_IS(ftruncate(fd, 600 * PAGE + 100), 0);
    CHECK_IS(fstat(fd, &status), 0);
    CHECK_IS(status.st_size, 600 * PAGE + 100);
    CHECK(status.st_blocks >= 601 * 8 && status.st_blocks <= 605 * 8);
    CHECK_IS(truncate("f", 1200 * PAGE), 0);
    CHECK_IS(lseek(fd, 600 * PAGE, SEEK_SET), 600 * PAGE);
    CHECK_IS(read(fd, other, PAGE), PAGE);
    CHECK(memcmp(page, other, 100) == 0);
    for (int i = 100; i < PAGE; i++)
        CHECK_IS(other[i], 0);
    CHECK_IS(read(fd, other, PAGE), PAGE);
    CHECK_IS(other[0], 0);
    CHECK_IS(ftruncate(fd, 3 * PAGE), 0);
    CHECK_IS(ftruncate(fd, 1), 0);
    CHECK_IS(fstat(fd, &status), 0);
    CHECK(status.st_size == 1 && status.st_blocks <= 3 * 8);
    CHECK_IS(ftruncate(fd, 0), 0);
    CHECK_IS(fstat(fd, &status), 0);
    CHECK_IS(status.st_blocks, 0);
    CHECK_ERROR(ftruncate(fd, -1), EINVAL);
    CHECK_ERROR(ftruncate(fd, INT64_MAX), EFBIG);
    CHECK_ERROR(truncate("/tmp", 0), EISDIR);
    CHECK_ERROR(truncate("/dev/null", 0), EINVAL);
    CHECK_ERROR(truncate(self, 0), ETXTBSY);
    CHECK_ERROR(truncate("none", 0), ENOENT);
    close(fd);
    fd = open("f", O_RDONLY);
    CHECK_ERROR(ftruncate(fd, 0), EINVAL);
}

static void times_of_files(void)
{
    struct stat before, after;
    struct file_time times[2] = { { 1000, 5 }, { 2000, 999999999 } };
    char byte;
    uint64_t now = folio_calendar() / 1000000000;
    CHECK(now > 1700000000 && now < 4102444800);
    CHECK((uint64_t)time(NULL) - now <= 1);
    write_file("f", "x", 1, 0644);
    CHECK_IS(stat("f", &before), 0);
    CHECK(before.st_mtime - now <= 2);
    CHECK_IS(folio_set_times("f", times, 0), 0);
    CHECK_IS(stat("f", &after), 0);
    CHECK(after.st_atime == 1000 && after.st_atime_nsec == 5);
    CHECK(after.st_mtime == 2000 && after.st_mtime_nsec == 999999999);
    CHECK(after.st_ctime >= before.st_ctime);
    times[0].nanoseconds = UTIME_OMIT;
    times[1].nanoseconds = UTIME_NOW;
    CHECK_IS(folio_set_times("f", times, 0), 0);
    CHECK_IS(stat("f", &after), 0);
    CHECK(after.st_atime == 1000 && after.st_mtime >= now);
    int fd = open("f", O_RDONLY);
    CHECK_IS(read(fd, &byte, 1), 1);
    CHECK_IS(stat("f", &after), 0);
    CHECK(after.st_atime >= now);
    CHECK_IS(symlink("f", "l"), 0);
    times[0] = times[1] = (struct file_time){ 7, 7 };
    CHECK_IS(folio_set_times("l", times, AT_SYMLINK_NOFOLLOW), 0);
    CHECK_IS(lstat("l", &after), 0);
    CHECK(after.st_mtime == 7);
    CHECK_IS(stat("l", &after), 0);
    CHECK(after.st_mtime >= now);
    times[0].nanoseconds = 1000000000;
    CHECK_ERROR(folio_set_times("f", times, 0), EINVAL);
    times[0] = (struct file_time){ -1, 0 };
    CHECK_ERROR(folio_set_times("f", times, 0), EINVAL);
    CHECK_ERROR(folio_set_times("f", NULL, 1), EINVAL);
    CHECK_ERROR(folio_set_times("none", NULL, 0), ENOENT);
    CHECK_IS(folio_set_times("f", NULL, 0), 0);
}

static size_t read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    close(fd);
    if (got < 0)
        fail("%s: %s", path, strerror(errno));
    text[got] = 0;
    return (size_t)got;
}

static void files_of_proc(void)
{
    char text[4096], path[64];
    struct stat one, two;
    read_text("/proc/meminfo", text, sizeof(text));
    CHECK(strncmp(text, "MemTotal:", 9) == 0 && strstr(text, "\nMemFree:"));
    snprintf(path, sizeof(path), "/proc/%ld/stat", getpid());
    read_text(path, text, sizeof(text));
    CHECK_IS(strtol(text, NULL, 10), getpid());
    int fields = 1;
    for (char *c = text; *c; c++)
        fields += *c == ' ';
    CHECK_IS(fields, 52);
    CHECK_IS(stat("/proc/self", &one), 0);
    *strrchr(path, '/') = 0;
    CHECK_IS(stat(path, &two), 0);
    CHECK(one.st_ino == two.st_ino && S_ISDIR(one.st_mode));
    CHECK_IS(read_text("/proc/self/cmdline", text, sizeof(text)) > strlen(self), 1);
    CHECK(strstr(text, "usertests"));
    CHECK_ERROR(open("/proc/99999999", O_RDONLY), ENOENT);
    CHECK_ERROR(open("/proc/01", O_RDONLY), ENOENT);
    CHECK_ERROR(open("/proc/x", O_RDWR | O_CREAT, 0644), EPERM);
    CHECK_ERROR(mkdir("/proc/x", 0755), EPERM);
    CHECK_ERROR(unlink("/proc/stat"), EPERM);
    CHECK_ERROR(symlink("x", "/proc/x"), EPERM);
    CHECK_IS(chdir("/proc/self"), 0);
    CHECK(getcwd(text, sizeof(text)) && strcmp(text, path) == 0);
    pid_t pid = start(block_forever, NULL);
    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    int fd = open(path, O_RDONLY);
    stop(pid);
    CHECK_ERROR(read(fd, text, 10), ESRCH);
    CHECK_ERROR(open(path, O_RDONLY), ENOENT);
}

/* A text is written once and read in pieces; every process is listed once. */
static void pieces_of_proc(void)
{
    char whole[4096], piece[4096];
    int fd = open("/proc/version", O_RDONLY);
    size_t length = read_text("/proc/version", whole, sizeof(whole));
    for (size_t i = 0; i < length; i++)
        CHECK_IS(read(fd, piece + i, 1), 1);
    CHECK_IS(read(fd, piece, 0), 0);
    CHECK(memcmp(whole, piece, length) == 0);
    char buffer[sizeof(struct dirent)];
    long pid = -1, seen = 0;
    int folder = open("/proc", O_RDONLY);
    for (ssize_t got; (got = getdents(folder, buffer, 80)) > 0;)
        for (ssize_t at = 0; at < got;) {
            struct dirent *entry = (struct dirent *)(buffer + at);
            at += entry->d_reclen;
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                continue;
            CHECK(strtol(entry->d_name, NULL, 10) > pid && entry->d_type == DT_DIR);
            pid = strtol(entry->d_name, NULL, 10);
            seen += pid == getpid() || pid == 1;
        }
    CHECK_IS(seen, 2);
}

static void questions_about_the_system(void)
{
    struct utsname name;
    struct statfs memory, proc;
    char text[100];
    CHECK_IS(uname(&name), 0);
    CHECK(strcmp(name.sysname, "Folio") == 0 && strcmp(name.machine, "x86_64") == 0);
    CHECK_IS(statfs(".", &memory), 0);
    CHECK_IS(statfs("/proc/stat", &proc), 0);
    CHECK(memory.f_blocks > memory.f_bfree && memory.f_bsize == PAGE);
    CHECK(proc.f_blocks == 0 && proc.f_type == 0x9fa0 && proc.f_fsid[0] != memory.f_fsid[0]);
    CHECK_ERROR(statfs("none", &memory), ENOENT);
    CHECK_IS(folio_kernel_log(text, sizeof(text)), sizeof(text));
    CHECK_IS(text[99], '\n');
    CHECK_ERROR(folio_kernel_log(text, 0), EINVAL);
}

static void burn(void *milliseconds)
{
    uint64_t end = folio_clock() + (uint64_t)milliseconds * MILLISECOND;
    while (folio_clock() < end)
        ;
}

static void burn_below(void *milliseconds)
{
    ends_well(start(burn, milliseconds));
}

static void time_of_children(void)
{
    uint64_t before = process_now(getpid()).children_time;
    ends_well(start(burn_below, (void *)50));
    uint64_t used = process_now(getpid()).children_time - before;
    CHECK(used >= 10 * MILLISECOND && used < 2000 * MILLISECOND);
}

const struct test link_tests[] = {
    TEST(hard_links), TEST(symbolic_links), TEST(loops_of_links), TEST(renames),
    TEST(renames_of_folders), TEST(renames_in_two_directions), TEST(renames_are_one_step),
    TEST(sizes), TEST(times_of_files), TEST(files_of_proc), TEST(pieces_of_proc),
    TEST(questions_about_the_system), TEST(time_of_children), { NULL, NULL, 0 },
};
