// Tracepoints for unit tests: nobody watches; the values are still checked by the compiler.
#ifndef ARCH_TRACE_H
#define ARCH_TRACE_H

#include "lib/base.h"
#include <folio/trace.h>

static inline void trace_nothing(unsigned event, ...) { (void)event; }

#define TRACE(event, ...) trace_nothing(TRACE_##event, __VA_ARGS__)
#define TRACE_TEXT(event, ...) trace_nothing(TRACE_##event, __VA_ARGS__)

#endif
