/* SPDX-License-Identifier: MIT */
/* ONNX's backend node tests (shared data, not part of the project) on our ops, `ref` or one OpenCL device:
 *	test_onnx_node FOLDER [DEVICE LABEL] [--wrong]
 * FOLDER holds the folder of shared data, or the environment's CLADE_SHARED_DATA does. Prints how many folders pass and
 *why each other one has no counterpart here. Narrow integers go through i32, f16 through f32. --wrong moves one element
 *of every f32 result by a hundredth, to show that this is noticed. */
#include "onnx.h"

#include <clade/builtin.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fewer than these passing is a regression. */
enum { MUST_PASS = 234, MOST_FOLDERS = 2048 };

static struct clade_context *context;
static struct clade_device *device;
static struct clade_queue *queue;
static bool wrong;

static const struct mapping *find_mapping(const char *op_type)
{
	const struct mapping *const tables[] = { onnx_elementwise, onnx_shapes, onnx_rows, onnx_attention };

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct mapping *row = tables[t]; row->op_type; row++)
			if (strcmp(row->op_type, op_type) == 0)
				return row;
	return NULL;
}

/* What an integer of that ONNX type holds of our i32: sums and products are right modulo its width. */
static int64_t narrowed(int32_t value, int onnx)
{
	switch (onnx) {
	case ONNX_UINT8:
		return (uint8_t)value;
	case ONNX_INT8:
		return (int8_t)value;
	case ONNX_UINT16:
		return (uint16_t)value;
	case ONNX_INT16:
		return (int16_t)value;
	default:
		return value;
	}
}

static void compare(struct run *run, size_t index)
{
	const struct value *got = run->out[index], *expected = run->expected[index];
	double relative = expected->onnx == ONNX_FLOAT16 ? 1e-3 : 1e-5,
	       absolute = expected->onnx == ONNX_FLOAT16 ? 1e-3 : 1e-6;
	char a[96], b[96];

	if (!got || !clade_type_equal(&got->type, &expected->type)) {
		failed(run, "output %zu is %s; expected %s", index,
		       got ? clade_type_text(&got->type, a, sizeof(a)) : "absent",
		       clade_type_text(&expected->type, b, sizeof(b)));
		return;
	}
	if (wrong && got->type.dtype == CLADE_F32 && value_count(got))
		((float *)got->data)[0] += 0.01f;
	for (int64_t i = 0; i < value_count(got) && !run->status; i++) {
		double x, y;
		bool same;

		if (got->type.dtype == CLADE_F32) {
			x = (double)((const float *)got->data)[i];
			y = (double)((const float *)expected->data)[i];
			same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= relative * fabs(y) + absolute;
		} else if (got->type.dtype == CLADE_I32) {
			x = (double)narrowed(value_i32(got, i), expected->onnx);
			y = (double)value_i32(expected, i);
			same = x == y;
		} else {
			x = ((const uint8_t *)got->data)[i];
			y = ((const uint8_t *)expected->data)[i];
			same = x == y;
		}
		if (!same)
			failed(run, "output %zu[%lld] is %.9g; expected %.9g", index, (long long)i, x, y);
	}
}

static enum run_status run_folder(const char *folder, char *reason, size_t reason_size, uint64_t *applied)
{
	struct run run = { .context = context, .device = device, .queue = queue };
	ModelProto *model = NULL;
	const struct mapping *mapping;
	bool loaded = onnx_load(&run, folder, &model);

	mapping = run.node ? find_mapping(run.node->op_type) : NULL;
	if (run.node && (!mapping || !mapping->map)) { /* says more than a type that could not be read */
		run.status = RUN_OK;
		unmapped(&run, "%s: %s", run.node->op_type, mapping ? mapping->why : "not in the table");
	} else if (loaded) {
		mapping->map(&run);
		for (size_t i = 0; i < run.out_count && !run.status; i++)
			if (run.expected[i])
				compare(&run, i);
	}
	snprintf(reason, reason_size, "%s", run.reason);
	*applied += run.applied;
	if (model)
		model_proto__free_unpacked(model, NULL);
	run_finish(&run);
	return run.status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_folders(const char *root, char **names)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)) && count < MOST_FOLDERS)
		if (strncmp(entry->d_name, "test_", 5) == 0)
			names[count++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof(*names), by_name);
	return count;
}

static int run_all(const char *root, const char *label)
{
	static char *names[MOST_FOLDERS];
	size_t count = list_folders(root, names), tally[3] = { 0 };
	uint64_t applied = 0;

	for (size_t i = 0; i < count; i++) {
		char folder[1024], reason[512];
		enum run_status status;

		snprintf(folder, sizeof(folder), "%s/%s", root, names[i]);
		status = run_folder(folder, reason, sizeof(reason), &applied);
		tally[status]++;
		if (status != RUN_OK)
			printf("%s %s: %s\n", status == RUN_FAILED ? "FAILED" : "unmapped", names[i], reason);
		free(names[i]);
	}
	printf("%s: %zu folders, %zu pass, %zu fail, %zu have no counterpart; %llu executions of ops\n", label, count,
	       tally[RUN_OK], tally[RUN_FAILED], tally[RUN_UNMAPPED], (unsigned long long)applied);
	if (tally[RUN_OK] < MUST_PASS)
		printf("FAILED: at least %d must pass\n", MUST_PASS);
	return tally[RUN_FAILED] || tally[RUN_OK] < MUST_PASS;
}

int main(int argc, char **argv)
{
	const char *shared = getenv("CLADE_SHARED_DATA");
	struct clade_diag diag;
	char root[900];
	int result = 1;

	wrong = argc > 2 && strcmp(argv[argc - 1], "--wrong") == 0;
	argc -= wrong;
	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: test_onnx_node FOLDER [DEVICE LABEL] [--wrong]\n");
		return 2;
	}
	snprintf(root, sizeof(root), "%s/onnx-node", shared ? shared : argv[1]);
	if (access(root, R_OK)) {
		printf("skipped: %s is not there\n", root);
		return 77;
	}
	clade_diag_init(&diag);
	if (clade_context_create(NULL, &context, &diag) || clade_context_add_builtins(context, &diag) ||
	    clade_device_open(context, argc == 4 ? argv[2] : "ref", &device, &diag) ||
	    clade_queue_create(device, false, &queue, &diag))
		fprintf(stderr, "%s\n", diag.text);
	else
		result = run_all(root, argc == 4 ? argv[3] : "ref");
	clade_queue_destroy(&queue);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	return result;
}
