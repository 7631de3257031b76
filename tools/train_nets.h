/* cl_train: the nets that have names, and nets in files. */
#ifndef TOOLS_TRAIN_NETS_H
#define TOOLS_TRAIN_NETS_H

#include "train_run.h"

/* --nets: prints the presets with their sizes and with what this machine does of them per second. An exit code. */
int list_nets(run *r);

/* If --net names a file, s.net becomes its text, which the caller gives to cen_text_free; NULL if it names none. An exit
 * code. */
int read_net_file(char **text);

#endif
