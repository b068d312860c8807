// The kernel's header, but for what would touch the machine: physical memory is a piece of the
// host's, and translations are forgotten by the test's own TLB.
#ifndef HOST_PAGING_H
#define HOST_PAGING_H

#define phys_to_virt kernel_phys_to_virt
#define virt_to_phys kernel_virt_to_phys
#define paging_flush_page kernel_flush_page
#define paging_kernel_root kernel_kernel_root
#include_next "arch/paging.h"
#undef phys_to_virt
#undef virt_to_phys
#undef paging_flush_page
#undef paging_kernel_root

extern char *host_memory;

static inline void *phys_to_virt(uint64_t physical) { return host_memory + physical; }
static inline uint64_t virt_to_phys(const void *address) { return (uint64_t)((const char *)address - host_memory); }
void paging_flush_page(uint64_t address);
uint64_t paging_kernel_root(void);

#endif
