/* cl_train: what a page collects while epochs pass, for its own files only. */
#ifndef TOOLS_TRAIN_FRAMES_H
#define TOOLS_TRAIN_FRAMES_H

#include "train_page.h"

enum { MOST_POINTS = 600, MOST_CENTERS = 1000, MOST_FRAMES = 20 };
enum { FRAMES_SIZE = MOST_FRAMES + 2 }; /* with the last epoch and the best */

typedef struct frame {
    size_t epoch;
    float *features, *centers; /* [n_points, D], [n_centers, D] */
} frame;

struct page {
    size_t n_epochs, capacity, n_frames, n_validation, n_measured, n_points, n_centers, every;
    size_t best; /* the frame that the page opens at: the last one before there is a better */
    bool has_best;
    const char **paths; /* [n_points], of the pictures; filled in at the end */
    cen_epoch_report *epochs;
    frame *frames;
    size_t *points;  /* [n_points], places among the validation images that are measured */
    int32_t *labels; /* [n_points] */
};

/* plane[n_frames]: the frames in one plane, the principal components of the best, so that points move and axes do
 * not. Features of two numbers are shown as they are. text says what the plane is. */
cen_status page_project(cen_context *context, const page *p, size_t d, cen_report_frame *plane,
                        char text[200], cen_error *error);

#endif
