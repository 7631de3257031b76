/* A model of more than 2^31 bytes that takes little memory: its numbers stay in memory that is never written. Include
 * after cmocka.h. */
#ifndef TESTS_SUPPORT_LARGE_MODEL_H
#define TESTS_SUPPORT_LARGE_MODEL_H

#include <stdio.h>
#include <stdlib.h>

#include "support/models.h"

/* 576,072,000 parameters: a layer of SIDE outputs of 1 number, and one of SIDE outputs of them. NULL if the machine has
 * no room for its addresses; else *bytes is to be freed after the model. */
static inline cen_model *large_model_load(void **bytes)
{
    const uint64_t side = 24000, start = 1024;
    const uint64_t ends[4] = {4 * side, 8 * side, 8 * side + 4 * side * side,
                              12 * side + 4 * side * side};
    const unsigned long long d = side, a = ends[0], b = ends[1], c = ends[2], e = ends[3];
    const uint64_t size = start + e;
    *bytes = size < SIZE_MAX / 2 ? calloc((size_t)size, 1) : NULL;
    if (*bytes == NULL) return NULL;
    char *header = (char *)*bytes + 8;
    const int length = snprintf(
        header, (size_t)start - 8,
        "{\"__metadata__\":{\"format\":\"centerloss 1\",\"net\":\"flatten, dense %llu, dense "
        "%llu\","
        "\"input\":\"[1,1,1]\",\"resize\":\"crop\",\"mean\":\"[0]\",\"std\":\"[1]\","
        "\"mirror\":\"false\",\"classes\":\"[]\",\"head\":\"none\"},"
        "\"body.1.weight\":{\"dtype\":\"F32\",\"shape\":[%llu,1],\"data_offsets\":[0,%llu]},"
        "\"body.1.bias\":{\"dtype\":\"F32\",\"shape\":[%llu],\"data_offsets\":[%llu,%llu]},"
        "\"body.2.weight\":{\"dtype\":\"F32\",\"shape\":[%llu,%llu],\"data_offsets\":[%llu,%llu]},"
        "\"body.2.bias\":{\"dtype\":\"F32\",\"shape\":[%llu],\"data_offsets\":[%llu,%llu]},"
        "\"head.weight\":{\"dtype\":\"F32\",\"shape\":[0,%llu],\"data_offsets\":[%llu,%llu]},"
        "\"head.bias\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[%llu,%llu]},"
        "\"centers.weight\":{\"dtype\":\"F32\",\"shape\":[0,%llu],\"data_offsets\":[%llu,%llu]}}",
        d, d, d, a, d, a, b, d, d, b, c, d, c, e, d, e, e, e, e, d, e, e);
    assert_true(length > 0 && (uint64_t)length < start - 8);
    memset(header + length, ' ', (size_t)start - 8 - (size_t)length);
    ((uint8_t *)*bytes)[0] = (uint8_t)((start - 8) & 0xFF);
    ((uint8_t *)*bytes)[1] = (uint8_t)((start - 8) >> 8);
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_load_memory(threads(1), &model, *bytes, (size_t)size, true, NULL, &error),
              &error);
    return model;
}

#endif
