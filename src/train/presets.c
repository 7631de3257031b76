#include <centerloss_eval.h>

#include <string.h>

#include "train/presets.h"

/* Of MobileNetV2 (Sandler et al. 2018), as MobileFaceNet has it: wider, each channel by itself, narrow again. */
#define BOTTLENECK(wide, stride, narrow)                                                           \
    "conv " wide " 1x1, batchnorm, prelu, "                                                        \
    "conv " wide " 3x3 stride " stride " pad 1 groups " wide ", batchnorm, prelu, "                \
    "conv " narrow " 1x1, batchnorm"
#define BOTTLENECK_64 "residual {" BOTTLENECK("128", "1", "64") "}, "
#define BOTTLENECK_128 "residual {" BOTTLENECK("256", "1", "128") "}, "

/* The last dense of each is the feature. */
static const cen_preset presets[] = {
    {"small",
     "conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 128 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 128 3x3 pad 1, batchnorm, relu, flatten, dense 128",
     0, 0, 0},
    /* For what is anywhere in the picture: deeper, and a mean over all places. */
    {"objects",
     "conv 32 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 128 3x3 pad 1, batchnorm, relu, "
     "conv 128 3x3 pad 1, batchnorm, relu, maxpool 2, "
     "conv 256 3x3 pad 1, batchnorm, relu, gap, dense 128",
     0, 0, 0},
    /* Conv2D(10, 2x2), MaxPooling2D, Flatten, Dense(32, relu) at 224 x 224 x 3. */
    {"article", "conv 10 2x2, maxpool 2, flatten, dense 32, relu", 3, 224, 224},
    /* Wen et al. 2016, table 1. */
    {"lenet++",
     "conv 32 5x5 pad 2, prelu, conv 32 5x5 pad 2, prelu, maxpool 2, "
     "conv 64 5x5 pad 2, prelu, conv 64 5x5 pad 2, prelu, maxpool 2, "
     "conv 128 5x5 pad 2, prelu, conv 128 5x5 pad 2, prelu, maxpool 2, flatten, dense 2",
     1, 28, 28},
#if !defined(CEN_SMALL) /* its line takes 2 KB */
    /* Chen et al. 2018, table 1. */
    {"mobilefacenet",
     "conv 64 3x3 stride 2 pad 1, batchnorm, prelu, "
     "conv 64 3x3 pad 1 groups 64, batchnorm, prelu, " BOTTLENECK(
         "128", "2", "64") ", " BOTTLENECK_64 BOTTLENECK_64 BOTTLENECK_64 BOTTLENECK_64
         BOTTLENECK("256", "2", "128") ", " BOTTLENECK_128 BOTTLENECK_128 BOTTLENECK_128
             BOTTLENECK_128 BOTTLENECK_128 BOTTLENECK_128 BOTTLENECK(
                 "512", "2", "128") ", " BOTTLENECK_128 BOTTLENECK_128
                                    "conv 512 1x1, batchnorm, prelu, conv 512 7x7 groups 512, "
                                    "batchnorm, flatten, dense 128, "
                                    "batchnorm",
     3, 112, 112},
#endif
};

const cen_preset *cen_presets(size_t *n)
{
    *n = sizeof presets / sizeof *presets;
    return presets;
}

const cen_preset *cen__preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    }
    return NULL;
}
