// sources: kernel/ipc/capability.c kernel/ipc/object.c kernel/ipc/calls.c kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// flags: -Wl,--wrap=frame_alloc,--wrap=frame_alloc_zeroed,--wrap=object_alloc,--wrap=memory_alloc
// Capabilities against a model, a flat list with a parent in each line: derived rights never grow, and a revocation
// reaches exactly the tree below, whatever was derived, given, forked, closed and ended before.

#include "files.h"

#include <setjmp.h>
#include <time.h>

#include "arch/clock.h"
#include "arch/random.h"
#include "ipc/calls.h"
#include "ipc/capability.h"

enum { TABLES = 20, STEPS = 100000, LINES = 1200, ALL_TESTED = 15 };

// ---- what the room below would do ----

uint64_t random_number(void) { return host_random(UINT64_C(1) << 52) << 11 ^ host_random(UINT64_C(1) << 40); }

static int naps;
static int nap_result;

int thread_sleep_until(uint64_t deadline);
int thread_sleep_until(uint64_t deadline)
{
    CHECK(host_cpu.lock_depth == 0 && mutexes_held == 0, "naps with a lock");
    (void)deadline;
    naps++;
    return nap_result;
}

// A pinned entry: somebody revokes it, has to wait, and here the user comes to his end. Meanwhile somebody above may
// revoke as well; he has to wait, too, and is left waiting.
static struct capability *pinned;
static struct capability_table *above_table;
static uint64_t above_handle;
static bool above_revokes, above_waits;
static jmp_buf above;

void wait_queue_sleep_uninterruptible(struct wait_queue *queue, struct spinlock *held)
{
    CHECK(host_cpu.lock_depth == 1 && mutexes_held == 0, "waits for %s with another lock", queue->name);
    CHECK(pinned != NULL, "waits for %s, and nobody uses it", queue->name);
    spin_unlock(held);
    if (above_revokes) {
        above_waits = true;
        longjmp(above, 1);
    }
    if (above_table != NULL) {
        above_revokes = true;
        if (setjmp(above) == 0)
            capability_revoke(above_table, above_handle);
        above_revokes = false;
    }
    struct capability *used = pinned;
    pinned = NULL;
    capability_end(used);
    spin_lock(held);
}

// ---- the objects of the test: of each some rights gained and lost are counted ----

static int64_t rights_out[32]; // how many entries for the counted objects have each right
static int objects_alive;

static void count_rights(int64_t by, uint32_t rights)
{
    for (int bit = 0; bit < 32; bit++)
        rights_out[bit] += (rights >> bit & 1) != 0 ? by : 0;
}

static void gained(struct object *object, struct capability_table *table, uint32_t rights)
{
    (void)object, (void)table;
    count_rights(1, rights);
}

static unsigned lost_in_turn, most_lost, turn; // entries that went while the tree was held once

static void lost(struct object *object, struct capability_table *table, uint32_t rights, bool in_use)
{
    (void)object, (void)table, (void)in_use;
    count_rights(-1, rights);
    CHECK(mutexes_held == 1);
    lost_in_turn = turn == mutexes_taken ? lost_in_turn + 1 : 1;
    turn = mutexes_taken;
    most_lost = lost_in_turn > most_lost ? lost_in_turn : most_lost;
}

static void release(struct object *object)
{
    CHECK(host_cpu.lock_depth == 0 && mutexes_held == 0, "released under a lock");
    free(object);
    objects_alive--;
}

static const struct object_operations counted_operations = {
    .kind = OBJECT_DEVICE, .name = "counted", .rights = ALL_TESTED, .gained = gained, .lost = lost, .release = release,
};

struct process { // stands for one
    struct object object;
    struct capability_table *table;
};

static struct capability_table *receiver(struct object *object)
{
    CHECK(mutexes_held == 1);
    return ((struct process *)object)->table;
}

static const struct object_operations process_operations = {
    .kind = OBJECT_PROCESS, .name = "process", .rights = PROCESS_GIVE, .release = release, .receiver = receiver,
};

static struct object *make(const struct object_operations *operations)
{
    struct process *made = calloc(1, sizeof(*made));
    object_init(&made->object, operations);
    objects_alive++;
    return &made->object;
}

// ---- the model ----

struct line {
    bool alive;
    int table;
    uint64_t handle;
    struct object *object;
    uint32_t rights, flags;
    int parent; // a line, or -1
};

static struct line lines[LINES];
static struct capability_table *tables[TABLES];
static struct process *processes[TABLES];

static int new_line(int table, uint64_t handle, struct object *object, uint32_t rights, uint32_t flags, int parent)
{
    for (int i = 0; i < LINES; i++)
        if (!lines[i].alive) {
            lines[i] = (struct line){true, table, handle, object, rights, flags, parent};
            return i;
        }
    CHECK(false, "the model is full");
    return -1;
}

static int count_lines(int table)
{
    int count = 0;
    for (int i = 0; i < LINES; i++)
        count += lines[i].alive && (table < 0 || lines[i].table == table);
    return count;
}

static int line_of(int table, uint64_t handle)
{
    for (int i = 0; i < LINES; i++)
        if (lines[i].alive && lines[i].table == table && lines[i].handle == handle)
            return i;
    return -1;
}

static bool is_below(int line, int top)
{
    while (line >= 0 && line != top)
        line = lines[line].parent;
    return line == top;
}

static void drop_line(int line) // its children fall to its parent
{
    for (int i = 0; i < LINES; i++)
        if (lines[i].alive && lines[i].parent == line)
            lines[i].parent = lines[line].parent;
    lines[line].alive = false;
}

static int drop_below(int top)
{
    bool below[LINES];
    int count = 0;
    for (int i = 0; i < LINES; i++)
        below[i] = lines[i].alive && i != top && is_below(i, top);
    for (int i = 0; i < LINES; i++)
        if (below[i]) {
            lines[i].alive = false;
            count++;
        }
    return count;
}

static int random_line(void)
{
    for (int tries = 0; tries < 10 * LINES; tries++) {
        int i = (int)host_random(LINES);
        if (lines[i].alive)
            return i;
    }
    return -1;
}

// ---- the comparison ----

static void compare_table(int table)
{
    static struct capability_info list[CAPABILITIES_MAX];
    uint32_t groups = 0;
    int64_t count = capability_list(tables[table], (uint64_t)list, CAPABILITIES_MAX);
    CHECK(count == count_lines(table), "table %d has %ld entries, not %d", table, count, count_lines(table));
    for (int64_t i = 0; i < count; i++) {
        int at = line_of(table, list[i].handle);
        CHECK(at >= 0, "table %d has an entry too many", table);
        const struct line *line = &lines[at], *parent = line->parent < 0 ? NULL : &lines[line->parent];
        CHECK(list[i].rights == line->rights && list[i].flags == line->flags && list[i].object == line->object->number
              && list[i].kind == line->object->operations->kind);
        CHECK(list[i].from == (parent != NULL && parent->table == table ? parent->handle : 0));
        CHECK(parent == NULL || ((line->rights & ~parent->rights) == 0 && parent->object == line->object), "wider");
        uint32_t derived = 0;
        for (int k = 0; k < LINES; k++)
            derived += lines[k].alive && lines[k].parent == at;
        CHECK(list[i].derived == derived, "%u derived, not %u", list[i].derived, derived);
        if (line->object == &calls_object)
            groups |= line->rights & CALLS_ALL;
    }
    for (unsigned group = 0; group < CALL_GROUPS; group++)
        CHECK(capability_allows(tables[table], 1u << group) == ((groups >> group & 1) != 0));
}

static void compare_all(void)
{
    int64_t wanted[32] = {0};
    for (int i = 0; i < TABLES; i++)
        if (tables[i] != NULL)
            compare_table(i);
    for (int i = 0; i < LINES; i++)
        for (int bit = 0; bit < 32 && lines[i].alive && lines[i].object->operations == &counted_operations; bit++)
            wanted[bit] += lines[i].rights >> bit & 1;
    for (int bit = 0; bit < 32; bit++)
        CHECK(rights_out[bit] == wanted[bit], "right %d: %ld, not %ld", bit, rights_out[bit], wanted[bit]);
}

// ---- the steps ----

static int free_slot(void)
{
    for (int i = 0; i < TABLES; i++)
        if (tables[i] == NULL)
            return i;
    return -1;
}

static void insert(int table, struct object *object, uint32_t rights)
{
    uint32_t flags = (uint32_t)host_random(2);
    int64_t handle = capability_insert(tables[table], object, rights, flags, "first");
    CHECK(handle > 0);
    new_line(table, (uint64_t)handle, object, rights, flags, -1);
}

static void begin_process(int slot)
{
    processes[slot] = (struct process *)make(&process_operations);
    processes[slot]->table = tables[slot];
}

static void start(void)
{
    int slot = free_slot();
    if (slot < 0)
        return;
    tables[slot] = capability_table_create();
    begin_process(slot);
    insert(slot, &processes[slot]->object, PROCESS_GIVE | RIGHT_DELEGATE);
    insert(slot, &calls_object, (uint32_t)host_random(CALLS_ALL + 1) | RIGHT_DELEGATE);
    struct object *object = make(&counted_operations);
    insert(slot, object, ALL_TESTED | RIGHT_DELEGATE);
    object_put(object);
}

static uint32_t some_of(uint32_t rights) // now and then a right that isn't among them
{
    uint32_t some = rights & (uint32_t)random_number();
    if (host_random(3) != 0)
        some |= rights & RIGHT_DELEGATE;
    return host_random(8) == 0 ? some ^ 1u << host_random(32) : some;
}

static void derive(int from)
{
    const struct line line = lines[from];
    uint32_t rights = some_of(line.rights), flags = (uint32_t)host_random(2);
    fail_after = host_random(20) == 0 ? 1 : 0;
    bool fails_now = fail_after != 0, wider = (rights & ~line.rights) != 0;
    int64_t result = capability_derive(tables[line.table], line.handle, rights, flags);
    fail_after = 0;
    if (wider)
        CHECK(result == -EACCES, "a right too many: %lx", result);
    else if (fails_now)
        CHECK(result == -ENOMEM);
    else {
        CHECK(result > 0 && line_of(line.table, (uint64_t)result) < 0);
        new_line(line.table, (uint64_t)result, line.object, rights, flags, from);
    }
}

static void give(int from)
{
    const struct line line = lines[from];
    int to = -1;
    for (int i = 0, seen = 0; i < LINES; i++) // one of its capabilities to a process
        if (lines[i].alive && lines[i].table == line.table && lines[i].object->operations == &process_operations
            && host_random((uint64_t)++seen) == 0)
            to = i;
    if (to < 0)
        return;
    const struct line target = lines[to];
    struct capability_table *receiving = ((struct process *)target.object)->table;
    uint32_t rights = some_of(line.rights);
    int64_t result = capability_give(tables[line.table], target.handle, line.handle, rights,
                                     host_random(2) == 0 ? 0 : (uint64_t)"gift");
    if ((target.rights & PROCESS_GIVE) == 0 || (line.rights & RIGHT_DELEGATE) == 0 || (rights & ~line.rights) != 0)
        CHECK(result == -EACCES, "%ld", result);
    else if (receiving == NULL)
        CHECK(result == -ESRCH, "%ld", result);
    else {
        CHECK(result > 0, "%ld", result);
        int slot = 0;
        while (tables[slot] != receiving)
            slot++;
        new_line(slot, (uint64_t)result, line.object, rights, line.flags, from);
    }
}

static void revoke(int top)
{
    const struct line line = lines[top];
    int64_t is = capability_revoke(tables[line.table], line.handle), should = drop_below(top);
    CHECK(is == should, "revoked %ld, not %ld", is, should);
}

// A call is on its way through one of the entries that go: the revocation must have waited for it.
static void revoke_used(int line)
{
    const struct line used = lines[line];
    int top = line;
    while (lines[top].parent >= 0 && (top == line || host_random(2) == 0))
        top = lines[top].parent;
    if (top == line)
        return;
    CHECK(capability_begin(tables[used.table], used.handle, used.object->operations->kind, used.rights, &pinned) == 0);
    const struct line above = lines[top];
    CHECK(capability_revoke(tables[above.table], above.handle) == drop_below(top));
    CHECK(pinned == NULL, "the revocation is over, and the call isn't");
}

// The same, and while the one who revokes waits, somebody further above revokes: he finds nothing, and must wait as well.
static void revoke_used_twice(int line)
{
    const struct line used = lines[line];
    int middle = used.parent, top = middle < 0 ? -1 : lines[middle].parent;
    if (top < 0)
        return;
    CHECK(capability_begin(tables[used.table], used.handle, used.object->operations->kind, used.rights, &pinned) == 0);
    const struct line between = lines[middle];
    above_table = tables[lines[top].table];
    above_handle = lines[top].handle;
    above_waits = false;
    int64_t revoked = capability_revoke(tables[between.table], between.handle);
    above_table = NULL;
    CHECK(revoked == drop_below(middle));
    CHECK(above_waits, "the revocation from above is over, and the call isn't");
    drop_below(top);
}

static void close_one(int at)
{
    const struct line line = lines[at];
    CHECK(capability_close(tables[line.table], line.handle) == 0);
    drop_line(at);
    CHECK(capability_close(tables[line.table], line.handle) == -ESTALE);
    CHECK(capability_revoke(tables[line.table], line.handle) == -ESTALE);
    CHECK(capability_derive(tables[line.table], line.handle, 0, 0) == -ESTALE);
}

static void flag(int at)
{
    lines[at].flags = (uint32_t)host_random(2);
    CHECK(capability_flag(tables[lines[at].table], lines[at].handle, lines[at].flags) == 0);
    CHECK(capability_flag(tables[lines[at].table], lines[at].handle, 2) == -EINVAL);
}

static void use(int at)
{
    const struct line *line = &lines[at];
    enum object_kind kind = line->object->operations->kind, other = kind == OBJECT_CALLS ? OBJECT_PROCESS : OBJECT_CALLS;
    struct capability *used;
    CHECK(capability_begin(tables[line->table], line->handle, kind, line->rights, &used) == 0);
    CHECK(used->object == line->object);
    capability_end(used);
    CHECK(capability_begin(tables[line->table], line->handle, other, 0, &used) == -EPROTOTYPE);
    uint32_t missing = 1u << host_random(31);
    if ((line->rights & missing) == 0)
        CHECK(capability_begin(tables[line->table], line->handle, kind, line->rights | missing, &used) == -EACCES);
    CHECK(capability_begin(tables[line->table], line->handle, kind, line->rights | UINT64_C(1) << 40, &used) == -EACCES);
}

static void fork_process(int parent)
{
    int slot = free_slot();
    if (slot < 0)
        return;
    fail_after = host_random(4) == 0 ? 1 + host_random(4) : 0;
    tables[slot] = capability_table_fork(tables[parent]);
    fail_after = 0;
    if (tables[slot] == NULL)
        return;
    begin_process(slot);
    for (int i = 0, count = LINES; i < count; i++) {
        const struct line line = lines[i];
        if (line.alive && line.table == parent && line.flags != 0 && (line.rights & RIGHT_DELEGATE) != 0)
            new_line(slot, line.handle, line.object, line.rights, line.flags, i);
        else if (line.alive && line.table == parent)
            CHECK(capability_close(tables[slot], line.handle) == -ESTALE);
    }
    capability_table_enter(tables[slot], slot);
}

static void exec(int table)
{
    capability_table_exec(tables[table]);
    for (int i = 0; i < LINES; i++)
        if (lines[i].alive && lines[i].table == table && lines[i].flags == 0)
            drop_line(i);
}

static void exit_process(int table)
{
    processes[table]->table = NULL;
    capability_table_put(tables[table]);
    object_put(&processes[table]->object);
    tables[table] = NULL;
    for (int i = 0; i < LINES; i++)
        if (lines[i].alive && lines[i].table == table)
            drop_line(i);
}

static void step(int number)
{
    int line = random_line(), table = line < 0 ? -1 : lines[line].table;
    uint64_t kind = line < 0 ? 0 : host_random(100);
    bool crowded = count_lines(-1) > LINES / 4;
    if (kind < 5)
        start();
    else if (kind < 40 && !crowded)
        derive(line);
    else if (kind < 55 && !crowded)
        give(line);
    else if (kind < 60 && !crowded)
        fork_process(table);
    else if (kind < 68)
        use(line);
    else if (kind < 74)
        flag(line);
    else if (kind < 82)
        close_one(line);
    else if (kind < 88)
        revoke(line);
    else if (kind < 90)
        revoke_used(line);
    else if (kind < 92)
        revoke_used_twice(line);
    else if (kind < 95)
        exec(table);
    else if (kind < 98 || crowded)
        exit_process(table);
    if (table >= 0 && tables[table] != NULL)
        compare_table(table);
    if (number % 16 == 0)
        compare_all();
}

static void random_steps(void)
{
    int forged = 0;
    for (int number = 0; number < STEPS; number++) {
        step(number);
        forged += naps;
        naps = 0;
    }
    CHECK(forged == 0, "%d good or stale handles were taken for forged", forged);
    for (int i = 0; i < TABLES; i++)
        if (tables[i] != NULL)
            exit_process(i);
    compare_all();
    CHECK(objects_alive == 0, "%d objects are left", objects_alive);
}

// ---- single cases ----

// A handle of another's opens nothing, nor does any number near one's own; who makes up many, sleeps.
static void forged_handles(void)
{
    struct capability_table *own = capability_table_create(), *other = capability_table_create();
    uint64_t mine = (uint64_t)capability_insert(own, &calls_object, CALLS_FILES, 0, "calls");
    uint64_t yours = (uint64_t)capability_insert(other, &calls_object, CALLS_ALL, 0, "calls");
    uint64_t tries[] = {yours, 0, 1, 15, 16, UINT64_MAX, mine + 1, mine - 1, mine ^ 4096, mine | UINT64_C(1) << 63,
                        mine & 4095, ~mine, mine + 16, mine ^ UINT64_C(1) << 62, 1023, 4095};
    CHECK((int64_t)mine > 4095 && (int64_t)yours > 4095 && mine != yours);
    for (unsigned i = 0; i < ARRAY_LENGTH(tries); i++)
        CHECK(capability_close(own, tries[i]) == -EBADF && naps == 0, "%u", i);
    CHECK(capability_revoke(own, mine) == 0 && naps == 0);
    CHECK(capability_close(own, yours) == -EBADF && naps == 1);
    nap_result = -EINTR; // stopped in the middle: the call is to be made again
    CHECK(capability_close(own, yours) == -EINTR && naps == 2);
    nap_result = 0;
    struct capability_table *child = capability_table_fork(own); // children don't guess for nothing
    CHECK(child != NULL && capability_close(child, yours) == -EBADF && naps == 3);
    CHECK(capability_close(child, mine) == -ESTALE && naps == 3);
    capability_table_put(child);
    CHECK(capability_close(own, mine) == 0 && capability_close(own, mine) == -ESTALE && naps == 3);
    capability_table_put(own);
    capability_table_put(other);
    naps = 0;
}

static void a_full_table(void)
{
    struct capability_table *table = capability_table_create();
    uint64_t first = (uint64_t)capability_insert(table, &calls_object, CALLS_FILES | RIGHT_DELEGATE, 1, "calls"), last = 0;
    for (int i = 1; i < CAPABILITIES_MAX; i++) { // a chain as deep as it gets
        last = (uint64_t)capability_derive(table, last == 0 ? first : last, CALLS_FILES | RIGHT_DELEGATE, 1);
        CHECK((int64_t)last > 0);
    }
    CHECK(capability_derive(table, first, 0, 0) == -EMFILE);
    struct capability_table *child = capability_table_fork(table);
    CHECK(child != NULL && capability_list(child, 0, 0) == CAPABILITIES_MAX);
    CHECK(capability_revoke(child, first) == 0 && capability_allows(child, CALLS_FILES));
    CHECK(capability_revoke(table, first) == 2 * CAPABILITIES_MAX - 1);
    CHECK(capability_list(child, 0, 0) == 0 && !capability_allows(child, CALLS_FILES) && capability_allows(table, CALLS_FILES));
    CHECK(capability_close(child, first) == -ESTALE && capability_close(table, last) == -ESTALE);
    capability_table_put(child);
    capability_table_put(table);
}

// A row that is free is taken again as late as possible.
static void late_reuse(void)
{
    struct capability_table *table = capability_table_create();
    uint64_t closed[CAPABILITIES_FIRST];
    for (int i = 0; i < CAPABILITIES_FIRST; i++) {
        closed[i] = (uint64_t)capability_insert(table, &calls_object, 0, 0, "calls");
        CHECK(capability_close(table, closed[i]) == 0);
    }
    for (int i = 0; i < CAPABILITIES_FIRST; i++)
        CHECK(capability_close(table, closed[i]) == -ESTALE, "number %d is forgotten", i);
    capability_insert(table, &calls_object, 0, 0, "calls");
    CHECK(capability_close(table, closed[0]) == -EBADF && capability_close(table, closed[1]) == -ESTALE);
    capability_table_put(table);
    naps = 0;
}

static void names(void)
{
    struct capability_table *table = capability_table_create();
    struct process *process = (struct process *)make(&process_operations);
    struct capability_info info[4];
    process->table = table;
    uint64_t self = (uint64_t)capability_insert(table, &process->object, PROCESS_GIVE | RIGHT_DELEGATE, 1, "self");
    const char *bad[] = {"two words", "\x1b[2J", "tab\t", "twenty-four letters here", "\xc3\xa4"};
    for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
        int64_t result = capability_give(table, self, self, 0, (uint64_t)bad[i]);
        CHECK(result == (strlen(bad[i]) >= CAPABILITY_NAME ? -ENAMETOOLONG : -EINVAL), "%s: %ld", bad[i], result);
    }
    bad_begin = 0x1000;
    bad_end = 0x2000;
    CHECK(capability_give(table, self, self, 0, 0x1800) == -EFAULT);
    CHECK(capability_list(table, 0x1800, 1) == -EFAULT && capability_list(table, 0x1800, 0) == 1);
    bad_begin = bad_end = 0;
    CHECK(capability_give(table, self, self, 0, (uint64_t)"SYSTEM::PROCESS") > 0);
    CHECK(capability_give(table, self, self, PROCESS_GIVE, 0) > 0);
    CHECK(capability_list(table, (uint64_t)info, 2) == 3 && strcmp(info[1].name, "SYSTEM::PROCESS") == 0);
    CHECK(capability_list(table, (uint64_t)info, 4) == 3 && strcmp(info[2].name, "self") == 0 && info[2].flags == 1);
    process->table = NULL;
    CHECK(capability_give(table, self, self, 0, 0) == -ESRCH);
    capability_table_put(table);
    object_put(&process->object);
}

// ---- large trees ----

enum { AT_ONCE = 64, CROWD = 40 }; // so many entries may go in one turn; so many tables

// An object, its first entry with a child, and below that the first of many tables, all of them full.
static struct capability_table *crowd[CROWD];
static uint64_t top_handle, middle_handle;

static struct capability_table *make_crowd(void)
{
    struct capability_table *table = capability_table_create();
    struct object *object = make(&counted_operations);
    top_handle = (uint64_t)capability_insert(table, object, ALL_TESTED | RIGHT_DELEGATE, 0, "above");
    middle_handle = (uint64_t)capability_derive(table, top_handle, ALL_TESTED | RIGHT_DELEGATE, CAPABILITY_INHERITABLE);
    object_put(object);
    for (int i = 0; i < 1000; i++)
        CHECK(capability_derive(table, middle_handle, ALL_TESTED | RIGHT_DELEGATE, CAPABILITY_INHERITABLE) > 0);
    for (int i = 0; i < CROWD; i++)
        CHECK((crowd[i] = capability_table_fork(table)) != NULL);
    most_lost = 0;
    return table;
}

static void drop_crowd(struct capability_table *table)
{
    for (int i = 0; i < CROWD; i++)
        capability_table_put(crowd[i]);
    capability_table_put(table);
    CHECK(objects_alive == 0 && most_lost <= AT_ONCE + 1, "%u entries went at once", most_lost);
}

static unsigned derived_from(const struct capability_table *table, uint64_t handle)
{
    static struct capability_info list[CAPABILITIES_MAX];
    int64_t count = capability_list((struct capability_table *)table, (uint64_t)list, CAPABILITIES_MAX);
    for (int64_t i = 0; i < count; i++)
        if (list[i].handle == handle)
            return list[i].derived;
    CHECK(false, "the entry is gone");
    return 0;
}

// However many entries go, others come in between.
static void in_portions(void)
{
    struct capability_table *table = make_crowd();
    unsigned before = mutexes_taken;
    CHECK(capability_revoke(table, top_handle) == 1 + 1000 + 1001 * CROWD);
    CHECK(most_lost == AT_ONCE && mutexes_taken - before >= 1000 * CROWD / AT_ONCE);
    drop_crowd(table);
    table = make_crowd();
    drop_crowd(table);
}

// Others add to what is being revoked, whatever they find, as often as they have a turn: it comes to an end.
static unsigned added;

static void add_to_it(void)
{
    static struct capability_info list[CAPABILITIES_MAX];
    for (int i = 0; i < 3; i++) {
        struct capability_table *from = crowd[host_random(CROWD)], *child;
        int64_t count = capability_list(from, (uint64_t)list, CAPABILITIES_MAX);
        for (int k = 0; k < 70 && count > 0; k++)
            added += capability_derive(from, list[host_random((uint64_t)count)].handle, 1, 0) > 0;
        if (host_random(4) != 0 || count == 0)
            continue;
        CHECK((child = capability_table_fork(from)) != NULL);
        added += (unsigned)capability_list(child, 0, 0);
        capability_table_put(crowd[0]);
        crowd[0] = child;
    }
    CHECK(added < 4000 * CROWD, "it grows and grows");
}

static void against_growth(void)
{
    struct capability_table *table = make_crowd();
    who_comes_first = add_to_it;
    CHECK(capability_revoke(table, top_handle) > 1000);
    who_comes_first = NULL;
    CHECK(added > 1000 && derived_from(table, top_handle) == 0, "%u were added", added);
    for (int i = 0; i < CROWD; i++)
        CHECK(capability_list(crowd[i], 0, 0) == 0, "something is left in table %d", i);
    drop_crowd(table);
}

// Somebody closes what is being revoked, from the middle and from the edge; what was below is still reached.
static void close_some(void)
{
    static struct capability_info list[CAPABILITIES_MAX];
    struct capability_table *from = crowd[host_random(CROWD)];
    int64_t count = capability_list(from, (uint64_t)list, CAPABILITIES_MAX);
    for (int k = 0; k < 20 && count > 0; k++)
        capability_close(from, list[host_random((uint64_t)count)].handle);
}

static void against_closing(void)
{
    struct capability_table *table = make_crowd();
    who_comes_first = close_some;
    int64_t revoked = capability_revoke(table, middle_handle);
    who_comes_first = NULL;
    CHECK(revoked > 1000 && derived_from(table, middle_handle) == 0 && derived_from(table, top_handle) == 1);
    for (int i = 0; i < CROWD; i++)
        CHECK(capability_list(crowd[i], 0, 0) == 0, "something is left in table %d", i);
    drop_crowd(table);
}

// To close an entry takes no longer for having many children, and a whole chain of such entries doesn't, either.
static uint64_t time_of_closing(int tables)
{
    enum { CHAIN = 400 };
    static uint64_t chain[CHAIN], own[500];
    static struct capability_table *heirs[CROWD];
    struct capability_table *table = capability_table_create();
    uint64_t last = (uint64_t)capability_insert(table, &calls_object, RIGHT_DELEGATE, 0, "calls");
    for (int i = 0; i < CHAIN; i++)
        chain[i] = last = (uint64_t)capability_derive(table, last, RIGHT_DELEGATE, 0);
    for (int i = 0; i < 500; i++)
        CHECK((int64_t)(own[i] = (uint64_t)capability_derive(table, last, RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) > 0);
    for (int i = 0; i < tables; i++)
        CHECK((heirs[i] = capability_table_fork(table)) != NULL);
    for (int i = 0; i < 500; i++)
        CHECK(capability_close(table, own[i]) == 0);
    CHECK(derived_from(table, last) == 500u * (unsigned)tables);
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = CHAIN - 1; i >= 0; i--)
        capability_close(table, chain[i]);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    for (int i = 0; i < tables; i++)
        capability_table_put(heirs[i]);
    capability_table_put(table);
    return (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + (uint64_t)(end.tv_nsec - begin.tv_nsec);
}

static void many_children(void)
{
    uint64_t few = 0, many = 0;
    for (int tries = 0; tries < 3 && (tries == 0 || many > 8 * few); tries++) {
        few = time_of_closing(1);
        many = time_of_closing(CROWD);
    }
    CHECK(many <= 8 * few, "%lu ns instead of %lu", many, few);
}

int main(void)
{
    host_machine(32 << 20);
    frame_init();
    capability_init();
    size_t objects = object_count_live();
    forged_handles();
    a_full_table();
    late_reuse();
    names();
    in_portions();
    against_growth();
    against_closing();
    many_children();
    CHECK(object_count_live() == objects, "%zu objects, not %zu", object_count_live(), objects);
    random_steps();
    CHECK(object_count_live() == objects, "%zu objects, not %zu", object_count_live(), objects);
    CHECK(mutexes_held == 0 && naps == 0);
    return 0;
}
