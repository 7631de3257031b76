/* A door camera: four cameras, each a thread with its own predictor of one model, name who comes by, while a
 * fifth thread lets people in and takes them out. The model is read from memory.
 *
 *     door_camera MODEL PICTURE...      of each person, whose folder they are in, the last comes by */
#define _XOPEN_SOURCE 700
#include <centerloss_eval.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 5, ROUNDS = 20, MOST = 256 };

typedef struct bytes {
    void *data;
    size_t size;
} bytes;
static cen_model *model;
static size_t d, n_pictures;
static bytes pictures[MOST];
static int32_t persons[MOST];

/* Who is let in: row i of the features is of a person; under a lock. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static float *known;
static int32_t known_persons[MOST];
static size_t n_known;
typedef struct worker {
    bool is_keeper;
    int n_named, n_unknown, n_wrong, n_failed;
} worker;

static bytes read_file(const char *path)
{
    bytes file = {NULL, 0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) exit(1);
    long size = ftell(stream);
    rewind(stream);
    file.data = malloc((size_t)size + 1);
    if (file.data != NULL) file.size = fread(file.data, 1, (size_t)size, stream);
    (void)fclose(stream);
    return file;
}

static void let_in(const float *feature, int32_t person)
{
    (void)pthread_rwlock_wrlock(&lock);
    memcpy(known + n_known * d, feature, d * sizeof *feature);
    known_persons[n_known++] = person;
    (void)pthread_rwlock_unlock(&lock);
}

static void take_out(int32_t person)
{
    (void)pthread_rwlock_wrlock(&lock);
    for (size_t i = n_known; i-- > 0;) {
        if (known_persons[i] != person) continue;
        n_known--; /* the last row takes its place */
        memmove(known + i * d, known + n_known * d, d * sizeof *known);
        known_persons[i] = known_persons[n_known];
    }
    (void)pthread_rwlock_unlock(&lock);
}

static void recognise(const float *feature, int32_t person, worker *w)
{
    int32_t found = -1;
    cen_knn_options options = cen_knn_options_init();
    const cen_labelled query = {feature, NULL, 1};
    options.k = 1;
    (void)pthread_rwlock_rdlock(&lock);
    const cen_labelled rows = {known, known_persons, n_known};
    if (n_known > 0 &&
        cen_knn_classify(NULL, &rows, &query, d, &options, &found, NULL, NULL, NULL)) {
        w->n_failed++;
    }
    (void)pthread_rwlock_unlock(&lock);
    w->n_unknown += found < 0;
    w->n_named += found == person;
    w->n_wrong += found >= 0 && found != person;
}

static void *work(void *user)
{
    worker *w = user;
    const cen_input *input = &cen_model_get(model)->input;
    cen_predictor *predictor = NULL;
    float *x = malloc(input->channels * input->height * input->width * sizeof *x);
    float *feature = malloc(d * sizeof *feature);
    if (!x || !feature || cen_predictor_create(&predictor, model, 1, NULL)) w->n_failed++;
    for (size_t step = 0; step < ROUNDS * n_pictures && w->n_failed == 0; step++) {
        size_t i = step % n_pictures;
        bool comes_by = i + 1 == n_pictures || persons[i + 1] != persons[i];
        if (comes_by == w->is_keeper) continue;
        if (cen_predictor_decode(predictor, pictures[i].data, pictures[i].size, x, NULL) ||
            cen_predictor_features(predictor, x, 1, feature, NULL)) {
            w->n_failed++;
        } else if (w->is_keeper) {
            if (i == 0 || persons[i - 1] != persons[i]) take_out(persons[i]);
            let_in(feature, persons[i]);
        } else {
            recognise(feature, persons[i], w);
        }
    }
    cen_predictor_free(predictor);
    free(x);
    free(feature);
    return NULL;
}

int main(int argc, char **argv)
{
    cen_error error;
    pthread_t threads[WORKERS];
    worker workers[WORKERS] = {{.is_keeper = true}}, all = {.is_keeper = false};
    if (argc < 3 || argc - 2 > MOST) return 2;
    bytes file = read_file(argv[1]);
    if (cen_model_load_memory(NULL, &model, file.data, file.size, true, NULL, &error) != CEN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    d = cen_model_get(model)->feature_size;
    known = malloc(MOST * d * sizeof *known);
    for (n_pictures = 0; n_pictures < (size_t)argc - 2; n_pictures++) {
        const char *path = argv[n_pictures + 2], *before = argv[n_pictures + 1];
        size_t folder = (size_t)(strrchr(path, '/') - path);
        bool is_new = n_pictures == 0 || strncmp(path, before, folder + 1) != 0;
        persons[n_pictures] = n_pictures == 0 ? 0 : persons[n_pictures - 1] + is_new;
        pictures[n_pictures] = read_file(path);
    }
    for (int i = 0; i < WORKERS; i++) (void)pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < WORKERS; i++) (void)pthread_join(threads[i], NULL);
    (void)work(&workers[1]); /* a last round, when all people are in */
    for (int i = 0; i < WORKERS; i++) {
        all.n_named += workers[i].n_named;
        all.n_unknown += workers[i].n_unknown;
        all.n_wrong += workers[i].n_wrong;
        all.n_failed += workers[i].n_failed;
    }
    printf("named %d, wrong %d, unknown %d, failed %d; %zu pictures let in\n", all.n_named,
           all.n_wrong, all.n_unknown, all.n_failed, n_known);
    for (size_t i = 0; i < n_pictures; i++) free(pictures[i].data);
    free(known);
    cen_model_free(model);
    free(file.data); /* the model reads its numbers there */
    return all.n_failed > 0 || n_known == 0;
}
