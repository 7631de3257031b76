/* The twin of os_posix.c for Windows: paths are UTF-8 outside and UTF-16 inside. */
#include "base/systems.h"

#if CEN__WINDOWS
#ifndef UNICODE
#define UNICODE 1
#endif
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0600
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0600 /* GetFinalPathNameByHandle */
#endif
#define WIN32_LEAN_AND_MEAN 1
#define NOMINMAX 1

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wchar.h>
#include <windows.h>

#include "base/memory.h"
#include "base/status.h"

/* Sets errno from the last error of Windows, so that the callers' strerror works on both systems. */
static void set_errno(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_INVALID_NAME: errno = ENOENT; break;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_WRITE_PROTECT: errno = EACCES; break;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: errno = EEXIST; break;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL: errno = ENOSPC; break;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: errno = ENOMEM; break;
    case ERROR_DIRECTORY: errno = ENOTDIR; break;
    default: errno = EIO; break;
    }
}

/* No path of Windows is longer, so no memory has to be allocated. */
enum { MOST_PATH = 32768 };
typedef wchar_t wide_path[MOST_PATH];

/* False with errno set. */
static bool widen(const char *text, wide_path wide)
{
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, MOST_PATH) > 0)
        return true;
    errno = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? ENAMETOOLONG : EILSEQ;
    return false;
}

static char *narrow(cen_context *context, const wchar_t *wide)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = size > 0 ? cen__alloc(context, (size_t)size, 1) : NULL;
    if (text != NULL) (void)WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
    return text;
}

cen__path_kind cen__os_kind(const char *path)
{
    uint64_t identity[2];
    return cen__os_identify(path, identity);
}

cen__path_kind cen__os_identify(const char *path, uint64_t identity[2])
{
    identity[0] = identity[1] = 0;
    wide_path wide;
    if (!widen(path, wide)) return CEN__NOTHING;
    /* Opens the file, because reading the attributes of a name does not follow links. */
    HANDLE handle = CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (handle == INVALID_HANDLE_VALUE) return CEN__NOTHING;
    BY_HANDLE_FILE_INFORMATION found;
    cen__path_kind kind = CEN__OTHER;
    if (GetFileType(handle) == FILE_TYPE_DISK && GetFileInformationByHandle(handle, &found)) {
        kind = found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? CEN__FOLDER : CEN__FILE;
        identity[0] = found.dwVolumeSerialNumber;
        identity[1] = (uint64_t)found.nFileIndexHigh << 32 | found.nFileIndexLow;
    }
    CloseHandle(handle);
    return kind;
}

uint64_t cen__os_path_size(const char *path)
{
    wide_path wide;
    if (!widen(path, wide)) return 0;
    /* Opens the file, because reading the attributes of a name does not follow links. */
    HANDLE handle = CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                NULL, OPEN_EXISTING, 0, NULL);
    LARGE_INTEGER size = {.QuadPart = 0};
    if (handle == INVALID_HANDLE_VALUE) return 0;
    if (GetFileType(handle) != FILE_TYPE_DISK || !GetFileSizeEx(handle, &size)) size.QuadPart = 0;
    CloseHandle(handle);
    return (uint64_t)size.QuadPart;
}

/* The first of a folder's entries; INVALID_HANDLE_VALUE with errno set. */
static HANDLE find_first(const char *folder, WIN32_FIND_DATAW *entry)
{
    wide_path pattern;
    if (!widen(folder, pattern)) return INVALID_HANDLE_VALUE;
    const size_t size = wcslen(pattern);
    if (size + 3 > MOST_PATH) {
        errno = ENAMETOOLONG;
        return INVALID_HANDLE_VALUE;
    }
    wmemcpy(pattern + size, L"/*", 3);
    HANDLE search = FindFirstFileW(pattern, entry);
    if (search == INVALID_HANDLE_VALUE) set_errno();
    return search;
}

cen_status cen__os_list(cen_context *context, const char *folder, cen__listing *listing,
                        cen_error *error)
{
    *listing = (cen__listing){NULL, 0};
    WIN32_FIND_DATAW entry;
    HANDLE search = find_first(folder, &entry);
    if (search == INVALID_HANDLE_VALUE) {
        return cen__fail(error, CEN_ERROR_IO,
                         "%s: cannot read this folder: %s; make it readable, or name another",
                         folder, strerror(errno));
    }
    cen_status status = CEN_OK;
    size_t capacity = 0;
    do {
        if (wcscmp(entry.cFileName, L".") == 0 || wcscmp(entry.cFileName, L"..") == 0) continue;
        char *name = NULL;
        if (cen__grow(context, &listing->names, &capacity, listing->n_names + 1, sizeof(char *))) {
            name = narrow(context, entry.cFileName);
        }
        if (name == NULL) {
            status = cen__fail_memory(error, "the names in a folder");
            break;
        }
        listing->names[listing->n_names++] = name;
    } while (FindNextFileW(search, &entry));
    if (status == CEN_OK && GetLastError() != ERROR_NO_MORE_FILES) {
        set_errno();
        status = cen__fail(error, CEN_ERROR_IO, "%s: reading this folder failed: %s", folder,
                           strerror(errno));
    }
    FindClose(search);
    if (status != CEN_OK) {
        cen__listing_free(listing);
        return status;
    }
    cen__listing_sort(listing);
    return CEN_OK;
}

/* False with errno set. */
static bool make_one(const char *path)
{
    wide_path wide;
    if (!widen(path, wide)) return false;
    bool made = CreateDirectoryW(wide, NULL) != 0;
    if (!made) set_errno();
    if (made) return true;
    int failure = errno;
    made = cen__os_kind(path) == CEN__FOLDER;
    errno = failure;
    return made;
}

cen_status cen__os_make_folder(cen_context *context, const char *path, cen_error *error)
{
    char *partial = cen__duplicate(context, path);
    if (partial == NULL) return cen__fail_memory(error, "a path");
    /* Not every part can be made or looked at (C:, \\server), so only the last one has to succeed. */
    for (char *at = partial; *at != '\0'; at++) {
        if (at == partial || (*at != '/' && *at != '\\')) continue;
        char separator = *at;
        *at = '\0';
        (void)make_one(partial);
        *at = separator;
    }
    cen_status status = CEN_OK;
    if (!make_one(partial)) {
        status =
            cen__fail(error, CEN_ERROR_IO, "%s: cannot make this folder: %s; choose another place",
                      path, strerror(errno));
    }
    cen__free(partial);
    return status;
}

/* ---- opening ----------------------------------------------------------------------------------- */

static FILE *open_wide(const char *path, const wchar_t *mode)
{
    wide_path wide;
    return widen(path, wide) ? _wfopen(wide, mode) : NULL;
}

/* A stream of the descriptor, which is closed on failure; NULL with errno set. */
static FILE *stream_of(int descriptor)
{
    FILE *file = descriptor >= 0 ? _fdopen(descriptor, "wb") : NULL;
    if (file == NULL && descriptor >= 0) {
        int failure = errno;
        (void)_close(descriptor);
        errno = failure;
    }
    return file;
}

FILE *cen__os_open_regular(const char *path, cen__path_kind *kind)
{
    *kind = cen__os_kind(path);
    if (*kind == CEN__FOLDER || *kind == CEN__OTHER) {
        errno = *kind == CEN__FOLDER ? EISDIR : EINVAL;
        return NULL;
    }
    FILE *file = open_wide(path, L"rb");
    if (file == NULL) return NULL;
    if (GetFileType((HANDLE)_get_osfhandle(_fileno(file))) == FILE_TYPE_DISK) return file;
    fclose(file);
    *kind = CEN__OTHER;
    errno = EINVAL;
    return NULL;
}

bool cen__os_is_stream(const char *path)
{
    return strcmp(path, "-") == 0 || cen__os_kind(path) == CEN__OTHER;
}

FILE *cen__os_open_stream(const char *path)
{
    if (strcmp(path, "-") != 0) return open_wide(path, L"wb");
    int descriptor = _dup(1);
    if (descriptor >= 0) (void)_setmode(descriptor, _O_BINARY);
    return stream_of(descriptor);
}

bool cen__os_may_write(const char *path)
{
    (void)path;
    return true;
}

bool cen__os_is_link(const char *path)
{
    wide_path wide;
    DWORD found = widen(path, wide) ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

/* ---- new files --------------------------------------------------------------------------------- */

/* The file that path leads to, as "//?/C:/folder/file" or "//?/UNC/...": one spelling per file. NULL with errno
 * set. */
static char *final_path(cen_context *context, const char *path)
{
    wide_path wide;
    if (!widen(path, wide)) return NULL;
    HANDLE handle = CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    const bool is_open = handle != INVALID_HANDLE_VALUE;
    const DWORD size = is_open ? GetFinalPathNameByHandleW(handle, wide, MOST_PATH, 0) : 0;
    if (size == 0) set_errno();
    if (size >= MOST_PATH) errno = ENAMETOOLONG;
    if (is_open) CloseHandle(handle);
    if (size == 0 || size >= MOST_PATH) return NULL;
    char *found = narrow(context, wide);
    if (found == NULL) errno = ENOMEM;
    for (char *at = found; at != NULL && *at != '\0'; at++) *at = *at == '\\' ? '/' : *at;
    return found;
}

/* If a link leads to nothing, only the link itself is known. */
char *cen__os_follow(cen_context *context, const char *path)
{
    if (cen__os_is_link(path) && cen__os_kind(path) == CEN__FILE) {
        static const char prefix[] = "//?/"; /* which has no use here */
        char *found = final_path(context, path);
        if (found != NULL && strncmp(found, prefix, sizeof prefix - 1) == 0) {
            memmove(found, found + sizeof prefix - 1, strlen(found) - (sizeof prefix - 1) + 1);
        }
        return found;
    }
    char *copy = cen__duplicate(context, path);
    if (copy == NULL) errno = ENOMEM;
    return copy;
}

/* Nobody else may open the file, and closing the handle removes it. */
intptr_t cen__os_lock(const char *path, bool waits)
{
    wide_path wide;
    if (!widen(path, wide)) return -1;
    HANDLE handle = INVALID_HANDLE_VALUE;
    for (;;) {
        handle = CreateFileW(
            wide, GENERIC_READ | GENERIC_WRITE | DELETE, 0, NULL, OPEN_ALWAYS,
            FILE_ATTRIBUTE_NORMAL | FILE_FLAG_DELETE_ON_CLOSE | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
        DWORD failure = handle == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        /* A file that is being removed denies access. */
        bool is_held = failure == ERROR_SHARING_VIOLATION || failure == ERROR_DELETE_PENDING;
        if (handle == INVALID_HANDLE_VALUE) set_errno();
        if (is_held) errno = EWOULDBLOCK;
        if (!is_held || !waits) break;
        Sleep(10);
    }
    return handle == INVALID_HANDLE_VALUE ? -1 : (intptr_t)handle;
}

void cen__os_unlock(intptr_t lock, const char *path)
{
    (void)path;
    if (lock != -1) CloseHandle((HANDLE)lock);
}

/* Access control is that of the folder. An open file cannot be removed, so it needs no lock. */
FILE *cen__os_create_new(const char *path, const char *like, intptr_t *lock)
{
    (void)like;
    *lock = -1;
    wide_path wide;
    if (!widen(path, wide)) return NULL;
    int descriptor = _wopen(wide, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                            _S_IREAD | _S_IWRITE);
    FILE *file = stream_of(descriptor);
    if (file == NULL && descriptor >= 0) {
        const int failure = errno;
        (void)cen__os_remove(path);
        errno = failure;
    }
    return file;
}

/* Between closing and renaming nobody has a file open, although its writer lives. So an hour has to pass. */
void cen__os_remove_dead(const char *path)
{
    const uint64_t hour = UINT64_C(36000000000); /* of 100 ns */
    wide_path wide;
    WIN32_FILE_ATTRIBUTE_DATA found;
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    if (widen(path, wide) && GetFileAttributesExW(wide, GetFileExInfoStandard, &found)) {
        const FILETIME *written = &found.ftLastWriteTime;
        uint64_t then = (uint64_t)written->dwHighDateTime << 32 | written->dwLowDateTime;
        if (((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) > then + hour) {
            (void)DeleteFileW(wide);
        }
    }
}

uint64_t cen__os_entropy(void)
{
    LARGE_INTEGER now = {.QuadPart = 0};
    FILETIME time;
    (void)QueryPerformanceCounter(&now);
    GetSystemTimeAsFileTime(&time);
    return (uint64_t)now.QuadPart + ((uint64_t)GetCurrentProcessId() << 40) +
           (uint64_t)time.dwHighDateTime * 1000000007u + time.dwLowDateTime;
}

/* ---- names and disks --------------------------------------------------------------------------- */

bool cen__os_sync(FILE *file)
{
    /* EBADF: a pipe or a device, which has nothing to sync. */
    return fflush(file) == 0 && (_commit(_fileno(file)) == 0 || errno == EBADF);
}

bool cen__os_replace(const char *from, const char *to)
{
    wide_path wide_from, wide_to;
    if (!widen(from, wide_from) || !widen(to, wide_to)) return false;
    const bool is_replaced =
        MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
    if (!is_replaced) set_errno();
    return is_replaced;
}

/* MOVEFILE_WRITE_THROUGH has synced already. */
bool cen__os_sync_folder(const char *folder)
{
    (void)folder;
    return true;
}

bool cen__os_remove(const char *path)
{
    wide_path wide;
    if (!widen(path, wide)) return false;
    bool removed = DeleteFileW(wide) != 0 || RemoveDirectoryW(wide) != 0;
    if (!removed) set_errno();
    return removed;
}

double cen__os_seconds(void)
{
    LARGE_INTEGER now, a_second;
    if (!QueryPerformanceFrequency(&a_second) || !QueryPerformanceCounter(&now)) return 0;
    return (double)now.QuadPart / (double)a_second.QuadPart;
}

void cen__os_pause(void)
{
    Sleep(10);
}

uint64_t cen__os_memory(void)
{
    MEMORYSTATUSEX memory;
    memory.dwLength = sizeof memory;
    return GlobalMemoryStatusEx(&memory) ? (uint64_t)memory.ullTotalPhys : 0;
}

void cen__os_enlarge_pages(void *bytes, size_t size)
{
    (void)bytes, (void)size;
}

cen_status cen__os_real_path(cen_context *context, const char *path, char **real, cen_error *error)
{
    const int kept = errno;
    *real = final_path(context, path);
    if (*real == NULL && errno == ENOMEM) return cen__fail_memory(error, "a path");
    if (*real == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot find this: %s", path, strerror(errno));
    }
    errno = kept;
    return CEN_OK;
}

uint64_t cen__os_file_size(FILE *file)
{
    HANDLE handle = (HANDLE)_get_osfhandle(_fileno(file));
    LARGE_INTEGER size;
    bool is_file = GetFileType(handle) == FILE_TYPE_DISK && GetFileSizeEx(handle, &size);
    return is_file ? (uint64_t)size.QuadPart : 0;
}

/* ---- parts of a file ----------------------------------------------------------------------------- */

bool cen__os_read_at(FILE *file, uint64_t place, void *bytes, size_t size)
{
    const int kept = errno;
    if (_fseeki64(file, (int64_t)place, SEEK_SET) != 0) return false;
    errno = 0;
    if (fread(bytes, 1, size, file) != size) return false;
    errno = kept;
    return true;
}

/* A file that is mapped could not be replaced. */
const void *cen__os_map(FILE *file, size_t size)
{
    (void)file, (void)size;
    errno = ENOSYS;
    return NULL;
}

void cen__os_unmap(const void *bytes, size_t size)
{
    (void)bytes, (void)size;
}

bool cen__os_cut(FILE *file, uint64_t size)
{
    const int failure = _chsize_s(_fileno(file), (int64_t)size);
    if (failure != 0) errno = failure;
    return failure == 0 && _fseeki64(file, 0, SEEK_END) == 0;
}

FILE *cen__os_open_end(const char *path, uint64_t size)
{
    FILE *file = open_wide(path, L"r+b");
    if (file == NULL || cen__os_cut(file, size)) return file;
    const int failure = errno;
    (void)fclose(file);
    errno = failure;
    return NULL;
}

#else
typedef int cen__not_windows;
#endif
