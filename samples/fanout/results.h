/* SPDX-License-Identifier: BSD-3-Clause */
/* The results: a folder with the output of each job in files. */
#ifndef FANOUT_RESULTS_H
#define FANOUT_RESULTS_H

#include <stddef.h>

struct af_file;
struct af_loop;

/**
 * Makes FOLDER/1/ITEM, with the files seq, stdout and stderr.
 *
 * @param item NULL for a block, which is named by its number
 * @return 0; or -1 after a complaint
 */
int results_open(struct af_loop *loop, const char *folder, const char *item,
		 size_t number, struct af_file *ret_files[2]);

#endif
