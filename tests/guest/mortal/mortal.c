/* SYSTEM, with two weak spots: it dies of a request for the program /die, and has no memory for two
 * servers at the first attempt. For tests of what becomes of the machine then. */
#include <errno.h>
#include "../../../build/lined/user/bin/system/system.h"
#include <string.h>

int __real_spawn_program(struct request *request, const capability_t *given, struct spawned *made);
int __wrap_spawn_program(struct request *request, const capability_t *given, struct spawned *made);

int __wrap_spawn_program(struct request *request, const capability_t *given, struct spawned *made)
{
    static unsigned clocks, sleepers;
    if (strcmp(request->path, "/die") == 0)
        __builtin_trap();
    if ((strcmp(request->path, "/bin/clockd") == 0 && clocks++ == 0)
        || (strcmp(request->path, "/bin//sleep") == 0 && sleepers++ == 0))
        return -ENOMEM;
    return __real_spawn_program(request, given, made);
}
