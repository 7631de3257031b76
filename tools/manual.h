/* What a table of options says of a tool: its help, its manual page, and completion for shells. */
#ifndef TOOLS_MANUAL_H
#define TOOLS_MANUAL_H

#include "options.h"

void print_help(const command *tool);
void print_man_page(const command *tool);

void print_bash_completion(const command *tool);
void print_zsh_completion(const command *tool);
void print_fish_completion(const command *tool);

#endif
