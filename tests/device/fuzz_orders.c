/* SPDX-License-Identifier: MIT */
/* Fuzzing of orders to compile: files with a right checksum and a right key whose list of kernels is anything. Whoever
 * works at them neither crashes nor leaves one behind, and what is no order for this device stays.
 *	fuzz_orders [EXECUTIONS [SEED]] */
#include "../../runtime/src/cl/cache.h"
#include "../../runtime/src/cl/opencl.h"
#include "../harness/fuzz_next.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clade/device.h>
#include <clade/step.h>

static const char source[] = "__kernel void one(__global float *x, uint n) { if (get_global_id(0) < n) x[0] = 1; }\n"
			     "__kernel void two(__local float *x, __global float *y) { x[0] = 2; y[0] = x[0]; }\n";
enum { ROOM = 512 };

static uint64_t state = FUZZ_START;
static uint32_t next(uint32_t limit)
{
	return fuzz_next(&state, limit);
}

/* A count, names and the text: sound but for one to three changes before the text. Returns how long it is. */
static size_t make_order(unsigned char *out)
{
	static const uint32_t counts[] = { 0, 1, 2, 3, 255, 65536, 0x7fffffff, 0xffffffff };
	const char names[] = "one\0two";
	size_t length = sizeof(uint32_t);
	uint32_t count = 2;

	if (next(2))
		count = counts[next(sizeof(counts) / sizeof(counts[0]))];
	memcpy(out, &count, sizeof(count));
	memcpy(out + length, names, sizeof(names));
	length += sizeof(names);
	for (uint32_t changes = next(3); changes > 0; changes--)
		out[sizeof(count) + next((uint32_t)(length - sizeof(count)))] = (unsigned char)next(256);
	if (next(8) == 0) /* a name that does not end */
		memset(out + sizeof(count), 'n', length - sizeof(count));
	if (next(16) == 0) /* nothing but the start */
		return 1 + next((uint32_t)length - 1);
	memcpy(out + length, source, sizeof(source) - 1);
	return length + sizeof(source) - 1;
}

static size_t count_orders(const char *folder)
{
	DIR *list = opendir(folder);
	size_t count = 0;

	for (struct dirent *entry; list && (entry = readdir(list));)
		count += strstr(entry->d_name, ".src") != NULL;
	if (list)
		closedir(list);
	return count;
}

static void clear(const char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -f '%s'/*", folder);
	if (system(command))
		abort();
}

int main(int argc, char **argv)
{
	long executions = argc > 1 ? atol(argv[1]) : 200, taken = 0;
	char folder[] = "orders-XXXXXX";
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = folder };
	struct clade_context *context = NULL;
	struct clade_device *device = NULL;
	struct clade_diag diag;
	unsigned char key[CLADE_KEY_BYTES], order[ROOM + sizeof(source)];

	if (argc > 2)
		state = strtoull(argv[2], NULL, 10) * 2 + 1;
	clade_diag_init(&diag);
	if (!mkdtemp(folder) || clade_context_create(&params, &context, &diag) ||
	    clade_device_open(context, "cl", &device, &diag) ||
	    !clade_cl_program_key(clade_cl_state(device), source, sizeof(source) - 1, key)) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	for (long i = 0; i < executions; i++) {
		size_t bytes = make_order(order), done;

		clear(folder);
		if (!clade_cache_order(context, clade_cl_state(device)->cache, key, next(3), order, bytes) ||
		    count_orders(folder) != 1)
			abort();
		done = clade_device_fill_cache(device, next(4) == 0);
		if (done + count_orders(folder) != 1) {
			fprintf(stderr, "order %ld: %zu done, %zu left\n", i, done, count_orders(folder));
			abort();
		}
		taken += (long)done;
	}
	clear(folder);
	rmdir(folder);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	printf("%ld orders, %ld of them were worked at\n", executions, taken);
	return taken > 0 && taken < executions ? 0 : 1;
}
