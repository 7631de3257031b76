#include "image/jpeg.h"

#include <string.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, DQT = 0xdb, DNL = 0xdc, DRI = 0xdd, DHT = 0xc4 };

int cen__jpeg_next_marker(const uint8_t *bytes, size_t size, size_t *at)
{
    while (*at + 1 < size) {
        const uint8_t *found = memchr(bytes + *at, 0xff, size - *at - 1);
        if (found == NULL) break;
        *at = (size_t)(found - bytes) + 1;
        if (bytes[*at] != 0 && bytes[*at] != 0xff) return bytes[(*at)++];
    }
    *at = size;
    return 0;
}

/* A segment's payload. */
typedef struct {
    const uint8_t *bytes;
    size_t size, at; /* at: of bytes in the file, for messages */
} payload;

static cen_status bad_length(cen__jpeg *jpeg, const payload *p, const char *name)
{
    return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                     "the %s segment at byte %zu has a wrong length (%zu); the file is damaged, "
                     "save it again",
                     name, p->at, p->size);
}

static cen_status read_quant(cen__jpeg *jpeg, payload p)
{
    while (p.size > 0) {
        unsigned index = p.bytes[0] & 15;
        size_t width = p.bytes[0] >> 4 ? 2 : 1;
        if (p.size < 1 + 64 * width) return bad_length(jpeg, &p, "DQT");
        if (index > 3)
            return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                             "the DQT segment at byte %zu names table %u of 0 to 3; the file is "
                             "damaged, save it again",
                             p.at, index);
        for (size_t k = 0; k < 64; k++) {
            const uint8_t *q = p.bytes + 1 + k * width;
            jpeg->quant[index][k] = (uint16_t)(width == 2 ? q[0] << 8 | q[1] : q[0]);
        }
        jpeg->has_quant[index] = true;
        p.bytes += 1 + 64 * width;
        p.size -= 1 + 64 * width;
    }
    return CEN_OK;
}

static cen_status read_huffman(cen__jpeg *jpeg, payload p)
{
    while (p.size > 0) {
        size_t n = 0;
        if (p.size < 17) return bad_length(jpeg, &p, "DHT");
        for (size_t i = 1; i <= 16; i++) n += p.bytes[i];
        unsigned index = p.bytes[0] & 15;
        if (p.bytes[0] > 0x1f || index > 3)
            return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                             "the DHT segment at byte %zu names table 0x%02x; the file is damaged, "
                             "save it again",
                             p.at, (unsigned)p.bytes[0]);
        if (n > 256 || n > p.size - 17) return bad_length(jpeg, &p, "DHT");
        cen__jpeg_code *code = p.bytes[0] & 0x10 ? &jpeg->ac_codes[index] : &jpeg->dc_codes[index];
        memset(code, 0, sizeof *code);
        code->defined = true;
        memcpy(code->counts + 1, p.bytes + 1, 16);
        memcpy(code->symbols, p.bytes + 17, n);
        p.bytes += 17 + n;
        p.size -= 17 + n;
    }
    return CEN_OK;
}

static cen_status check_frame(cen__jpeg *jpeg, const payload *p)
{
    if (jpeg->has_frame)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "a second frame header at byte %zu; the file is damaged, save it again",
                         p->at);
    if (p->size < 6 || p->size != 6 + 3 * (size_t)p->bytes[5]) return bad_length(jpeg, p, "SOF");
    if (p->bytes[0] != 8)
        return cen__fail(jpeg->error, CEN_ERROR_UNSUPPORTED,
                         "JPEG with %u bits a sample is not supported; save it with 8",
                         (unsigned)p->bytes[0]);
    if (p->bytes[1] == 0 && p->bytes[2] == 0)
        return cen__fail(jpeg->error, CEN_ERROR_UNSUPPORTED,
                         "JPEG whose height comes after the picture (DNL) is not supported; save "
                         "it again");
    if (p->bytes[3] == 0 && p->bytes[4] == 0)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "the frame header at byte %zu says a width of 0; the file is damaged",
                         p->at);
    if (p->bytes[5] != 1 && p->bytes[5] != 3 && p->bytes[5] != 4)
        return cen__fail(jpeg->error, CEN_ERROR_UNSUPPORTED,
                         "JPEG with %u components is not supported; save it as grey, RGB or CMYK",
                         (unsigned)p->bytes[5]);
    return CEN_OK;
}

static cen_status read_frame(cen__jpeg *jpeg, bool progressive, payload p)
{
    cen_status status = check_frame(jpeg, &p);
    if (status != CEN_OK) return status;
    jpeg->has_frame = true;
    jpeg->progressive = progressive;
    jpeg->frame_height = (size_t)p.bytes[1] << 8 | p.bytes[2];
    jpeg->frame_width = (size_t)p.bytes[3] << 8 | p.bytes[4];
    jpeg->n_components = p.bytes[5];
    jpeg->max_h = jpeg->max_v = 1;
    for (size_t i = 0; i < jpeg->n_components; i++) {
        const uint8_t *b = p.bytes + 6 + 3 * i;
        cen__jpeg_component *component = &jpeg->components[i];
        component->id = b[0];
        component->h = b[1] >> 4;
        component->v = b[1] & 15;
        component->quant_index = b[2];
        if (component->h - 1 > 3 || component->v - 1 > 3)
            return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                             "the frame header at byte %zu gives sampling factors %zux%zu, of 1 to "
                             "4; the file is damaged, save it again",
                             p.at, component->h, component->v);
        if (jpeg->n_components == 1) component->h = component->v = 1;
        if (component->h > jpeg->max_h) jpeg->max_h = component->h;
        if (component->v > jpeg->max_v) jpeg->max_v = component->v;
        memset(component->precision, -1, sizeof component->precision);
    }
    return CEN_OK;
}

/* The component of the frame that entry i of a scan header names, or NULL. The order has to be the
 * frame's (section B.2.3), so entry i is at least component i; this is how libjpeg sees to it. */
static cen__jpeg_component *find_component(cen__jpeg *jpeg, unsigned id, size_t i)
{
    size_t c = i;
    while (c < jpeg->n_components && jpeg->components[c].id != id) c++;
    if (c >= jpeg->n_components) return NULL;
    for (size_t j = 0; j < i; j++)
        if (jpeg->scan.components[j] == &jpeg->components[c]) return NULL;
    return &jpeg->components[c];
}

static cen_status read_scan(cen__jpeg *jpeg, payload p)
{
    cen__jpeg_scan *scan = &jpeg->scan;
    if (!jpeg->has_frame)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "a scan at byte %zu before the frame header; the file is damaged", p.at);
    if (p.size < 1 || p.bytes[0] < 1 || p.bytes[0] > 4 || p.size != 4 + 2 * (size_t)p.bytes[0])
        return bad_length(jpeg, &p, "SOS");
    scan->n_components = p.bytes[0];
    for (size_t i = 0; i < scan->n_components; i++) {
        const uint8_t *b = p.bytes + 1 + 2 * i;
        cen__jpeg_component *component = find_component(jpeg, b[0], i);
        if (component == NULL)
            return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                             "the scan header at byte %zu names the component %u, which the frame "
                             "has not at that place; the file is damaged",
                             p.at, (unsigned)b[0]);
        scan->components[i] = component;
        component->dc_index = b[1] >> 4;
        component->ac_index = b[1] & 15;
    }
    const uint8_t *last = p.bytes + 1 + 2 * scan->n_components;
    scan->first = last[0];
    scan->last = last[1];
    scan->high = last[2] >> 4;
    scan->low = last[2] & 15;
    jpeg->n_scans++;
    return CEN_OK;
}

static cen_status refuse_frame(cen__jpeg *jpeg, int marker)
{
    static const char *const names[16] = {
        [3] = "lossless",
        [5] = "hierarchical",
        [6] = "hierarchical progressive",
        [7] = "hierarchical lossless",
        [9] = "arithmetic-coded",
        [10] = "arithmetic-coded progressive",
        [11] = "arithmetic-coded lossless",
        [13] = "arithmetic-coded hierarchical",
        [14] = "arithmetic-coded hierarchical progressive",
        [15] = "arithmetic-coded hierarchical lossless",
    };
    return cen__fail(jpeg->error, CEN_ERROR_UNSUPPORTED,
                     "%s JPEG is not supported; save it as baseline or progressive",
                     names[marker & 15]);
}

static cen_status read_segment(cen__jpeg *jpeg, int marker, payload p)
{
    switch (marker) {
    case 0xc0:
    case 0xc1:
    case 0xc2: return read_frame(jpeg, marker == 0xc2, p);
    case 0xc3:
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case 0xc9:
    case 0xca:
    case 0xcb:
    case 0xcd:
    case 0xce:
    case 0xcf: return refuse_frame(jpeg, marker);
    case DHT: return read_huffman(jpeg, p);
    case DQT: return read_quant(jpeg, p);
    case SOS: return read_scan(jpeg, p);
    case DRI:
        if (p.size != 2) return bad_length(jpeg, &p, "DRI");
        jpeg->restart_interval = (size_t)p.bytes[0] << 8 | p.bytes[1];
        return CEN_OK;
    case 0xe0:
        if (p.size >= 14 && memcmp(p.bytes, "JFIF", 5) == 0) jpeg->jfif = true;
        return CEN_OK;
    case 0xee:
        if (p.size >= 12 && memcmp(p.bytes, "Adobe", 5) == 0) {
            jpeg->adobe = true;
            jpeg->adobe_transform = p.bytes[11];
        }
        return CEN_OK;
    default: return CEN_OK;
    }
}

/* Segments that can be passed over: APPn, COM, DAC, DNL and what is read above. */
static bool is_known(int marker)
{
    return (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8) ||
           (marker >= SOS && marker <= DRI) || (marker >= 0xe0 && marker <= 0xef) || marker == 0xfe;
}

cen_status cen__jpeg_read_segments(cen__jpeg *jpeg, int first_marker, bool frame_only,
                                   cen__jpeg_stop *stop)
{
    for (int marker = first_marker;; marker = 0) {
        if (marker == 0) marker = cen__jpeg_next_marker(jpeg->bytes, jpeg->size, &jpeg->at);
        *stop = marker == 0 ? CEN__JPEG_AT_CUT : CEN__JPEG_AT_END;
        if (marker == 0 || marker == EOI) return CEN_OK;
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue; /* no payload */
        if (!is_known(marker))
            return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                             "the marker 0x%02x at byte %zu has no place in a JPEG file; the file "
                             "is damaged, save it again",
                             (unsigned)marker, jpeg->at - 2);
        size_t n_left = jpeg->size - jpeg->at;
        *stop = CEN__JPEG_AT_CUT;
        if (n_left < 2) return CEN_OK;
        size_t length = (size_t)jpeg->bytes[jpeg->at] << 8 | jpeg->bytes[jpeg->at + 1];
        if (length > n_left) return CEN_OK;
        payload p = {jpeg->bytes + jpeg->at + 2, length < 2 ? 0 : length - 2, jpeg->at};
        jpeg->at += 2 + p.size;
        cen_status status = read_segment(jpeg, marker, p);
        *stop = CEN__JPEG_AT_SCAN;
        if (status != CEN_OK || marker == SOS || (frame_only && jpeg->has_frame)) return status;
    }
}
