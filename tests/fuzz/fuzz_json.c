/* JSON: what is read, written and read again is the same. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "format/json.h"

/* As stated in tools/README.md. */
enum { MEMORY_FACTOR = 64, MEMORY_LEAST = 1 << 16 };

static void write_value(const cen__json *value, cen__text *text)
{
    switch (value->kind) {
    case CEN__JSON_NULL: cen__text_add(text, "null"); return;
    case CEN__JSON_BOOL: cen__text_add(text, value->number != 0 ? "true" : "false"); return;
    case CEN__JSON_NUMBER: cen__text_add_double(text, value->number); return;
    case CEN__JSON_STRING: cen__text_add_json_string(text, value->string); return;
    case CEN__JSON_ARRAY:
    case CEN__JSON_OBJECT: break;
    }
    bool is_object = value->kind == CEN__JSON_OBJECT;
    size_t n = 0;
    cen__text_add(text, is_object ? "{" : "[");
    for (const cen__json *child = value->child; child != NULL; child = child->next, n++) {
        if (n > 0) cen__text_add(text, ",");
        FUZZ_CHECK((child->key != NULL) == is_object);
        if (is_object) {
            FUZZ_CHECK(cen__json_get(value, child->key) == child);
            cen__text_add_json_string(text, child->key);
            cen__text_add(text, ":");
        }
        write_value(child, text);
    }
    FUZZ_CHECK(n == value->n_children);
    cen__text_add(text, is_object ? "}" : "]");
}

static cen_status rewrite(const char *text, size_t size, cen__text *written)
{
    cen__json_document *document;
    cen_error error;
    fuzz_memory_begin();
    cen_status status = cen__json_parse(NULL, text, size, &document, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    FUZZ_CHECK((status == CEN_OK) == (document != NULL));
    if (status != CEN_OK) {
        fuzz_memory_end();
        return status;
    }
    write_value(cen__json_root(document), written);
    FUZZ_CHECK(!written->failed);
    cen__json_free(document);
    return CEN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cen__text once = {.size = 0}, twice = {.size = 0};
    if (rewrite((const char *)bytes, size, &once) != CEN_OK) return 0;
    FUZZ_CHECK(rewrite(once.data, once.size, &twice) == CEN_OK);
    FUZZ_CHECK(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    cen__free(once.data);
    cen__free(twice.data);
    return 0;
}
