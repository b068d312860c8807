// sources: kernel/proc/image.c
// Executables: a good one is taken, one that was cut off or forged in any field is refused, and whatever is
// accepted lies where it may. New stacks: all parts are where they are said to be.

#include "host.h"

#include <string.h>

#include <folio/errno.h>
#include <folio/image.h>

static uint64_t random_state = 20240101;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static const uint64_t worst[] = {
    0, 1, 2, 55, 56, 57, 4095, 4096, 4097, 0x3fffff, 0x400000, PROGRAM_END - 4096, PROGRAM_END - 1, PROGRAM_END,
    PROGRAM_END + 1, STACK_TOP - 1, STACK_TOP, STACK_TOP + 1, 0x800000000000, 0xffff800000000000,
    0xffffffff80000000, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX - 4096, UINT64_MAX - 4095,
    UINT64_MAX - 1, UINT64_MAX, 0xffffffff, 0x100000000,
};
enum { WORST = sizeof(worst) / sizeof(worst[0]), FILE_SIZE = 20000 };

static uint64_t bad_number(void)
{
    uint64_t number = random64();
    return number % 4 == 0 ? number : worst[number / 4 % WORST] + (number % 4 == 1 ? random64() % 16 : 0);
}

static struct elf_header good_header(void)
{
    return (struct elf_header){
        .magic = "\177ELF", .class = CLASS_64, .data = DATA_LITTLE_ENDIAN, .version = 1,
        .type = TYPE_EXECUTABLE, .machine = MACHINE_X86_64, .format_version = 1, .entry = 0x401000,
        .headers_at = 64, .size = 64, .header_size = 56, .header_count = 3,
    };
}

static const struct program_header code = {
    .type = SEGMENT_LOAD, .flags = RIGHT_READ | RIGHT_EXECUTE, .address = 0x400000, .file_size = 9000,
    .memory_size = 9000,
};
static const struct program_header data = {
    .type = SEGMENT_LOAD, .flags = RIGHT_READ | RIGHT_WRITE, .offset = 9000, .address = 0x403000 + 9000 % 4096,
    .file_size = 5000, .memory_size = 30000,
};

// What must be true of every segment that is accepted.
static void check_borders(const struct program_header *segment, uint64_t file_size, const struct image_segment *at)
{
    CHECK(at->start % PAGE == 0 && at->zeros % PAGE == 0 && at->end % PAGE == 0 && at->offset % PAGE == 0);
    CHECK(at->start >= PROGRAM_START && at->start <= segment->address && at->start + PAGE > segment->address);
    CHECK(at->start <= at->zeros && at->start < at->end && at->zeros <= at->end);
    CHECK(at->end <= PROGRAM_END && at->memory_end <= at->end && at->memory_end + PAGE > at->end);
    CHECK(at->file_end - segment->address == segment->file_size && at->file_end <= at->memory_end);
    CHECK(at->memory_end - segment->address == segment->memory_size);
    CHECK(at->from_file == (segment->file_size > 0));
    CHECK(at->from_file || at->zeros == at->start);
    if (at->from_file) {
        CHECK(at->zeros >= at->file_end && at->zeros < at->file_end + PAGE);
        CHECK(at->offset <= file_size && at->file_end - at->start <= file_size - at->offset);
        CHECK(at->cleared == (at->memory_end > at->file_end && at->file_end % PAGE != 0));
    } else {
        CHECK(!at->cleared);
    }
    CHECK(at->rights <= 7);
}

static void good(void)
{
    struct elf_header header = good_header();
    struct image_segment at;
    CHECK(image_is_executable(&header));
    CHECK(image_segment(&code, FILE_SIZE, &at) == 1);
    check_borders(&code, FILE_SIZE, &at);
    CHECK(at.start == 0x400000 && at.zeros == 0x403000 && at.end == 0x403000 && !at.cleared && at.rights == 5);
    CHECK(image_segment(&data, FILE_SIZE, &at) == 1);
    check_borders(&data, FILE_SIZE, &at);
    CHECK(at.offset == 8192 && at.cleared && at.rights == 3 && at.end == 0x40b000);
    struct program_header headers[3] = {code, data, {.type = 6}};
    struct image image = image_describe(&header, headers);
    CHECK(image.entry == 0x401000 && image.headers == 0x400040 && image.header_count == 3);
    header.headers_at = 15000;
    CHECK(image_describe(&header, headers).headers == 0);
    CHECK(image_segment(&headers[2], FILE_SIZE, &at) == 0);
}

// A file that is cut off anywhere before the end of a segment doesn't hold it.
static void truncated(void)
{
    struct image_segment at;
    for (uint64_t size = 0; size < FILE_SIZE; size++) {
        CHECK(image_segment(&code, size, &at) == (size >= 9000 ? 1 : -ENOEXEC));
        CHECK(image_segment(&data, size, &at) == (size >= 14000 ? 1 : -ENOEXEC));
    }
}

// Each byte of what says which kind of file it is.
static void forged_headers(void)
{
    static const uint8_t fixed[] = {0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 54, 55};
    for (unsigned i = 0; i < sizeof(fixed); i++)
        for (unsigned byte = 1; byte < 256; byte++) {
            struct elf_header header = good_header();
            ((uint8_t *)&header)[fixed[i]] ^= byte;
            CHECK(!image_is_executable(&header));
        }
    for (unsigned count = 0; count < 65536; count++) {
        struct elf_header header = good_header();
        header.header_count = count;
        CHECK(image_is_executable(&header) == (count > 0 && count <= HEADERS_AT_MOST));
    }
    for (unsigned i = 0; i < WORST; i++) {
        struct elf_header header = good_header();
        header.entry = worst[i];
        CHECK(image_is_executable(&header) == (worst[i] >= PROGRAM_START && worst[i] < PROGRAM_END));
    }
}

static void forged_segments(void)
{
    unsigned accepted = 0;
    struct image_segment at;
    for (unsigned i = 0; i < 2000000; i++) {
        struct program_header segment = i % 2 ? code : data;
        uint64_t fields = random64();
        uint64_t size = fields % 3 ? FILE_SIZE : bad_number();
        if (fields >> 8 & 1)
            segment.offset = bad_number();
        if (fields >> 9 & 1)
            segment.address = bad_number();
        if (fields >> 10 & 1)
            segment.file_size = bad_number();
        if (fields >> 11 & 1)
            segment.memory_size = bad_number();
        if ((fields >> 12 & 3) == 0)
            segment.offset += (segment.address - segment.offset) % PAGE;
        int found = image_segment(&segment, size, &at);
        CHECK(found == 1 || found == 0 || found == -ENOEXEC);
        CHECK(found != 0 || segment.memory_size == 0);
        if (found == 1)
            check_borders(&segment, size, &at);
        accepted += found == 1;
    }
    CHECK(accepted > 10000);
    for (unsigned type = 0; type < 10; type++) {
        struct program_header segment = code;
        segment.type = type;
        CHECK(image_segment(&segment, FILE_SIZE, &at) == (type == 1 ? 1 : type == 2 || type == 3 ? -ENOEXEC : 0));
    }
}

// A stack is read as a program reads it.
static void check_stack(unsigned argument_count, unsigned environment_count, unsigned capabilities)
{
    static char bytes[65536];
    struct arguments arguments = {
        .bytes = bytes, .argument_count = argument_count, .environment_count = environment_count,
    };
    for (unsigned i = 0; i <= argument_count + environment_count; i++)
        arguments.used += (size_t)sprintf(bytes + arguments.used, "%.*s%u", (int)(random64() % 30),
                                          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i) + 1;
    struct image image = {.entry = 0x401000, .headers = 0x400040, .header_count = 3};
    struct image_stack stack = image_stack_place(&arguments, capabilities);
    CHECK(stack.bottom % 16 == 0 && stack.list % 16 == 0 && stack.strings % 16 == 0);
    CHECK(stack.strings + arguments.used <= STACK_TOP && stack.strings + arguments.used + 16 > STACK_TOP);
    CHECK(stack.strings - stack.list == (capabilities + 1) * sizeof(struct capability_given));
    uint64_t *table = malloc(stack.strings - stack.bottom);
    CHECK(table != NULL);
    memset(table, 0xa5, stack.strings - stack.bottom);
    image_stack_fill(&stack, &arguments, &image, table);
    uint64_t *at = table;
    const char *string = bytes;
    CHECK(*at++ == argument_count);
    for (unsigned i = 0; i < argument_count + environment_count; i++) {
        if (i == argument_count)
            CHECK(*at++ == 0);
        CHECK(*at++ == stack.strings + (uint64_t)(string - bytes));
        string += strlen(string) + 1;
    }
    CHECK((environment_count > 0 || *at++ == 0) && *at++ == 0);
    bool list = false, name = false;
    for (; at[0] != AUX_END; at += 2) {
        list |= at[0] == AUX_CAPABILITIES && at[1] == stack.list;
        name |= at[0] == AUX_FILE_NAME && at[1] == stack.strings + (uint64_t)(string - bytes);
    }
    CHECK(list && name && at[1] == 0);
    CHECK((uint64_t)(at + 2 - table) * 8 <= stack.list - stack.bottom);
    for (char *byte = (char *)(at + 2); byte < (char *)table + (stack.strings - stack.bottom); byte++)
        CHECK(*byte == 0);
    free(table);
}

int main(void)
{
    good();
    truncated();
    forged_headers();
    forged_segments();
    for (unsigned i = 0; i < 2000; i++)
        check_stack(random64() % 40, random64() % 40, random64() % 20);
    check_stack(0, 0, 0);
    return 0;
}
