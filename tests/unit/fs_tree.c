// sources: kernel/fs/files.c kernel/fs/file.c kernel/fs/vfs.c kernel/fs/tmpfs.c kernel/fs/device.c kernel/fs/pipe.c kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// flags: -Wl,--wrap=frame_alloc,--wrap=frame_alloc_zeroed,--wrap=object_alloc,--wrap=memory_alloc
// Random calls on files and directories against a model of strings and arrays; then the same calls with
// every allocation failing once. In the end no frame and no object is left behind.

#include "files.h"

#include "fs/files.h"
#include "fs/tmpfs.h"
#include "fs/vfs.h"

static uint64_t address(const void *pointer) { return (uint64_t)pointer; }

// The model: nodes with names and children, open files with positions, rows.

enum { CHILDREN = 16, MODEL_SIZE = 3 << 20, ROWS = DESCRIPTORS_MAX };

struct node {
    bool directory, removed;
    struct node *parent;
    char name[8];
    struct node *children[CHILDREN];
    int children_count;
    uint8_t *bytes;
    size_t size;
};

struct open {
    struct node *node;
    int flags;
    size_t offset;
    int references;
};

static struct node *model_root, *model_directory;
static struct open *rows[ROWS];
static struct files *files;

static void *remembered[20000];
static int remembered_count;

// Memory that is freed at the end of a round: until then the model remembers everything.
static void *remember(size_t size)
{
    CHECK(remembered_count < 20000);
    return remembered[remembered_count++] = calloc(1, size);
}

static void forget(void)
{
    while (remembered_count > 0)
        free(remembered[--remembered_count]);
}

static struct node *make_node(bool directory, struct node *parent, const char *name)
{
    struct node *node = remember(sizeof *node);
    node->directory = directory;
    node->parent = parent != NULL ? parent : node;
    snprintf(node->name, sizeof node->name, "%s", name);
    return node;
}

static struct node *child(struct node *node, const char *name)
{
    for (int i = 0; i < node->children_count; i++)
        if (strcmp(node->children[i]->name, name) == 0)
            return node->children[i];
    return NULL;
}

static void add_child(struct node *node, struct node *new)
{
    CHECK(node->children_count < CHILDREN);
    node->children[node->children_count++] = new;
}

static void drop_child(struct node *node, struct node *old)
{
    int i = 0;
    while (node->children[i] != old)
        i++;
    for (node->children_count--; i < node->children_count; i++)
        node->children[i] = node->children[i + 1];
    old->removed = true;
}

// Splits a path; the model has its own way: first all names, then the steps.
static int model_walk(const char *path, struct node **directory, char last[8], bool *slash)
{
    char names[16][8];
    int count = 0;
    if (*path == '\0')
        return -ENOENT;
    *slash = path[strlen(path) - 1] == '/';
    struct node *node = *path == '/' ? model_root : model_directory;
    char copy[200];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *name = strtok(copy, "/"); name != NULL; name = strtok(NULL, "/"))
        snprintf(names[count++], 8, "%s", name);
    last[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (!node->directory)
            return -ENOTDIR;
        if (i == count - 1) {
            strcpy(last, names[i]);
        } else if (strcmp(names[i], "..") == 0) {
            node = node->parent;
        } else if (strcmp(names[i], ".") != 0) {
            node = child(node, names[i]);
            if (node == NULL)
                return -ENOENT;
        }
    }
    *directory = node;
    return node->directory ? 0 : -ENOTDIR;
}

static int model_last(struct node *directory, const char *last, bool slash, struct node **found)
{
    *found = last[0] == '\0' || strcmp(last, ".") == 0 ? directory : strcmp(last, "..") == 0 ? directory->parent : child(directory, last);
    if (*found == NULL)
        return -ENOENT;
    return slash && !(*found)->directory ? -ENOTDIR : 0;
}

static bool dots(const char *name) { return name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static int lowest_row(int from)
{
    for (int i = from; i < ROWS; i++)
        if (rows[i] == NULL)
            return i;
    return -EMFILE;
}

static void release(int row)
{
    rows[row]->references--;
    rows[row] = NULL;
}

static void hold(int row, struct open *open)
{
    open->references++;
    rows[row] = open;
}

static int64_t model_open(const char *path, int flags)
{
    struct node *directory, *node;
    char last[8];
    bool slash;
    int row = lowest_row(0);
    if ((flags & O_ACCMODE) == O_ACCMODE || ((flags & O_CREAT) && (flags & O_DIRECTORY)))
        return -EINVAL;
    if (row < 0)
        return row;
    int error = model_walk(path, &directory, last, &slash);
    if (error == 0)
        error = model_last(directory, last, slash, &node);
    else
        return error;
    if (error == 0 && (flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (error == -ENOENT && (flags & O_CREAT)) {
        if (slash)
            return -EISDIR;
        if (directory->removed)
            return -ENOENT;
        node = make_node(false, directory, last);
        add_child(directory, node);
        error = 0;
    }
    if (error < 0)
        return error;
    if (node->directory && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)))
        return -EISDIR;
    if (!node->directory && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY)
        node->size = 0;
    struct open *open = remember(sizeof *open);
    *open = (struct open){.node = node, .flags = flags};
    hold(row, open);
    return row;
}

static int64_t model_make(const char *path)
{
    struct node *directory;
    char last[8];
    bool slash;
    int error = model_walk(path, &directory, last, &slash);
    if (error < 0)
        return error;
    if (dots(last))
        return -EEXIST;
    if (directory->removed)
        return -ENOENT;
    if (child(directory, last) != NULL)
        return -EEXIST;
    add_child(directory, make_node(true, directory, last));
    return 0;
}

static int64_t model_remove(const char *path, bool want_directory)
{
    struct node *directory, *node;
    char last[8];
    bool slash;
    int error = model_walk(path, &directory, last, &slash);
    if (error < 0)
        return error;
    if (dots(last))
        return !want_directory ? -EISDIR : last[0] == '\0' ? -EBUSY : strcmp(last, ".") == 0 ? -EINVAL : -ENOTEMPTY;
    node = child(directory, last);
    if (node == NULL)
        return -ENOENT;
    if (node->directory != want_directory)
        return want_directory || slash ? (want_directory ? -ENOTDIR : node->directory ? -EISDIR : -ENOTDIR) : -EISDIR;
    if (!want_directory && slash)
        return -ENOTDIR;
    if (node->children_count > 0)
        return -ENOTEMPTY;
    drop_child(directory, node);
    return 0;
}

static uint8_t *model_bytes(struct node *node)
{
    if (node->bytes == NULL)
        node->bytes = remember(MODEL_SIZE);
    return node->bytes;
}

// One random step each.

static const char *random_path(void)
{
    static const char *const parts[] = {"a", "b", "cc", "a", "b", ".", "..", ""};
    static char path[200];
    path[0] = '\0';
    if (host_random(2) == 0)
        strcat(path, "/");
    for (uint64_t n = host_random(5); n > 0; n--) {
        strcat(path, parts[host_random(ARRAY_LENGTH(parts))]);
        if (n > 1 || host_random(6) == 0)
            strcat(path, "/");
    }
    return path;
}

static int random_row(void)
{
    return (int)host_random(host_random(3) ? 12 : ROWS + 8) - (host_random(20) == 0);
}

static struct open *row_of(int row) { return row >= 0 && row < ROWS ? rows[row] : NULL; }

static void step_path(void)
{
    const char *path = random_path();
    int64_t is, should;
    switch (host_random(5)) {
    case 0: {
        int flags = (int)host_random(host_random(9) ? 3 : 4);
        static const int more[] = {O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_CREAT};
        for (uint64_t n = host_random(3); n > 0; n--)
            flags |= more[host_random(ARRAY_LENGTH(more))];
        is = files_open(files, address(path), flags, 0644);
        should = model_open(path, flags);
        CHECK(is == should, "open %s %o: %ld, not %ld", path, (unsigned)flags, is, should);
        break;
    }
    case 1:
        is = files_make_directory(files, address(path), 0755);
        should = model_make(path);
        CHECK(is == should, "mkdir %s: %ld, not %ld", path, is, should);
        break;
    case 2: {
        bool directory = host_random(2);
        is = files_remove(files, address(path), directory);
        should = model_remove(path, directory);
        CHECK(is == should, "%s %s: %ld, not %ld", directory ? "rmdir" : "unlink", path, is, should);
        break;
    }
    case 3: {
        struct node *directory, *node;
        struct stat stat;
        char last[8];
        bool slash;
        should = model_walk(path, &directory, last, &slash);
        if (should == 0)
            should = model_last(directory, last, slash, &node);
        is = files_path_status(files, address(path), address(&stat));
        CHECK(is == should, "stat %s: %ld, not %ld", path, is, should);
        if (is == 0 && node->directory) {
            unsigned links = 2;
            for (int i = 0; i < node->children_count; i++)
                links += node->children[i]->directory;
            CHECK(stat.st_nlink == (node->removed ? 0 : links) && S_ISDIR(stat.st_mode), "%s: %lu links", path, stat.st_nlink);
        } else if (is == 0) {
            CHECK((size_t)stat.st_size == node->size && stat.st_nlink == 1 && stat.st_mode == (S_IFREG | 0644));
        }
        break;
    }
    default: {
        struct node *directory, *node;
        char last[8];
        bool slash;
        should = model_walk(path, &directory, last, &slash);
        if (should == 0)
            should = model_last(directory, last, slash, &node);
        if (should == 0 && !node->directory)
            should = -ENOTDIR;
        is = files_enter_directory(files, address(path));
        CHECK(is == should, "chdir %s: %ld, not %ld", path, is, should);
        if (is == 0)
            model_directory = node;
    }
    }
}

static void step_transfer(void)
{
    static uint8_t buffer[20000], expected[20000];
    int row = random_row();
    struct open *open = row_of(row);
    size_t count = host_random(host_random(4) ? 5000 : sizeof buffer);
    int64_t is, should;
    if (host_random(2) == 0) {
        is = files_read(files, row, address(buffer), count);
        should = open == NULL || (open->flags & O_ACCMODE) == O_WRONLY ? -EBADF : open->node->directory ? -EISDIR : 0;
        if (should == 0 && open->offset < open->node->size) {
            should = (int64_t)MIN(count, open->node->size - open->offset);
            memcpy(expected, model_bytes(open->node) + open->offset, (size_t)should);
            open->offset += (size_t)should;
        }
        CHECK(is == should, "read %d: %ld, not %ld", row, is, should);
        CHECK(is <= 0 || memcmp(buffer, expected, (size_t)is) == 0);
        return;
    }
    if (open != NULL && MAX(open->offset, open->node->size) + count > MODEL_SIZE)
        return;
    memset(buffer, (int)host_random(256), count);
    is = files_write(files, row, address(buffer), count);
    should = open == NULL || (open->flags & O_ACCMODE) == O_RDONLY ? -EBADF : (int64_t)count;
    if (should > 0) {
        struct node *node = open->node;
        if (open->flags & O_APPEND)
            open->offset = node->size;
        uint8_t *bytes = model_bytes(node);
        if (open->offset > node->size)
            memset(bytes + node->size, 0, open->offset - node->size);
        memcpy(bytes + open->offset, buffer, count);
        open->offset += count;
        node->size = MAX(node->size, open->offset);
    } else if (should == 0 && (open->flags & O_APPEND)) {
        open->offset = open->node->size;
    }
    CHECK(is == should, "write %d %zu: %ld, not %ld", row, count, is, should);
}

static void step_seek(void)
{
    int row = random_row();
    struct open *open = row_of(row);
    int origin = (int)host_random(4);
    int64_t offset = (int64_t)host_random(host_random(8) ? 60000 : MODEL_SIZE / 2) - 20000, should;
    if (open == NULL) {
        should = -EBADF;
    } else {
        if (open->node->directory)
            return; // their positions are the file system's own
        int64_t base = origin == SEEK_SET ? 0 : origin == SEEK_CUR ? (int64_t)open->offset : (int64_t)open->node->size;
        should = origin > 2 || base + offset < 0 ? -EINVAL : base + offset;
        if (should > MODEL_SIZE - 50000)
            return;
        if (should >= 0)
            open->offset = (size_t)should;
    }
    int64_t is = files_seek(files, row, offset, origin);
    CHECK(is == should, "seek %d %ld %d: %ld, not %ld", row, offset, origin, is, should);
}

static void step_row(void)
{
    int row = random_row(), to = random_row();
    struct open *open = row_of(row);
    int64_t is, should;
    switch (host_random(4)) {
    case 0:
        is = files_copy(files, row);
        should = open == NULL ? -EBADF : lowest_row(0);
        break;
    case 1:
        is = files_copy_to(files, row, to);
        should = open == NULL || to < 0 || to >= ROWS ? -EBADF : to;
        if (should >= 0 && rows[to] != NULL && row != to)
            release(to);
        if (row == to)
            open = NULL;
        break;
    case 2:
        is = files_change(files, row, F_DUPFD, (uint64_t)to);
        should = to < 0 || to >= ROWS ? -EINVAL : open == NULL ? -EBADF : lowest_row(to);
        break;
    default:
        is = files_close(files, row);
        should = open == NULL ? -EBADF : 0;
        if (open != NULL)
            release(row);
        open = NULL;
    }
    CHECK(is == should, "row %d to %d: %ld, not %ld", row, to, is, should);
    if (should >= 0 && open != NULL)
        hold((int)should, open);
}

static void step_list(void)
{
    struct open *open = NULL;
    int row = random_row();
    open = row_of(row);
    if (open == NULL || !open->node->directory) {
        int64_t is = files_list(files, row, 0, 100);
        CHECK(is == (open == NULL ? -EBADF : -ENOTDIR));
        return;
    }
    CHECK(files_seek(files, row, 0, SEEK_SET) == 0);
    char buffer[100];
    int seen = 0;
    int64_t count;
    while ((count = files_list(files, row, address(buffer), 30 + host_random(70))) > 0 || count == -EINVAL) {
        for (int64_t at = 0; at < count;) {
            struct dirent *entry = (struct dirent *)(buffer + at);
            if (seen == 0)
                CHECK(strcmp(entry->d_name, ".") == 0);
            else if (seen == 1)
                CHECK(strcmp(entry->d_name, "..") == 0);
            else
                CHECK(strcmp(entry->d_name, open->node->children[seen - 2]->name) == 0);
            CHECK(entry->d_type == (seen < 2 || open->node->children[seen - 2]->directory ? DT_DIR : DT_REG));
            seen++;
            at += entry->d_reclen;
        }
    }
    CHECK(open->node->removed ? count == -ENOENT && seen == 0 : count == 0 && seen == open->node->children_count + 2,
          "%ld, %d entries", count, seen);
}

static void step_where(void)
{
    char is[256], should[256] = "";
    int64_t length = files_tell_directory(files, address(is), sizeof is);
    for (struct node *node = model_directory; node != model_root; node = node->parent) {
        char longer[256];
        if (node->removed) {
            CHECK(length == -ENOENT, "%ld", length);
            return;
        }
        snprintf(longer, sizeof longer, "/%.7s%.240s", node->name, should);
        strcpy(should, longer);
    }
    if (should[0] == '\0')
        strcpy(should, "/");
    CHECK(length == (int64_t)strlen(should) + 1 && strcmp(is, should) == 0, "%s, not %s", is, should);
    CHECK(files_tell_directory(files, address(is), strlen(should)) == -ERANGE);
}

static void step_fork(void)
{
    struct files *copy = files_fork(files);
    CHECK(copy != NULL);
    if (host_random(2) == 0) { // the child goes on
        files_put(files);
        files = copy;
    } else {
        files_put(copy);
    }
}

// Closes and removes everything; what is left then are the root and its devices.
static void remove_all(struct node *node)
{
    while (node->children_count > 0) {
        struct node *last = node->children[node->children_count - 1];
        if (last->directory) {
            struct node *directory = model_directory;
            CHECK(files_enter_directory(files, address(last->name)) == 0);
            model_directory = last;
            remove_all(last);
            CHECK(files_enter_directory(files, address("..")) == 0);
            model_directory = directory;
        }
        CHECK(files_remove(files, address(last->name), last->directory) == 0);
        drop_child(node, last);
    }
}

static void tidy(void)
{
    for (int i = 0; i < ROWS; i++)
        CHECK((files_close(files, i) == 0) == (rows[i] != NULL));
    memset(rows, 0, sizeof rows);
    CHECK(files_enter_directory(files, address("/")) == 0);
    model_directory = model_root;
    remove_all(model_root);
    forget();
    model_root = model_directory = make_node(true, NULL, "");
}

static void against_the_model(void)
{
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 8000; i++) {
            switch (host_random(16)) {
            case 0: case 1: case 2: case 3: case 4: step_path(); break;
            case 5: case 6: case 7: case 8: step_transfer(); break;
            case 9: case 10: step_seek(); break;
            case 11: case 12: step_row(); break;
            case 13: step_list(); break;
            case 14: step_where(); break;
            default: if (host_random(50) == 0) step_fork();
            }
            CHECK(mutexes_held == 0 && host_cpu.lock_depth == 0);
        }
        tidy();
        CHECK(tmpfs_frames() == 0, "%lu frames", tmpfs_frames());
    }
}

// Cases that chance would take long to find.

static int open_file(const char *path, int flags) { return (int)files_open(files, address(path), flags, 0755); }

static void holes_and_torsos(void)
{
    static char zeros[3 * 4096], bytes[3 * 4096];
    int row = open_file("/f", O_RDWR | O_CREAT);
    CHECK(files_seek(files, row, (1ll << 39) - 1, SEEK_SET) > 0);
    CHECK(files_write(files, row, address("xy"), 2) == 1); // the last byte that fits
    CHECK(files_write(files, row, address("y"), 1) == -EFBIG);
    CHECK(tmpfs_frames() == 4, "%lu", tmpfs_frames());
    CHECK(files_seek(files, row, 1ll << 33, SEEK_SET) > 0);
    CHECK(files_read(files, row, address(bytes), sizeof bytes) == sizeof bytes && memcmp(bytes, zeros, sizeof bytes) == 0);
    CHECK(tmpfs_frames() == 4);
    CHECK(files_close(files, row) == 0);
    row = open_file("/f", O_RDWR | O_TRUNC);
    CHECK(tmpfs_frames() == 0);
    memset(bytes, 'x', sizeof bytes); // a write whose copy fails half-way leaves nothing behind the end
    bad_begin = address(bytes + 5000);
    bad_end = bad_begin + 1;
    CHECK(files_write(files, row, address(bytes), sizeof bytes) == 4096);
    CHECK(files_write(files, row, address(bytes + 4999), 3) == -EFAULT);
    bad_end = 0;
    CHECK(files_seek(files, row, 8191, SEEK_SET) == 8191 && files_write(files, row, address("z"), 1) == 1);
    CHECK(files_seek(files, row, 4096, SEEK_SET) == 4096 && files_read(files, row, address(bytes), 4096) == 4096);
    CHECK(memcmp(bytes, zeros, 4095) == 0 && bytes[4095] == 'z');
    CHECK(files_close(files, row) == 0 && files_remove(files, address("/f"), false) == 0);
}

static void bad_pointers(void)
{
    struct stat stat;
    int row = open_file("/f", O_RDWR | O_CREAT), directory = open_file("/", O_RDONLY);
    bad_begin = 4096;
    bad_end = 3 * 4096;
    CHECK(files_write(files, row, address("abc"), 3) == 3 && files_seek(files, row, 0, SEEK_SET) == 0);
    CHECK(files_read(files, row, 4096, 3) == -EFAULT && files_write(files, row, 4096, 3) == -EFAULT);
    CHECK(files_read(files, row, 4096, 0) == 0 && files_read(files, row, address(&stat), 10) == 3);
    CHECK(files_open(files, 4096, O_RDONLY, 0) == -EFAULT && files_path_status(files, 4096, address(&stat)) == -EFAULT);
    CHECK(files_path_status(files, address("/f"), 4096) == -EFAULT && files_status(files, row, 4096) == -EFAULT);
    CHECK(files_list(files, directory, 4096, 1000) == -EFAULT && files_tell_directory(files, 4096, 1000) == -EFAULT);
    CHECK(files_make_directory(files, 4096, 0) == -EFAULT && files_enter_directory(files, 4096) == -EFAULT);
    CHECK(files_pipe(files, 4096, 0) == -EFAULT && rows[directory + 1] == NULL);
    CHECK(files_remove(files, 4096, true) == -EFAULT && files_control(files, row, TCGETS, 4096) == -ENOTTY);
    CHECK(files_close(files, row) == 0 && files_close(files, row) == -EBADF && files_close(files, directory) == 0);
    CHECK(files_remove(files, address("/f"), false) == 0);
    bad_end = 0;
}

static void long_names(void)
{
    static char name[PATH_MAX + 10];
    memset(name, 'n', sizeof name);
    name[NAME_MAX + 1] = '\0';
    CHECK(files_make_directory(files, address(name), 0755) == -ENAMETOOLONG);
    CHECK(open_file(name, O_RDONLY) == -ENAMETOOLONG);
    name[NAME_MAX] = '\0';
    CHECK(files_make_directory(files, address(name), 0755) == 0 && files_remove(files, address(name), true) == 0);
    memset(name, '/', sizeof name);
    CHECK(files_make_directory(files, address(name), 0755) == -ENAMETOOLONG);
    name[PATH_MAX - 1] = '\0';
    CHECK(files_make_directory(files, address(name), 0755) == -EEXIST);
}

static void deep_and_removed(void)
{
    enum { DEPTH = 3000 };
    for (int i = 0; i < DEPTH; i++) {
        CHECK(files_make_directory(files, address("d"), 0755) == 0 && files_enter_directory(files, address("d")) == 0);
    }
    char where[100];
    struct stat stat;
    CHECK(files_tell_directory(files, address(where), 100) == -ENAMETOOLONG);
    struct files *child = files_fork(files); // stays below while the parent goes up and removes
    for (int i = 0; i < DEPTH; i++) {
        CHECK(files_enter_directory(files, address("..")) == 0 && files_remove(files, address("d"), true) == 0);
    }
    CHECK(files_open(child, address("f"), O_CREAT | O_WRONLY, 0644) == -ENOENT);
    CHECK(files_make_directory(child, address("d"), 0755) == -ENOENT && files_path_status(child, address(".."), address(&stat)) == 0);
    files_put(child); // all three thousand go now
}

static void programs(void)
{
    int error;
    int row = open_file("/p", O_WRONLY | O_CREAT);
    CHECK(inode_open_executable(files, "/p", &error) == NULL && error == -ETXTBSY);
    CHECK(files_write(files, row, address("program"), 7) == 7 && files_close(files, row) == 0);
    struct inode *inode = inode_open_executable(files, "/p", &error);
    char text[10];
    CHECK(inode != NULL && inode_read(inode, 2, text, 10) == 5 && memcmp(text, "ogram", 5) == 0);
    struct memory_object *object = inode_memory_object(inode);
    object->operations->get(object);
    struct frame *frame = object->operations->frame(object, 0, &error);
    CHECK(frame != NULL && memcmp(frame_memory(frame), "program\0", 8) == 0 && frame_references(frame) == 2);
    CHECK(object->operations->frame(object, 1, &error) == NULL);
    CHECK(open_file("/p", O_WRONLY) == -ETXTBSY && open_file("/p", O_RDWR | O_TRUNC) == -ETXTBSY);
    CHECK(files_remove(files, address("/p"), false) == 0);
    inode_put(inode);
    CHECK(memcmp(frame_memory(frame), "program", 7) == 0);
    object->operations->put(object);
    CHECK(tmpfs_frames() == 0 && frame_references(frame) == 1);
    frame_put(frame);
    CHECK(inode_open_executable(files, "/", &error) == NULL && error == -EACCES);
    CHECK(inode_open_executable(files, "/p", &error) == NULL && error == -ENOENT);
}

static void marks(void)
{
    int plain = open_file("/dev/null", O_RDWR), marked = open_file("/dev/null", O_RDWR | O_CLOEXEC | O_APPEND);
    char bytes[5000] = "x";
    CHECK(files_change(files, plain, F_GETFD, 0) == 0 && files_change(files, marked, F_GETFD, 0) == FD_CLOEXEC);
    int copy = (int)files_copy(files, marked), high = (int)files_change(files, plain, F_DUPFD_CLOEXEC, 100);
    CHECK(high == 100 && files_change(files, copy, F_GETFD, 0) == 0);
    CHECK(files_change(files, copy, F_SETFL, O_NONBLOCK | O_WRONLY) == 0);
    CHECK(files_change(files, marked, F_GETFL, 0) == (O_RDWR | O_NONBLOCK));
    CHECK(files_change(files, copy, F_SETFD, FD_CLOEXEC) == 0 && files_change(files, copy, 99, 0) == -EINVAL);
    CHECK(files_read(files, plain, address(bytes), 5000) == 0 && files_write(files, plain, 1, 5000) == 5000);
    CHECK(files_seek(files, plain, 0, SEEK_SET) == -ESPIPE);
    int zero = open_file("/dev/zero", O_RDONLY);
    CHECK(files_read(files, zero, address(bytes), 5000) == 5000 && bytes[0] == 0);
    files_close_on_exec(files);
    CHECK(files_close(files, marked) == -EBADF && files_close(files, copy) == -EBADF && files_close(files, high) == -EBADF);
    CHECK(files_close(files, plain) == 0 && files_close(files, zero) == 0);
}

static void no_space(void)
{
    static char bytes[1 << 16];
    int row = open_file("/f", O_WRONLY | O_CREAT);
    int64_t count, total = 0;
    while ((count = files_write(files, row, address(bytes), sizeof bytes)) > 0)
        total += count;
    CHECK(count == -ENOSPC && (uint64_t)total / 4096 <= frame_count_total() / 2);
    CHECK((uint64_t)total / 4096 > frame_count_total() / 2 - 20, "%ld bytes", total);
    CHECK(files_close(files, row) == 0 && files_remove(files, address("/f"), false) == 0 && tmpfs_frames() == 0);
}

// Everything once, with the n-th allocation failing: whatever fails says so, and nothing stays.
static void scenario(void)
{
    static char bytes[3 << 20];
    int pair[2];
    struct stat stat;
    files_make_directory(files, address("/d"), 0755);
    files_enter_directory(files, address("/d"));
    int row = open_file("f", O_RDWR | O_CREAT);
    CHECK(row >= 0 || row == -ENOMEM || row == -ENOSPC, "%d", row);
    int64_t written = files_write(files, row, address(bytes), sizeof bytes);
    CHECK(written == -EBADF || written > 0 || written == -ENOMEM || written == -ENOSPC);
    for (int i = 0; i < 40; i++)
        files_copy(files, row);
    int64_t error = files_pipe(files, address(pair), 0);
    CHECK(error == 0 || error == -ENOMEM);
    if (error == 0) {
        int64_t count = files_write(files, pair[1], address(bytes), 5000);
        CHECK(count == 5000 || count == 4096 || count == -ENOMEM, "%ld", count);
    }
    struct files *child = files_fork(files);
    if (child != NULL)
        files_put(child);
    files_path_status(files, address("/d/f"), address(&stat));
    files_tell_directory(files, address(bytes), 100);
    uint64_t left = fail_after;
    fail_after = 0;
    for (int i = 0; i < DESCRIPTORS_MAX; i++)
        files_close(files, i);
    files_remove(files, address("/d/f"), false);
    files_remove(files, address("f"), false);
    files_enter_directory(files, address("/"));
    files_remove(files, address("/d"), true);
    fail_after = left;
}

static void short_of_memory(void)
{
    uint64_t n = 0;
    files_put(files);
    size_t objects = object_count_live(), frames = frame_count_free();
    do {
        fail_after = 0;
        files = files_create();
        fail_after = ++n;
        scenario();
        bool done = fail_after > 0;
        fail_after = 0;
        files_put(files);
        CHECK(object_count_live() == objects && tmpfs_frames() == 0, "after failure %lu: %zu objects, not %zu", n, object_count_live(), objects);
        CHECK(frame_count_free() == frames, "after failure %lu: %zu frames, not %zu", n, frame_count_free(), frames);
        if (done)
            break;
    } while (true);
    CHECK(n > 700);
    files = files_create();
}

int main(void)
{
    host_machine(64 << 20);
    frame_init();
    fs_init();
    files = files_create();
    model_root = model_directory = make_node(true, NULL, "");
    marks();
    CHECK(files_remove(files, address("/dev/zero"), false) == 0 && files_remove(files, address("/dev/null"), false) == 0);
    CHECK(files_remove(files, address("/dev"), true) == 0);
    files_put(files);
    files = files_create(); // with a small table
    size_t objects = object_count_live(), frames = frame_count_free();
    against_the_model();
    holes_and_torsos();
    bad_pointers();
    long_names();
    deep_and_removed();
    programs();
    no_space();
    short_of_memory();
    CHECK(object_count_live() == objects, "%zu objects, not %zu", object_count_live(), objects);
    CHECK(frame_count_free() == frames, "%zu frames, not %zu", frame_count_free(), frames);
    forget();
    files_put(files);
    return 0;
}
