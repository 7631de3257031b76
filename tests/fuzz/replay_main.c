/* Runs a harness over files, each in memory of its exact size, so that a sanitizer sees a read beyond it:
 *     replay_png FILE|FOLDER...     the files, or those in the folders
 *     replay_png <FILE              one from the standard input, as AFL++ gives it */
#include "fuzz.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(copy != NULL);
    if (size > 0) memcpy(copy, bytes, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *path)
{
    uint8_t *bytes;
    size_t size;
    cen_error error;
    if (cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, &error) != CEN_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    printf("%s\n", path);
    fflush(stdout); /* the last line names the file that broke it */
    run(bytes, size);
    cen__free(bytes);
}

static size_t run_folder(const char *path)
{
    cen__listing listing;
    FUZZ_CHECK(cen__os_list(NULL, path, &listing, NULL) == CEN_OK);
    for (size_t i = 0; i < listing.n_names; i++) {
        char *file = cen__path_join(NULL, path, listing.names[i]);
        FUZZ_CHECK(file != NULL);
        run_file(file);
        cen__free(file);
    }
    size_t n_files = listing.n_names;
    cen__listing_free(&listing);
    return n_files;
}

static void run_input(void)
{
    static uint8_t bytes[1 << 20];
    run(bytes, fread(bytes, 1, sizeof bytes, stdin));
}

int main(int argc, char **argv)
{
    fuzz_is_replay = true;
    size_t n_files = 0;
    if (argc == 1) run_input();
    for (int i = 1; i < argc; i++) {
        if (cen__os_kind(argv[i]) == CEN__FOLDER) {
            n_files += run_folder(argv[i]);
        } else {
            run_file(argv[i]);
            n_files++;
        }
    }
    printf("%zu files, all in order\n", n_files);
    return argc > 1 && n_files == 0;
}
