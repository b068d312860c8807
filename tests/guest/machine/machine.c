/* machine: what the kernel tells about the machine that it runs on, one number a line. */
#include <folio.h>
#include <stdio.h>

int main(void)
{
    struct system_info info;
    if (folio_system_info(&info) < 0)
        return 1;
    printf("cpus %lu\n", info.cpus);
    printf("total_kib %lu\n", info.memory_total / 1024);
    printf("free_kib %lu\n", info.memory_free / 1024);
    printf("processes %lu\n", info.processes);
    printf("objects %lu\n", info.objects);
    return 0;
}
