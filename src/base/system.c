/* The public face of os.h, for command-line tools. */
#include "base/file.h"
#include "base/os.h"

double cen_seconds(void)
{
    return cen__os_seconds();
}

int cen_terminal_width(FILE *file)
{
    return cen__os_terminal_width(file);
}

bool cen_path_exists(const char *path)
{
    return cen__os_kind(path) != CEN__NOTHING;
}

cen_status cen_make_folder(const char *path, cen_error *error)
{
    return cen__os_make_folder(path, error);
}

cen_status cen_file_write(const char *path, const void *bytes, size_t size, cen_error *error)
{
    cen__writer *writer;
    cen_status status = cen__writer_create(&writer, path, error);
    if (status != CEN_OK) return status;
    cen__writer_write(writer, bytes, size);
    return cen__writer_commit(&writer, error);
}

bool cen_file_sync(FILE *file)
{
    return cen__os_sync(file);
}
