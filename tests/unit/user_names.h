// Renames what Folio's library defines; include it after all that needs the host's.
#undef memcpy
#define memcpy folio_memcpy
#undef memmove
#define memmove folio_memmove
#undef memset
#define memset folio_memset
#undef memcmp
#define memcmp folio_memcmp
#undef memchr
#define memchr folio_memchr
#undef memrchr
#define memrchr folio_memrchr
#undef strlen
#define strlen folio_strlen
#undef strnlen
#define strnlen folio_strnlen
#undef strcpy
#define strcpy folio_strcpy
#undef stpcpy
#define stpcpy folio_stpcpy
#undef strncpy
#define strncpy folio_strncpy
#undef strlcpy
#define strlcpy folio_strlcpy
#undef strcat
#define strcat folio_strcat
#undef strncat
#define strncat folio_strncat
#undef strcmp
#define strcmp folio_strcmp
#undef strncmp
#define strncmp folio_strncmp
#undef strcoll
#define strcoll folio_strcoll
#undef strcasecmp
#define strcasecmp folio_strcasecmp
#undef strncasecmp
#define strncasecmp folio_strncasecmp
#undef strchr
#define strchr folio_strchr
#undef strrchr
#define strrchr folio_strrchr
#undef strspn
#define strspn folio_strspn
#undef strcspn
#define strcspn folio_strcspn
#undef strpbrk
#define strpbrk folio_strpbrk
#undef strstr
#define strstr folio_strstr
#undef strtok
#define strtok folio_strtok
#undef strtok_r
#define strtok_r folio_strtok_r
#undef strdup
#define strdup folio_strdup
#undef strndup
#define strndup folio_strndup
#undef isalnum
#define isalnum folio_isalnum
#undef isalpha
#define isalpha folio_isalpha
#undef isblank
#define isblank folio_isblank
#undef iscntrl
#define iscntrl folio_iscntrl
#undef isdigit
#define isdigit folio_isdigit
#undef isgraph
#define isgraph folio_isgraph
#undef islower
#define islower folio_islower
#undef isprint
#define isprint folio_isprint
#undef ispunct
#define ispunct folio_ispunct
#undef isspace
#define isspace folio_isspace
#undef isupper
#define isupper folio_isupper
#undef isxdigit
#define isxdigit folio_isxdigit
#undef tolower
#define tolower folio_tolower
#undef toupper
#define toupper folio_toupper
#undef strtol
#define strtol folio_strtol
#undef strtoul
#define strtoul folio_strtoul
#undef strtoll
#define strtoll folio_strtoll
#undef strtoull
#define strtoull folio_strtoull
#undef atoi
#define atoi folio_atoi
#undef atol
#define atol folio_atol
#undef qsort
#define qsort folio_qsort
#undef bsearch
#define bsearch folio_bsearch
#undef malloc
#define malloc folio_malloc
#undef calloc
#define calloc folio_calloc
#undef realloc
#define realloc folio_realloc
#undef free
#define free folio_free
#undef printf
#define printf folio_printf
#undef fprintf
#define fprintf folio_fprintf
#undef dprintf
#define dprintf folio_dprintf
#undef sprintf
#define sprintf folio_sprintf
#undef snprintf
#define snprintf folio_snprintf
#undef vprintf
#define vprintf folio_vprintf
#undef vfprintf
#define vfprintf folio_vfprintf
#undef vsnprintf
#define vsnprintf folio_vsnprintf
#undef stdin
#define stdin folio_stdin
#undef stdout
#define stdout folio_stdout
#undef stderr
#define stderr folio_stderr
#undef fgetc
#define fgetc folio_fgetc
#undef getc
#define getc folio_getc
#undef getchar
#define getchar folio_getchar
#undef ungetc
#define ungetc folio_ungetc
#undef fgets
#define fgets folio_fgets
#undef getline
#define getline folio_getline
#undef getdelim
#define getdelim folio_getdelim
#undef fread
#define fread folio_fread
#undef fputc
#define fputc folio_fputc
#undef putc
#define putc folio_putc
#undef putchar
#define putchar folio_putchar
#undef fputs
#define fputs folio_fputs
#undef puts
#define puts folio_puts
#undef fwrite
#define fwrite folio_fwrite
#undef fflush
#define fflush folio_fflush
#undef fopen
#define fopen folio_fopen
#undef fdopen
#define fdopen folio_fdopen
#undef fclose
#define fclose folio_fclose
#undef setvbuf
#define setvbuf folio_setvbuf
#undef feof
#define feof folio_feof
#undef ferror
#define ferror folio_ferror
#undef clearerr
#define clearerr folio_clearerr
#undef fileno
#define fileno folio_fileno
#undef fseek
#define fseek folio_fseek
#undef ftell
#define ftell folio_ftell
#undef rewind
#define rewind folio_rewind
#undef remove
#define remove folio_remove
#undef getopt
#define getopt folio_getopt
#undef optarg
#define optarg folio_optarg
#undef optind
#define optind folio_optind
#undef opterr
#define opterr folio_opterr
#undef optopt
#define optopt folio_optopt
#undef warnx
#define warnx folio_warnx
