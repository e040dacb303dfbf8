/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target on the files, and on the files in the folders, that it is
 * given: without libFuzzer, and so with any compiler.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz/input.h"

#define LARGEST ((size_t)1 << 20)

static unsigned n_inputs;

static int fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

/* Allocated as large as it is, so that reading behind it is seen. */
static int run_file(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *buf = malloc(LARGEST), *data = NULL;
	size_t size = 0;

	if (file && buf) {
		size = fread(buf, 1, LARGEST, file);
		data = malloc(size ? size : 1);
	}
	if (file)
		fclose(file);
	if (!data) {
		free(buf);
		return fail(path);
	}
	memcpy(data, buf, size);
	free(buf);
	n_inputs++;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int run(const char *path);

static int run_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), r = 0;
	char *name;

	if (n < 0)
		return fail(path);
	for (int i = 0; i < n; i++) {
		if (r == 0 && entries[i]->d_name[0] != '.') {
			size_t size =
				strlen(path) + strlen(entries[i]->d_name) + 2;

			name = malloc(size);
			must(name);
			snprintf(name, size, "%s/%s", path, entries[i]->d_name);
			r = run(name);
			free(name);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int run(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fail(path);
	return S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path);
}

int main(int argc, char *argv[])
{
	int r = 0;
	char *path;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
		return 2;
	}
	/* A target may change the working directory. */
	for (int i = 1; i < argc; i++)
		argv[i] = (path = realpath(argv[i], NULL)) ? path : argv[i];
	for (int i = 1; i < argc && r == 0; i++)
		r = run(argv[i]);
	if (r == 0)
		printf("%u inputs\n", n_inputs);
	return r < 0;
}
