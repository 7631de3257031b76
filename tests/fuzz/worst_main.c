/* What reading a picture costs: for each path on standard input a line "NANOSECONDS BYTES WIDTH HEIGHT
 * SIZE STATUS", of the processor's time, the most memory held at once, the picture and the file. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <centerloss.h>

#include "../support/measured_memory.h"

static long size_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    (void)fclose(file);
    return size;
}

int main(void)
{
    char path[1024];
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        cen_image image, size = {0};
        cen_image_options options = cen_image_options_default();
        options.channels = 3;
        (void)cen_image_read_size(path, &size, NULL);
        size_t before = memory_most = memory_held;
        clock_t begin = clock();
        cen_status status = cen_image_read(path, &options, &image, NULL);
        double took = (double)(clock() - begin) / CLOCKS_PER_SEC;
        printf("%.0f %zu %zu %zu %ld %s\n", took * 1e9, memory_most - before, size.width,
               size.height, size_of(path), cen_status_name(status));
        (void)fflush(stdout);
        cen_image_free(&image);
    }
    return 0;
}
