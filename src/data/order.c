/* The order of an epoch's rows. */
#include <centerloss_eval.h>

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset.h"

cen_status cen__by_class_create(cen_context *context, cen__by_class *by, const cen_dataset *dataset,
                                cen_error *error)
{
    size_t n_classes = dataset->n_classes;
    *by = (cen__by_class){dataset, 0, NULL, NULL};
    by->rows = cen__alloc(context, dataset->n, sizeof *by->rows);
    by->first = cen__alloc_zeroed(context, n_classes + 2, sizeof *by->first);
    if (by->rows == NULL || by->first == NULL) {
        cen__by_class_free(by);
        return cen__fail_memory(error, "the rows of classes");
    }
    size_t *next = by->first + 1; /* the place of the next row of a label */
    for (size_t i = 0; i < dataset->n; i++) {
        if (cen__split_of(dataset, i) != CEN_SPLIT_TRAIN) continue;
        next[dataset->labels[i] + 1]++;
        by->n++;
    }
    for (size_t c = 0; c < n_classes; c++) {
        char text[CEN__ROW_NAME];
        if (next[c + 1] == 0) {
            cen__by_class_free(by);
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "class '%.200s' has no row to train on; give it some, or leave it out",
                             cen__name_of_class(dataset, c, text));
        }
        next[c + 1] += next[c];
    }
    for (size_t i = 0; i < dataset->n; i++) {
        if (cen__split_of(dataset, i) == CEN_SPLIT_TRAIN) by->rows[next[dataset->labels[i]]++] = i;
    }
    return CEN_OK;
}

void cen__by_class_free(cen__by_class *by)
{
    cen__free(by->rows);
    cen__free(by->first);
    *by = (cen__by_class){NULL, 0, NULL, NULL};
}

/* ---- batches of classes -------------------------------------------------------------------- */

/* Element i of a random permutation of 0 .. n - 1, without computing the others: Hoang, Morris and Rogaway, An
 * Enciphering Scheme Based on a Card Shuffle, 2012 (swap-or-not). */
static size_t permuted(uint64_t seed, uint64_t stream, size_t n, size_t i)
{
    uint64_t coins = cen__substream(stream, 1);
    size_t n_rounds = 16;
    for (size_t rest = n; rest > 1; rest >>= 1) n_rounds += 4;
    for (size_t round = 0; round < n_rounds; round++) {
        size_t key = (size_t)cen__random_below(seed, stream, round, n);
        size_t partner = key >= i ? key - i : key + (n - i);
        size_t larger = i > partner ? i : partner;
        if (cen__random_bits(seed, coins, round * n + larger) >> 63) i = partner;
    }
    return i;
}

/* A deck of the cards first .. first + n - 1 is dealt in shuffled rounds, hand_size cards per hand. */
typedef struct {
    uint64_t seed, stream;
    size_t first, n, hand_size;
    size_t stride; /* the step in memory from one card of a hand to the next */
} deck;

static bool holds(const deck *d, const size_t *cards, size_t n, size_t card)
{
    for (size_t i = 0; i < n; i++) {
        if (cards[i * d->stride] == card) return true;
    }
    return false;
}

/* The t-th card. hand and before hold the cards of its hand and of the previous hand. A round may begin in the
 * middle of a hand: then it begins with cards that the hand does not have yet, and continues with the others in
 * their order. A hand gets a card twice only if the deck is smaller than a hand. */
static size_t deal(const deck *d, size_t t, const size_t *hand, const size_t *before)
{
    size_t place = t % d->n;
    uint64_t stream = cen__substream(d->stream, t / d->n);
    size_t n_held = (t - place) % d->hand_size; /* taken by the hand in which the round began */
    if (n_held == 0 || place >= d->hand_size || d->n < d->hand_size) {
        return d->first + permuted(d->seed, stream, d->n, place);
    }
    size_t n_begun = d->hand_size - n_held; /* cards of this round in that hand */
    bool is_begin = place < n_begun;
    const size_t *others = is_begin ? hand : before + n_held * d->stride;
    size_t n_others = is_begin ? n_held : n_begun;
    size_t left = is_begin ? place : place - n_begun;
    for (size_t i = 0;; i++) {
        size_t card = d->first + permuted(d->seed, stream, d->n, i);
        if (!holds(d, others, n_others, card) && left-- == 0) return card;
    }
}

/* In a round of all classes each class gets one hand. order[slot * per_class] is the class of the hand, and
 * becomes the first of its places in by->rows. */
static void deal_rows(const cen__by_class *by, size_t per_class, uint64_t seed, uint64_t stream,
                      size_t n_slots, size_t *order)
{
    for (size_t slot = 0; slot < n_slots; slot++) {
        size_t *hand = order + slot * per_class, *before = hand, label = *hand;
        size_t first = by->first[label], end = by->first[label + 1], n = end - first;
        size_t dealt = slot / by->dataset->n_classes * per_class;
        const deck d = {seed, cen__substream(stream, label), first, n, per_class, 1};
        if (dealt % n > 0 && dealt % n < per_class) { /* a round began in the hand before */
            do before -= per_class;
            while (*before < first || *before >= end);
        }
        for (size_t k = 0; k < per_class; k++) hand[k] = deal(&d, dealt + k, hand, before);
    }
}

size_t cen__by_class_order(const cen__by_class *by, size_t n_classes, size_t per_class,
                           uint64_t seed, size_t epoch, size_t *order)
{
    size_t batch_size = n_classes * per_class;
    size_t n_slots = (by->n + batch_size - 1) / batch_size * n_classes;
    uint64_t stream = cen__substream(CEN__STREAM_SHUFFLE, epoch);
    const deck classes = {.seed = seed,
                          .stream = cen__substream(stream, 0),
                          .n = by->dataset->n_classes,
                          .hand_size = n_classes,
                          .stride = per_class};
    for (size_t slot = 0; slot < n_slots; slot++) {
        const size_t *hand = order + slot / n_classes * batch_size;
        const size_t *before = slot < n_classes ? hand : hand - batch_size;
        order[slot * per_class] = deal(&classes, slot, hand, before);
    }
    deal_rows(by, per_class, seed, cen__substream(stream, 1), n_slots, order);
    for (size_t i = 0; i < n_slots * per_class; i++) order[i] = by->rows[order[i]];
    return n_slots * per_class;
}

cen_status cen_dataset_order(cen_context *context, const cen_dataset *dataset, size_t n_classes,
                             size_t per_class, uint64_t seed, size_t epoch, size_t *order,
                             size_t *n, cen_error *error)
{
    cen_dataset taken;
    cen__by_class by;
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status != CEN_OK) return status;
    if (n_classes == 0) {
        *n = cen__rows_of(&taken, CEN_SPLIT_TRAIN, order);
        cen__shuffle(order, *n, seed, cen__substream(CEN__STREAM_SHUFFLE, epoch));
        return CEN_OK;
    }
    size_t room; /* that *order must have room for */
    if (per_class == 0 || n_classes > taken.n_classes ||
        !cen__multiply(n_classes, per_class, &room) || room > SIZE_MAX / sizeof *order - taken.n) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "batches of %zu classes with %zu row%s each cannot be drawn from %zu "
                         "classes; choose at least 1 row that fits into memory, and fewer classes",
                         n_classes, per_class, cen__plural(per_class), taken.n_classes);
    }
    status = cen__dataset_check_labels(&taken, error);
    if (status == CEN_OK) status = cen__by_class_create(context, &by, &taken, error);
    if (status != CEN_OK) return status;
    *n = cen__by_class_order(&by, n_classes, per_class, seed, epoch, order);
    cen__by_class_free(&by);
    return CEN_OK;
}
