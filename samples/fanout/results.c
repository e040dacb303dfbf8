/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The results, in the layout of GNU parallel. No name leads out of the folder,
 * whatever the item is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <asyncfile.h>

#include "message.h"
#include "results.h"

/* A longer name may be more than a file system takes. */
#define MAX_NAME 200

static int make_folder(const char *path)
{
	return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

/* Prints an item as the name of one file. */
static void print_name(FILE *out, const char *item, size_t number)
{
	static const char from[] = "/\t\n\\", to[] = "_tn\\";
	const char *c, *place;

	if (strspn(item, ".") == strlen(item) && strlen(item) <= 2) {
		fprintf(out, "\\%s", *item ? item : "e");
		return;
	}
	for (c = item; *c && c < item + MAX_NAME / 2; c++) {
		place = strchr(from, *c);
		if (place)
			fprintf(out, "\\%c", to[place - from]);
		else
			fputc(*c, out);
	}
	if (*c)
		fprintf(out, "\\+%zu", number);
}

/* Returns FOLDER/1/NAME and makes it. NULL after a complaint. */
static char *make_path(const char *folder, const char *item, size_t number)
{
	char *path = NULL;
	size_t len, top;
	FILE *out = open_memstream(&path, &len);
	int r = -ENOMEM;

	if (out) {
		fprintf(out, "%s/1/", folder);
		top = strlen(folder);
		if (item)
			print_name(out, item, number);
		else
			fprintf(out, "%zu", number);
		if (fclose(out) == 0) {
			path[top] = '\0';
			r = make_folder(path);
			path[top] = '/';
			path[top + 2] = '\0';
			r = r < 0 ? r : make_folder(path);
			path[top + 2] = '/';
			r = r < 0 ? r : make_folder(path);
		}
	}
	if (r == 0)
		return path;
	message_error(path ? path : folder, r);
	free(path);
	return NULL;
}

/* Opens FOLDER/NAME. NULL after a complaint. */
static struct af_file *open_file(struct af_loop *loop, const char *folder,
				 const char *name)
{
	struct af_file *file;
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	file = af_file_open(loop, path, "w+");
	if (!file)
		message_error(path, errno);
	free(path);
	return file;
}

static int write_number(struct af_loop *loop, const char *folder, size_t number)
{
	struct af_file *file = open_file(loop, folder, "seq");
	struct af_future *written;
	char text[24];
	int r;

	if (!file)
		return -1;
	snprintf(text, sizeof(text), "%zu", number);
	written = af_file_write(file, text, strlen(text), AFIO_FULL, NULL);
	r = af_await(written);
	if (r < 0)
		message_error(folder, r);
	af_future_unref(written);
	af_file_close(file);
	return r < 0 ? -1 : 0;
}

int results_open(struct af_loop *loop, const char *folder, const char *item,
		 size_t number, struct af_file *ret_files[2])
{
	char *path = make_path(folder, item, number);
	struct af_file *out = NULL, *err = NULL;

	if (path && write_number(loop, path, number) == 0)
		out = open_file(loop, path, "stdout");
	if (out)
		err = open_file(loop, path, "stderr");
	free(path);
	if (err) {
		ret_files[0] = out;
		ret_files[1] = err;
		return 0;
	}
	af_file_close(out);
	return -1;
}
