/* The public face of os.h, for command-line tools. */
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
