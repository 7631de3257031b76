/* The order of an epoch's images. Nothing is allocated here, so nothing can fail. */
#include "base/random.h"
#include "data/folder.h"

size_t cen_folder_order(const cen_folder *folder, cen_split split, bool shuffle, uint64_t seed,
                        size_t epoch, size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        if (folder->images[i].split == split) order[n++] = i;
    }
    if (shuffle) cen__shuffle(order, n, seed, cen__substream(CEN__STREAM_SHUFFLE, epoch));
    return n;
}

/* ---- batches of classes -------------------------------------------------------------------- */

/* Place i of a random permutation of 0 .. n - 1, without the others: Hoang, Morris and Rogaway, An
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

/* A deck of cards first .. first + n - 1 is dealt in shuffled rounds, hand_size cards a hand. */
typedef struct {
    uint64_t seed, stream;
    size_t first, n, hand_size;
    size_t stride; /* from card to card of a hand in memory */
} deck;

static bool holds(const deck *d, const size_t *cards, size_t n, size_t card)
{
    for (size_t i = 0; i < n; i++) {
        if (cards[i * d->stride] == card) return true;
    }
    return false;
}

/* The t-th card; hand and before are the cards of the hand it goes to and of the one before. A
 * round may begin in the middle of a hand: it begins with cards that this hand has not yet, and
 * goes on with the others in their order. Only a deck smaller than a hand gives it a card twice. */
static size_t deal(const deck *d, size_t t, const size_t *hand, const size_t *before)
{
    size_t place = t % d->n;
    uint64_t stream = cen__substream(d->stream, t / d->n);
    size_t n_held = (t - place) % d->hand_size; /* by the hand in which the round began */
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

/* The first training image of a class; training images come first, by label. */
static size_t find_class(const cen_folder *folder, size_t n_train, size_t label)
{
    size_t low = 0, high = n_train;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (folder->images[middle].label < (int32_t)label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each class has its hand once in a round of all classes. order[slot * per_class] is the hand's
 * class and becomes the first of its images. */
static void deal_images(const cen_folder *folder, size_t n_train, size_t per_class, uint64_t seed,
                        uint64_t stream, size_t n_slots, size_t *order)
{
    for (size_t slot = 0; slot < n_slots; slot++) {
        size_t *hand = order + slot * per_class, *before = hand, label = *hand;
        size_t first = find_class(folder, n_train, label);
        size_t n = find_class(folder, n_train, label + 1) - first;
        size_t dealt = slot / folder->info.n_classes * per_class;
        const deck d = {seed, cen__substream(stream, label), first, n, per_class, 1};
        if (dealt % n > 0 && dealt % n < per_class) { /* a round began in the hand before */
            do before -= per_class;
            while ((size_t)folder->images[*before].label != label);
        }
        for (size_t k = 0; k < per_class; k++) hand[k] = deal(&d, dealt + k, hand, before);
    }
}

/* How many training images there are; 0 where a class has none. */
static size_t count_training(const cen_folder *folder)
{
    const cen_folder_info *info = &folder->info;
    size_t n = 0, n_seen = 0;
    for (; n < info->n_images && info->images[n].split == CEN_SPLIT_TRAIN; n++) {
        if (info->images[n].label == (int32_t)n_seen) n_seen++;
    }
    return n_seen == info->n_classes ? n : 0;
}

size_t cen_folder_order_per_class(const cen_folder *folder, size_t n_classes, size_t per_class,
                                  uint64_t seed, size_t epoch, size_t *order)
{
    size_t n_train = count_training(folder), batch_size = n_classes * per_class;
    if (batch_size == 0 || n_train == 0 || folder->info.n_classes < n_classes) return 0;
    size_t n_slots = (n_train + batch_size - 1) / batch_size * n_classes;
    uint64_t stream = cen__substream(CEN__STREAM_SHUFFLE, epoch);
    const deck classes = {.seed = seed,
                          .stream = cen__substream(stream, 0),
                          .n = folder->info.n_classes,
                          .hand_size = n_classes,
                          .stride = per_class};
    for (size_t slot = 0; slot < n_slots; slot++) {
        const size_t *hand = order + slot / n_classes * batch_size;
        const size_t *before = slot < n_classes ? hand : hand - batch_size;
        order[slot * per_class] = deal(&classes, slot, hand, before);
    }
    deal_images(folder, n_train, per_class, seed, cen__substream(stream, 1), n_slots, order);
    return n_slots * per_class;
}
