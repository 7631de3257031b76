/* The common parts of the files of a training: the options and the net, which must be equal when it is loaded, and its
 * position. Both are texts in the metadata of a safetensors file. */
#ifndef CEN_TRAIN_STATE_H
#define CEN_TRAIN_STATE_H

#include "format/safetensors.h"
#include "format/text.h"
#include "train/trainer.h"

enum { CEN__MOST_ENTRIES = 64 };

/* Metadata under construction; initialise it as {.context = ...}. */
typedef struct cen__entries {
    cen_context *context; /* for memory */
    const char *names[CEN__MOST_ENTRIES];
    cen__text texts[CEN__MOST_ENTRIES];
    size_t n;
} cen__entries;

cen__text *cen__entry(cen__entries *list, const char *name);
void cen__entry_number(cen__entries *list, const char *name, double value);
void cen__entry_count(cen__entries *list, const char *name, uint64_t value);
void cen__entries_free(cen__entries *list);

/* An allocation failed. */
bool cen__entries_failed(const cen__entries *list);

/* pairs[list->n] */
void cen__entries_pairs(const cen__entries *list, cen__string_pair *pairs);

/* Options and net. */
void cen__entries_add_trainer(cen__entries *list, cen_trainer *trainer);

/* The first entry with another value in the file, and that value; list->n: none. */
size_t cen__entries_compare(const cen__entries *list, const cen__safetensors *file,
                            const char **was);

/* A number of the state, and its name. */
typedef struct cen__named_number {
    const char *name;
    size_t *count;  /* either this */
    double *number; /* or that */
} cen__named_number;

void cen__named_write(cen__entries *list, const cen__named_number *from);
bool cen__named_read(const cen__safetensors *file, const cen__named_number *to);

/* The model's numbers and Adam's moments. */
enum { CEN__STATE_TENSORS = 3 };
void cen__state_tensors(cen_trainer *trainer, cen__named_tensor tensors[CEN__STATE_TENSORS]);

cen__named_tensor cen__state_tensor(const char *name, float *data, size_t count);

/* True if the file has all tensors[n] in their shape, and usable values of the numbers above. */
bool cen__state_check(const cen__safetensors *file, cen_trainer *trainer,
                      const cen__named_tensor *tensors, size_t n);

/* Copies tensors that were checked. */
void cen__state_take(const cen__safetensors *file, const cen__named_tensor *tensors, size_t n);

#endif
