#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#endif

#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_MOST = 8192 };

/* ---- POSIX ------------------------------------------------------------------------------------- */
#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define IS_SEPARATOR(character) ((character) == '/')
#define ALL_PARTS_EXIST 1

double clock_seconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void pause_shortly(void)
{
    const struct timespec time = {.tv_nsec = 10000000};
    (void)nanosleep(&time, NULL);
}

int terminal_width(FILE *file)
{
    int descriptor = fileno(file);
    struct winsize size;
    if (descriptor < 0 || !isatty(descriptor)) return 0;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool has_colours(FILE *file)
{
    const char *name = getenv("TERM");
    return name != NULL && strcmp(name, "dumb") != 0 && isatty(fileno(file));
}

double peak_memory(void)
{
#ifdef __APPLE__
    const double unit = 1;
#else
    const double unit = 1024;
#endif
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? unit * (double)used.ru_maxrss : 0;
}

bool processor_name(char *text, size_t size)
{
    static const char key[] = "model name";
    char line[512];
    bool is_found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (!is_found && file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        is_found = colon != NULL && strncmp(line, key, sizeof key - 1) == 0;
        if (!is_found) continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " "));
    }
    if (file != NULL) (void)fclose(file);
    return is_found;
}

bool fill_streams(void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++) {
        struct stat found;
        if (fstat(descriptor, &found) == 0 || errno != EBADF) continue;
        const int how = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", how) < 0)
            return false; /* else it is the lowest number that is free */
    }
    return true;
}

bool path_is_special(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

char *absolute_path(const char *path)
{
    return realpath(path, NULL);
}

static bool sync_folder(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = descriptor >= 0 && fsync(descriptor) != 0 ? errno : 0;
    if (descriptor >= 0) (void)close(descriptor);
    errno = failure;
    return failure == 0 || failure == EINVAL || failure == ENOTSUP;
}

/* With its name brought onto the disk in the folder above it. */
static bool make_one(char *path)
{
    struct stat found;
    if (mkdir(path, 0777) != 0) {
        const int failure = errno;
        const bool is_there =
            failure == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode);
        errno = failure;
        return is_there;
    }
    char *slash = strrchr(path, '/');
    if (slash == NULL) return sync_folder(".");
    const char first = slash[1];
    slash[1] = '\0';
    const bool is_synced = sync_folder(path);
    slash[1] = first;
    return is_synced;
}

void read_binary(FILE *file)
{
    (void)file;
}

bool replace_path(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool sync_file(FILE *file)
{
    if (fflush(file) != 0) return false;
    /* A pipe or a device has nothing to sync. */
    return fsync(fileno(file)) == 0 || errno == EINVAL || errno == ENOTSUP;
}

/* ---- Windows, where the manifest of windows.rc makes paths UTF-8 --------------------------------- */
#else
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include <psapi.h>

#define IS_SEPARATOR(character) ((character) == '/' || (character) == '\\')
#define ALL_PARTS_EXIST 0 /* C: and \\server can be neither made nor looked at */

double clock_seconds(void)
{
    LARGE_INTEGER now, a_second;
    if (!QueryPerformanceFrequency(&a_second) || !QueryPerformanceCounter(&now)) return 0;
    return (double)now.QuadPart / (double)a_second.QuadPart;
}

void pause_shortly(void)
{
    Sleep(10);
}

int terminal_width(FILE *file)
{
    HANDLE handle = (HANDLE)_get_osfhandle(_fileno(file));
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (handle == INVALID_HANDLE_VALUE || !GetConsoleScreenBufferInfo(handle, &info)) return 0;
    return info.srWindow.Right - info.srWindow.Left + 1;
}

/* Consoles since Windows 10 know the sequences, once they are asked to. */
static bool has_colours(FILE *file)
{
    const DWORD sequences = 4; /* ENABLE_VIRTUAL_TERMINAL_PROCESSING, which older headers lack */
    HANDLE handle = (HANDLE)_get_osfhandle(_fileno(file));
    DWORD mode;
    return handle != INVALID_HANDLE_VALUE && GetConsoleMode(handle, &mode) &&
           SetConsoleMode(handle, mode | sequences);
}

double peak_memory(void)
{
    PROCESS_MEMORY_COUNTERS used;
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &used, sizeof used)) return 0;
    return (double)used.PeakWorkingSetSize;
}

bool processor_name(char *text, size_t size)
{
    const char *name = getenv("PROCESSOR_IDENTIFIER");
    if (name != NULL) (void)snprintf(text, size, "%s", name);
    return name != NULL;
}

bool fill_streams(void)
{
    return true; /* the C library keeps the numbers 0 to 2 for them, open or not */
}

bool path_is_special(const char *path)
{
    const DWORD found = GetFileAttributesA(path);
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

char *absolute_path(const char *path)
{
    return _fullpath(NULL, path, 0);
}

static bool make_one(char *path)
{
    return _mkdir(path) == 0 || path_exists(path);
}

void read_binary(FILE *file)
{
    (void)_setmode(_fileno(file), _O_BINARY);
}

bool replace_path(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

bool sync_file(FILE *file)
{
    return fflush(file) == 0 && _commit(_fileno(file)) == 0;
}
#endif

/* ---- both -------------------------------------------------------------------------------------- */

const char *terminal_look(FILE *file, look which)
{
    static const char *const sequences[] = {"\033[0m", "\033[1;32m", "\033[33m", "\033[31m"};
    const char *refused = getenv("NO_COLOR");
    if (refused != NULL && refused[0] != '\0') return "";
    return has_colours(file) ? sequences[which] : "";
}

bool path_exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

bool path_is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && (found.st_mode & S_IFMT) == S_IFDIR;
}

double file_size(const char *path)
{
    struct stat found;
    const bool is_file = stat(path, &found) == 0 && (found.st_mode & S_IFMT) == S_IFREG;
    return is_file ? (double)found.st_size : 0;
}

cen_status make_folder(const char *path, cen_error *error)
{
    char partial[PATH_MOST];
    const size_t size = strlen(path);
    error->status = size < sizeof partial ? CEN_OK : CEN_ERROR_LIMIT;
    if (error->status != CEN_OK) {
        (void)snprintf(error->message, sizeof error->message,
                       "the path of a folder has %zu bytes; use one of less than %d", size,
                       PATH_MOST);
        return error->status;
    }
    memcpy(partial, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (!IS_SEPARATOR(partial[i]) && i < size) continue;
        const char ending = partial[i];
        partial[i] = '\0';
        if (!make_one(partial) && (ALL_PARTS_EXIST || i == size)) error->status = CEN_ERROR_IO;
        if (error->status != CEN_OK) {
            (void)snprintf(error->message, sizeof error->message,
                           "%.200s: cannot make the folder %.200s: %s; choose another place", path,
                           partial, strerror(errno));
            return error->status;
        }
        partial[i] = ending;
    }
    return CEN_OK;
}
