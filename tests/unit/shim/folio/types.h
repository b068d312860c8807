// The header as it is, where the host's <stdio.h> has already defined some of its names as macros.
#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
#include_next <folio/types.h>
