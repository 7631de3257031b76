/* Folders of images opened by the tests, what is in them and what is refused. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_FOLDERS_H
#define TESTS_SUPPORT_FOLDERS_H

#include <string.h>

#include <centerloss.h>

#include "support/context.h"

static inline cen_folder_options without_split(void)
{
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0;
    return options;
}

static inline cen_folder *open_with(const char *path, const cen_folder_options *options)
{
    cen_folder *folder;
    cen_error error;
    if (cen_folder_open(threads(1), &folder, &path, 1, options, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return folder;
}

static inline cen_folder *open_plain(const char *path)
{
    cen_folder_options options = without_split();
    return open_with(path, &options);
}

/* Opening fails with this status and with each of these words in its message. */
static inline void assert_refused(const char *path, const cen_folder_options *options,
                                  cen_status status, const char *word, const char *other)
{
    cen_folder *folder;
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, options, &error), status);
    assert_null(folder);
    assert_int_equal(error.status, status);
    if (strstr(error.message, word) == NULL || strstr(error.message, other) == NULL) {
        fail_msg("\"%s\" names not both \"%s\" and \"%s\"", error.message, word, other);
    }
    assert_null(strchr(error.message, '\n'));
}

static inline void assert_image(const cen_folder_info *info, size_t i, const char *path, int label,
                                cen_split split)
{
    assert_true(i < info->n_images);
    assert_string_equal(info->images[i].path, path);
    assert_int_equal(info->images[i].label, label);
    assert_int_equal(info->images[i].split, split);
}

#endif
