/* cl_knn classify --stream and --frames: pictures from standard input, an answer for each at once. */
#include "knn_classify.h"

#include <centerloss_eval.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

enum { LINE_MOST = 1 << 15, PICTURE_MOST = 1 << 28, FIRST_ROOM = 1 << 16 };

typedef struct stream {
    knn *s;
    knn_answers a;
    cen_predictor *predictor;
    float *x;      /* the input of the net */
    knn_set query; /* of one picture */
    char path[LINE_MOST];
    uint8_t *bytes; /* [room] of a frame */
    size_t room;
} stream;

/* ---- an answer ---- */

static void print_error(const stream *t, const char *message)
{
    if (t->a.frame > 0) {
        printf("{\"frame\": %zu", t->a.frame);
    } else {
        printf("{\"path\": ");
        print_json_string(stdout, t->path);
    }
    printf(", \"error\": ");
    print_json_string(stdout, message);
    printf("}\n");
}

static cen_status ask(stream *t, const void *bytes, size_t size, cen_error *error)
{
    cen_status status = cen_predictor_decode(t->predictor, bytes, size, t->x, error);
    if (status == CEN_OK) {
        status = cen_predictor_features(t->predictor, t->x, 1, t->query.f.features, error);
    }
    if (status == CEN_OK && t->query.probabilities != NULL) {
        status = cen_model_classes(t->s->model, t->query.f.features, 1, NULL,
                                   t->query.probabilities, error);
    }
    return status == CEN_OK ? knn_answers_ask(&t->a, error) : status;
}

/* A line, whatever the bytes are. If it cannot be printed, the stream has no sense any more; run_tool says so. */
static int answer(stream *t, const void *bytes, size_t size)
{
    cen_error error;
    int code = 0;
    if (ask(t, bytes, size, &error) != CEN_OK) {
        print_error(t, error.message);
    } else {
        code = knn_answer_json(&t->a, 0);
        printf("\n");
    }
    (void)fflush(stdout);
    return code;
}

static void answer_error(const stream *t, const char *message)
{
    print_error(t, message);
    (void)fflush(stdout);
}

/* ---- paths ---- */

/* Reads a line into t->path; false at the end. *is_long: it has no room, and its rest is passed over. */
static bool read_line(stream *t, bool *is_long)
{
    size_t n = 0;
    int c = getc(stdin);
    *is_long = false;
    if (c == EOF) return false;
    for (; c != EOF && c != '\n'; c = getc(stdin)) {
        if (n + 1 < LINE_MOST) t->path[n++] = (char)c;
        *is_long |= n + 1 == LINE_MOST;
    }
    if (n > 0 && t->path[n - 1] == '\r') n--;
    t->path[n] = '\0';
    return true;
}

static int answer_paths(stream *t)
{
    bool is_long;
    int code = 0;
    while (code == 0 && !ferror(stdout) && read_line(t, &is_long)) {
        char *bytes;
        size_t size;
        cen_error error;
        if (is_long) {
            t->path[64] = '\0';
            answer_error(t, "this line is too long for a path");
        } else if (cen_text_read(t->s->context, t->path, PICTURE_MOST, &bytes, &size, &error) !=
                   CEN_OK) {
            answer_error(t, error.message);
        } else {
            code = answer(t, bytes, size);
            cen_text_free(bytes);
        }
    }
    return code;
}

/* ---- frames ---- */

/* Memory for what has come, and not for what a length claims. */
static bool grow(stream *t, size_t size)
{
    size_t room = t->room > 0 ? t->room : FIRST_ROOM;
    while (room < size) room *= 2;
    if (room == t->room) return true;
    uint8_t *bytes = realloc(t->bytes, room);
    if (bytes == NULL) return false;
    t->bytes = bytes;
    t->room = room;
    return true;
}

/* NULL, or why the bytes of a frame are not there. */
static const char *read_frame(stream *t, size_t size)
{
    for (size_t n = 0; n < size;) {
        if (!grow(t, n + 1)) return "not enough memory for this frame";
        const size_t wanted = (t->room < size ? t->room : size) - n;
        const size_t got = fread(t->bytes + n, 1, wanted, stdin);
        n += got;
        if (got < wanted) return "the stream ends within this frame";
    }
    return NULL;
}

static int answer_frames(stream *t)
{
    uint8_t head[4];
    int code = 0;
    while (code == 0 && !ferror(stdout)) {
        const size_t got = fread(head, 1, sizeof head, stdin);
        if (got == 0) break;
        const size_t size =
            (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        const char *reason = got < sizeof head     ? "the stream ends within a length"
                             : size > PICTURE_MOST ? "this frame is too long"
                                                   : NULL;
        t->a.frame++;
        if (reason == NULL) reason = read_frame(t, size);
        if (reason != NULL) { /* what follows has no known beginning */
            answer_error(t, reason);
            return fail(t->s->tool, EXIT_FAILED,
                        "frame %zu: %s; send 4 bytes of its length, the "
                        "highest first, and then so many of a picture of at most %d MB",
                        t->a.frame, reason, PICTURE_MOST >> 20);
        }
        code = answer(t, t->bytes, size);
    }
    return code;
}

/* ---- the work ---- */

static int begin(stream *t, char *path)
{
    knn *s = t->s;
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for a picture"};
    static cen_feature_row row;
    int code = knn_need_model(s, "standard input", path);
    if (code != 0) return code;
    const cen_model_info *info = cen_model_get(s->model);
    t->query = (knn_set){.name = "standard input", .f = {.n = 1, .d = info->feature_size}};
    row.path = t->path;
    t->query.f.rows = &row;
    t->query.f.features = calloc(info->feature_size, sizeof(float));
    t->x = calloc(info->input.channels * info->input.height, info->input.width * sizeof(float));
    if (cen_model_classes(s->model, NULL, 0, NULL, NULL, NULL) == CEN_OK) {
        t->query.probabilities = calloc(info->n_classes + 1, sizeof(float));
        t->a.model = info;
    }
    t->a.queries = &t->query;
    if (t->query.f.features == NULL || t->x == NULL ||
        (t->a.model != NULL && t->query.probabilities == NULL) ||
        cen_predictor_create(&t->predictor, s->model, 1, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", s->model_path, error.message);
    }
    if (info->feature_size == cen_gallery_get(t->a.gallery)->d) return 0;
    char text[64];
    return fail(s->tool, EXIT_FAILED,
                "the model %s makes features of %s, but %s holds %zu; name the model that "
                "made them with --model",
                s->model_path, counted(info->feature_size, "number", text), path,
                cen_gallery_get(t->a.gallery)->d);
}

int knn_stream(knn *s, char *path)
{
    stream *t = calloc(1, sizeof *t);
    if (t == NULL) return fail(s->tool, EXIT_FAILED, "not enough memory for a picture");
    t->s = s;
#ifdef SIGPIPE
    signal(SIGPIPE, SIG_DFL); /* who asked has gone: so does this program, without a word */
#endif
    int code = knn_answers_begin(s, path, &t->a);
    if (code == 0) code = begin(t, path);
    if (code == 0 && s->has_frames) {
        read_binary(stdin);
        code = answer_frames(t);
    } else if (code == 0) {
        code = answer_paths(t);
    }
    if (code == 0 && ferror(stdin)) {
        code = fail(s->tool, EXIT_FAILED, "standard input: reading failed");
    }
    knn_answers_end(&t->a);
    cen_predictor_free(t->predictor);
    free(t->query.f.features);
    free(t->query.probabilities);
    free(t->x);
    free(t->bytes);
    free(t);
    return code;
}
