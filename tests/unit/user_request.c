// sources: user/bin/system/request.c user/lib/request.c
// flags: -include lib/string.h -idirafter build/lined/user/include
// Requests to SYSTEM: one that was written is read as it was meant; one with anything wrong in it is refused, or
// holds together all the same, and nothing beyond its bytes is looked at.

#include "host.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../../build/lined/user/bin/system/system.h"

static uint64_t random_state = 20240101;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// The bytes stand at the very end of a block of their own, so that the sanitizer sees a step beyond them.
static char *block;

static char *alone(const char *bytes, size_t length)
{
    free(block);
    block = malloc(length > 0 ? length : 1);
    CHECK(block != NULL);
    return memcpy(block, bytes, length);
}

static char room[70000];
static char *argv[] = {"cat", "-n", "file with blanks", NULL}, *envp[] = {"A=1", "B=", NULL};

static ssize_t write_one(uint32_t flags, const char *directory, size_t pairs, size_t names)
{
    static struct file_pair pair[FILE_PAIRS_MAX + 1] = {{1, 2}, {3, 4}};
    static struct spawn_capability capability[MESSAGE_CAPABILITIES + 1];
    for (int i = 0; i <= MESSAGE_CAPABILITIES; i++)
        capability[i] = (struct spawn_capability){5, 6, "name"};
    struct spawn_options options = {
        .flags = flags, .group = 77, .directory = directory, .pairs = pair, .pair_count = pairs,
        .capabilities = capability, .capability_count = names,
    };
    return spawn_write(room, sizeof(room), "/bin/cat", argv, envp, &options);
}

// What must be true of every request that is accepted: it is walked as spawn.c walks it.
static void walk(const struct request *request, const char *bytes, size_t length, unsigned capabilities)
{
    const struct spawn_request *head = request->head;
    const char *end = bytes + length;
    CHECK((head->flags & ~(uint32_t)SPAWN_FLAGS) == 0);
    CHECK(head->names + (head->flags & SPAWN_SELF) == capabilities && head->pairs <= FILE_PAIRS_MAX);
    for (uint32_t i = 0; i < head->names; i++)
        CHECK(strlen(request->names[i].name) < CAPABILITY_NAME);
    for (uint32_t i = 0; i < head->pairs; i++)
        CHECK((const char *)&request->pairs[i + 1] <= end);
    const char *at = request->strings.bytes;
    for (size_t i = 0; i < request->strings.argument_count + request->strings.environment_count; i++)
        at += strlen(at) + 1;
    CHECK(at == request->path && at[0] == '/' && at + strlen(at) + 1 == end);
    CHECK(request->strings.bytes + request->strings.used == end);
    CHECK(request->directory[0] == '\0' || request->directory[0] == '/');
    CHECK(request->directory + strlen(request->directory) + 1 == request->strings.bytes);
    CHECK(request->program == request->path);
}

static void good(void)
{
    struct request request;
    ssize_t length = write_one(SPAWN_SELF | SPAWN_CHILD, "/tmp", 2, 3);
    CHECK(length > 0);
    char *bytes = alone(room, (size_t)length);
    CHECK(request_read(&request, bytes, (size_t)length, 4) == 0);
    walk(&request, bytes, (size_t)length, 4);
    CHECK(strcmp(request.directory, "/tmp") == 0 && strcmp(request.path, "/bin/cat") == 0);
    CHECK(request.strings.argument_count == 3 && request.strings.environment_count == 2);
    CHECK(strcmp(request.strings.bytes, "cat") == 0 && request.head->group == 77);
    CHECK(request.pairs[1].from == 3 && request.pairs[1].to == 4);
    CHECK(strcmp(request.names[2].name, "name") == 0 && request.names[2].rights == 6);
    // capabilities that are not spoken of, and ones that have not come
    for (unsigned came = 0; came < 10; came++)
        CHECK(request_read(&request, bytes, (size_t)length, came) == (came == 4 ? 0 : -EINVAL));
}

static void refused(uint32_t flags, const char *directory, size_t pairs, size_t names)
{
    struct request request;
    ssize_t length = write_one(flags, directory, pairs, names);
    CHECK(length > 0);
    char *bytes = alone(room, (size_t)length);
    CHECK(request_read(&request, bytes, (size_t)length, (unsigned)names + (flags & SPAWN_SELF)) == -EINVAL);
}

static void bad(void)
{
    refused(16, NULL, 0, 0);
    refused(SPAWN_CHILD, NULL, 0, 0); // nobody becomes a parent who has not sent himself
    refused(SPAWN_FILES, NULL, 0, 0);
    refused(0, NULL, 1, 0);
    refused(SPAWN_SELF, "tmp", 0, 0);
    refused(SPAWN_SELF, NULL, FILE_PAIRS_MAX + 1, 0);
    refused(0, NULL, 0, MESSAGE_CAPABILITIES + 1);
    struct request request;
    ssize_t length = write_one(0, NULL, 0, 1);
    memset(room + sizeof(struct spawn_request), 'x', CAPABILITY_NAME); // a name without an end
    char *unending = alone(room, (size_t)length);
    CHECK(request_read(&request, unending, (size_t)length, 1) == -EINVAL);
    length = write_one(SPAWN_SELF, NULL, 2, 3);
    for (ssize_t cut = 0; cut < length; cut++) { // cut off anywhere
        char *bytes = alone(room, (size_t)cut);
        CHECK(request_read(&request, bytes, (size_t)cut, 4) == -EINVAL);
    }
    for (size_t size = 0; size < (size_t)length; size++) // or never written
        CHECK(spawn_write(room, size, "/bin/cat", argv, envp, &(struct spawn_options){.flags = 0}) <= (ssize_t)size);
}

static void forged(void)
{
    unsigned accepted = 0;
    for (unsigned round = 0; round < 1000000; round++) {
        struct request request;
        unsigned names = random64() % 4, flags = random64() % 16;
        ssize_t length = write_one(flags, random64() % 2 ? "/tmp" : NULL, random64() % 3, names);
        CHECK(length > 0);
        for (unsigned changes = random64() % 4; changes > 0; changes--) {
            uint64_t at = random64() % (uint64_t)length;
            uint64_t kind = random64() % 4;
            room[at] = kind == 0 ? 0 : kind == 1 ? (char)0xff : (char)random64();
        }
        size_t cut = random64() % 4 ? (size_t)length : random64() % (uint64_t)length;
        unsigned came = random64() % 4 ? names + (flags & SPAWN_SELF) : random64() % 9;
        char *bytes = alone(room, cut);
        int error = request_read(&request, bytes, cut, came);
        CHECK(error == 0 || error == -EINVAL || error == -E2BIG);
        if (error == 0)
            walk(&request, bytes, cut, came);
        accepted += error == 0;
    }
    CHECK(accepted > 10000 && accepted < 900000);
}

// Scripts of scripts: the strings grow at the front, and the path at the end stays.
static void interpreted(void)
{
    struct request request;
    ssize_t length = write_one(0, NULL, 0, 0);
    char *bytes = alone(room, (size_t)length);
    CHECK(request_read(&request, bytes, (size_t)length, 0) == 0);
    CHECK(request_interpret(&request, "/bin/sh", "-e") == 0);
    const char *at = request.strings.bytes;
    static const char *const wanted[] = {"/bin/sh", "-e", "/bin/cat", "-n", "file with blanks", "A=1", "B=", "/bin/cat"};
    for (size_t i = 0; i < 8; at += strlen(at) + 1, i++)
        CHECK(strcmp(at, wanted[i]) == 0);
    CHECK(at == request.strings.bytes + request.strings.used);
    CHECK(request.strings.argument_count == 5 && strcmp(request.program, "/bin/sh") == 0);
    int error = 0;
    for (unsigned i = 0; i < 40 && error == 0; i++) {
        error = request_interpret(&request, "/bin/other", NULL);
        CHECK(error == 0 || error == -E2BIG);
        if (error == 0)
            CHECK(request.strings.argument_count == 6 + i && strcmp(request.program, "/bin/other") == 0);
    }
}

static void long_ones(void)
{
    struct request request;
    static char *words[30002];
    for (int i = 0; i < 30001; i++)
        words[i] = "";
    ssize_t length = spawn_write(room, MESSAGE_LENGTH, "/bin/true", words, envp, &(struct spawn_options){.flags = 0});
    CHECK(length > 0);
    CHECK(request_read(&request, alone(room, (size_t)length), (size_t)length, 0) == -E2BIG);
}

int main(void)
{
    good();
    bad();
    forged();
    interpreted();
    long_ones();
    free(block);
    return 0;
}
