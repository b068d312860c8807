// sources: user/lib/image.c
// flags: -idirafter build/lined/user/include
// The library's twin of the kernel's file about executables passes the same test.
#include "proc_image.c"
