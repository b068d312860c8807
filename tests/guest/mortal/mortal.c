/* SYSTEM, with a weak spot: it dies of a request for the program /die. For tests of what becomes of the
 * machine then. */
#include "../../../build/lined/user/bin/system/system.h"
#include <string.h>

int __real_spawn_program(struct request *request, const capability_t *given, struct spawned *made);
int __wrap_spawn_program(struct request *request, const capability_t *given, struct spawned *made);

int __wrap_spawn_program(struct request *request, const capability_t *given, struct spawned *made)
{
    if (strcmp(request->path, "/die") == 0)
        __builtin_trap();
    return __real_spawn_program(request, given, made);
}
