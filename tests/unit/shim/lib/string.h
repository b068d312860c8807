// The kernel's string functions, from the host's library, so that the sanitizers see their arguments.
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <string.h>

#include "lib/base.h"

size_t strlcpy(char *to, const char *from, size_t size);

#endif
