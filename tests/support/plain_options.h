/* Options of the plainest training, which stay as they are when the defaults become better. */
#ifndef TESTS_SUPPORT_PLAIN_OPTIONS_H
#define TESTS_SUPPORT_PLAIN_OPTIONS_H

#include <centerloss.h>

/* What references and counts are made with: Adam for all, nothing decays, no schedule. */
static inline cen_train_options plain_train_options(void)
{
    cen_train_options options = cen_train_options_init();
    options.lambda = 0.2;
    options.centers = CEN_CENTERS_ADAM;
    options.lr = 1e-3;
    options.weight_decay = 0;
    options.batch_size = 32;
    return options;
}

static inline cen_fit_options plain_fit_options(void)
{
    cen_fit_options options = cen_fit_options_init();
    options.warmup = 0;
    options.cosine = false;
    return options;
}

#endif
