/* DEFLATE, all at once and in pieces, and gzip around it. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "image/inflate.h"

enum { MOST_OUT = 1 << 16, PIECE_IN = CEN__INFLATE_RESERVE + 64, PIECE_OUT = 700 };

typedef struct {
    cen__inflate inflate;
    uint8_t out[CEN__DEFLATE_WINDOW + MOST_OUT];
} unpacked;

static cen__inflate_event unpack(unpacked *u, const uint8_t *bytes, size_t size)
{
    memset(&u->inflate, 0xaa, sizeof u->inflate);
    cen__inflate_start(&u->inflate);
    u->inflate.in = bytes;
    u->inflate.in_end = bytes + size;
    u->inflate.in_is_last = true;
    u->inflate.out = u->out;
    u->inflate.out_at = 0;
    u->inflate.out_size = MOST_OUT;
    return cen__inflate_run(&u->inflate);
}

static cen__inflate_event unpack_in_pieces(unpacked *u, const uint8_t *bytes, size_t size)
{
    cen__inflate *inflate = &u->inflate;
    size_t offered = 0;
    cen__inflate_start(inflate);
    inflate->in = inflate->in_end = bytes;
    inflate->in_is_last = false;
    inflate->out = u->out;
    inflate->out_at = inflate->out_size = 0;
    for (;;) {
        cen__inflate_event event = cen__inflate_run(inflate);
        if (event == CEN__INFLATE_WANTS_INPUT) {
            FUZZ_CHECK(!inflate->in_is_last);
            FUZZ_CHECK(inflate->in_end - inflate->in <= CEN__INFLATE_RESERVE);
            offered = size - offered < PIECE_IN ? size : offered + PIECE_IN;
            inflate->in_end = bytes + offered;
            inflate->in_is_last = offered == size;
        } else if (event == CEN__INFLATE_WANTS_OUTPUT && inflate->out_size < MOST_OUT) {
            inflate->out_size +=
                MOST_OUT - inflate->out_size < PIECE_OUT ? MOST_OUT - inflate->out_size : PIECE_OUT;
        } else {
            return event;
        }
    }
}

static void check_gzip(const uint8_t *bytes, size_t size)
{
    uint8_t *out;
    size_t out_size;
    cen_error error;
    fuzz_memory_begin();
    cen_status status = cen__gzip_unpack(NULL, bytes, size, MOST_OUT, &out, &out_size, &error);
    fuzz_memory_most(3 * MOST_OUT + (1 << 15)); /* growing holds the old and twice of it */
    fuzz_check_error(status, &error);
    FUZZ_CHECK((status == CEN_OK) == (out != NULL) && out_size <= MOST_OUT);
    if (status == CEN_OK) {
        uint8_t *packed;
        size_t packed_size;
        FUZZ_CHECK(cen__zlib_pack(NULL, out, out_size, &packed, &packed_size, NULL) == CEN_OK);
        cen__free(packed);
    }
    cen__free(out);
    fuzz_memory_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static unpacked once, pieces;
    cen__inflate_event event = unpack(&once, bytes, size);
    size_t out_at = once.inflate.out_at;
    FUZZ_CHECK(event != CEN__INFLATE_WANTS_INPUT && out_at <= MOST_OUT);
    FUZZ_CHECK(cen__inflate_run(&once.inflate) == event && once.inflate.out_at == out_at);
    FUZZ_CHECK(unpack_in_pieces(&pieces, bytes, size) == event);
    FUZZ_CHECK(pieces.inflate.out_at == once.inflate.out_at);
    FUZZ_CHECK(memcmp(pieces.out, once.out, once.inflate.out_at) == 0);
    check_gzip(bytes, size);
    return 0;
}
