/* cl_features --info: what a model is. */
#ifndef TOOLS_FEATURES_INFO_H
#define TOOLS_FEATURES_INFO_H

#include "options.h"

/* Prints what a model is, as lines or as one JSON object; path is how it was named. Returns an exit code. */
int features_info(const command *tool, const cen_model *model, const char *path, bool as_json);

#endif
