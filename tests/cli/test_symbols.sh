#!/bin/sh
# What the libraries bring into somebody's program, read from their symbols: names with the prefix
# alone, no variable that can be written, and no call beyond those listed here (none prints, exits,
# takes a signal, sets the locale or draws from a hidden state).
. "$(dirname "$0")/common.sh"
ARCHIVE=$TOOLS/libcenterloss.a
SHARED=$TOOLS/libcenterloss.so

nm -P "$ARCHIVE" 2>/dev/null | awk 'NF >= 2' >all.txt
if grep -qE '^(__asan|__tsan|__msan|__gcov|__sanitizer|_*llvm_)' all.txt; then
    echo "built with instruments, which have symbols of their own"
    exit 77
fi

# ---- names ----
# Lines of `nm -P`: name, kind, value, size; "archive[member]:" before those of a member.
awk '$2 ~ /^[A-TV-Z]$/ { print $1 }' all.txt >defined.txt
[ "$(wc -l <defined.txt)" -gt 300 ] || complain "$ARCHIVE defines only $(wc -l <defined.txt) names"
grep -vE '^(cen_|__x86\.get_pc_thunk\.)' defined.txt >strangers.txt # the second: i386's, of the compiler
[ -s strangers.txt ] && complain "names without the prefix: $(cat strangers.txt)"

# The headers' functions: CEN_API up to the name before the first bracket.
functions() {
    sed 's|//.*||' "$@" | tr '\n' ' ' | sed 's|/\*|\n&|g; s|\*/|&\n|g' |
        grep -v '^/\*' | tr '\n' ' ' | grep -oE 'CEN_API [^(;]*\(' | grep -oE 'cen_[a-z0-9_]+ *\($' |
        tr -d ' (' | sort
}
functions "$SOURCE"/include/*.h >header.txt
[ "$(sort -u header.txt | wc -l)" -gt 60 ] || complain "only $(wc -l <header.txt) functions found in the headers"
# What learns, predicts and searches is read in ten minutes.
[ "$(functions "$SOURCE/include/centerloss.h" | wc -l)" -le 60 ] ||
    complain "centerloss.h has more than 60 functions"
grep -nE '\bFILE [*]' "$SOURCE"/include/*.h && complain "a stream crosses the border of the library"
nm -D -P --defined-only "$SHARED" | awk '{ print $1 }' | sed 's/@.*//' | grep -vE '^_(init|fini)$' | sort >exported.txt
cmp -s header.txt exported.txt || complain "headers and shared library differ: $(diff header.txt exported.txt)"

# ---- the ABI's version ----
soname=$(objdump -p "$SHARED" | awk '$1 == "SONAME" { print $2 }')
grep -qF "\`$soname\`" "$SOURCE/src/README.md" || complain "src/README.md does not speak of the soname '$soname'"
[ -e "$TOOLS/$soname" ] || complain "there is no $soname beside the library"

# ---- variables ----
# Tables that point to functions stand in .data.rel.ro, which the loader makes read-only.
# Only named ones count: gcc for ARM puts constants of its own into .data.
objdump -t "$ARCHIVE" | awk '/ O \.(data|bss|tdata|tbss|sdata|sbss)/ && !/ O \.data\.rel\.ro/' >writable.txt
[ -s writable.txt ] && complain "variables that can be written: $(cat writable.txt)"
awk '$2 == "C" { print $1 }' all.txt >common.txt
[ -s common.txt ] && complain "variables that can be written: $(cat common.txt)"

# ---- calls ----
cat >allowed.txt <<'EOF'
bsearch calloc free getenv malloc qsort strtod strtof strtol strtoll strtoull
bcmp memchr memcmp memcpy memmove memset
strchr strcmp strcpy strcspn strerror strlen strncmp strpbrk strrchr strspn strstr
fclose ferror fflush fgetc fgets fopen fputc fputs fread fseek ftell fwrite remove rename setvbuf snprintf vfprintf vsnprintf
stdin
access close closedir fchmod fchown fcntl fdopen fileno flock fstat fsync getpid lstat mkdir open opendir read
nanosleep pthread_attr_destroy pthread_attr_init pthread_attr_setstacksize pthread_cond_destroy pthread_cond_init
pthread_cond_signal pthread_cond_wait pthread_create pthread_join pthread_mutex_destroy pthread_mutex_init
pthread_mutex_lock pthread_mutex_unlock pthread_sigmask sched_getaffinity sigdelset sigfillset readdir readlink realpath stat ftruncate madvise mmap munmap pread sysconf clock_gettime
atan2 ceil cos exp fabs floor fmax fmin hypot lrint nearbyint log log10 nextafter pow rint round sin sincos sqrt
EOF
tr -s ' ' '\n' <allowed.txt | sort -u >words.txt
# The names behind what a compiler makes of them: fortified, of a dialect, for 64-bit offsets and times.
awk '$2 == "U" || $2 == "w" { print $1 }' all.txt | grep -vE '^cen_' | sort -u |
    grep -vE '^(__cpu_|__aeabi_|__aarch64_|_GLOBAL_OFFSET_TABLE_$|__errno_location$|__tls_get_addr$)' |
    grep -vE '^(__stack_chk_fail(_local)?|__x86\.get_pc_thunk.*|__[a-z]*[sdtx][if]([sdtx][if])?[0-9]?)$' |
    sed -E 's/^__isoc[0-9]+_//; s/^__(.*)_chk$/\1/; s/^__open(64)?_2$/open/; s/^__(.*)(_time)?64$/\1/; s/64$//' |
    sort -u >called.txt
[ "$(wc -l <called.txt)" -gt 20 ] || complain "only $(wc -l <called.txt) calls found in $ARCHIVE"
# a math function's float twin is as good
while read -r name; do
    grep -qx "$name" words.txt || grep -qx "${name%f}" words.txt || complain "the library calls $name"
done <called.txt

finish
