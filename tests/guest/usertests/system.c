/* The start of a new process: what it is given by name. */
#include <capability.h>
#include <sys/auxv.h>
#include "usertests.h"

/* The program ":given": is each named thing what its handle says? NAME HANDLE...; a handle of 0: it isn't given. */
void given_program(int argc, char **argv)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (capability_given(argv[i]) != strtoul(argv[i + 1], NULL, 16))
            _exit(i);
    CHECK_IS(getauxval(AT_PAGESZ), PAGE);
    CHECK(strcmp((const char *)getauxval(AT_EXECFN), self) == 0);
    CHECK_ERROR(getauxval(77) - 1, ENOENT);
    _exit(0);
}

static void names_on_the_stack(void)
{
    char all[20], lent[20];
    capability_t calls = capability_find("calls"), own;
    CHECK(calls != 0 && capability_given("calls") == calls);
    CHECK((own = process_self(calls, RIGHT_DELEGATE)) != 0);
    for (unsigned marked = 0; marked < 2; marked++) {
        CHECK_IS(capability_flag(own, marked), 0);
        snprintf(all, sizeof(all), "%lx", calls);
        snprintf(lent, sizeof(lent), "%lx", marked ? own : 0);
        pid_t pid = fork();
        if (pid == 0) {
            char *argv[] = { (char *)self, ":given", "calls", all, "self", lent, "nothing", "0", NULL };
            execv(self, argv);
            _exit(1);
        }
        ends_well(pid);
    }
}

/* As many names as there may be: the list is longer than a page. */
static void many_names(void)
{
    char last[20];
    capability_t calls = capability_find("calls"), made = 0, handle;
    unsigned count = 0;
    while ((handle = capability_derive(calls, RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0) {
        count++;
        made = handle;
    }
    CHECK(errno == EMFILE && count > 900);
    CHECK_IS(capability_close(made), 0);
    CHECK((made = process_self(calls, RIGHT_DELEGATE)) != 0);
    CHECK_IS(capability_flag(made, CAPABILITY_INHERITABLE), 0);
    snprintf(last, sizeof(last), "%lx", made);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = { (char *)self, ":given", "self", last, NULL };
        execv(self, argv);
        _exit(1);
    }
    ends_well(pid);
}

const struct test system_tests[] = {
    TEST(names_on_the_stack), TEST(many_names), { NULL, NULL, 0 },
};
