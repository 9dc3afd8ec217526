/* SPDX-License-Identifier: MIT */
/* ONNX node tests on clade's ops: a folder's node, its inputs and expected outputs, and what mappers compute with. */
#ifndef CLADE_TESTS_ONNX_H
#define CLADE_TESTS_ONNX_H

#include "onnx_subset.pb-c.h"
#include <single.h>

enum { ONNX_VALUES = 512, ONNX_PORTS = 8 };

/* ONNX's numbers of element types. */
enum onnx_type {
	ONNX_FLOAT = 1,
	ONNX_UINT8 = 2,
	ONNX_INT8 = 3,
	ONNX_UINT16 = 4,
	ONNX_INT16 = 5,
	ONNX_INT32 = 6,
	ONNX_INT64 = 7,
	ONNX_STRING = 8,
	ONNX_BOOL = 9,
	ONNX_FLOAT16 = 10,
	ONNX_DOUBLE = 11,
	ONNX_UINT32 = 12,
	ONNX_UINT64 = 13,
	ONNX_BFLOAT16 = 16
};

/* An array in one of our element types (f32, i32, bool), and the type that the ONNX file gave it. */
struct value {
	struct clade_type type;
	void *data;
	int onnx;
};

enum run_status { RUN_OK, RUN_UNMAPPED, RUN_FAILED };

/* One folder on one device. Values live until run_finish. */
struct run {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	const NodeProto *node;
	const struct value *in[ONNX_PORTS];       /* NULL: absent */
	const struct value *expected[ONNX_PORTS]; /* NULL: not asked for */
	const struct value *out[ONNX_PORTS];      /* what the mapper made */
	size_t in_count, out_count;
	struct value *values[ONNX_VALUES];
	size_t value_count;
	const struct value *last[CLADE_MAX_PORTS]; /* all outputs of the last apply */
	enum run_status status;
	char reason[512];
	uint64_t applied; /* ops that ran */
};

/* ---- loading (load.c) ---- */

/* Reads a folder of the suite. False: run->status and run->reason say why. `out_model` is freed by the caller. */
bool onnx_load(struct run *run, const char *folder, ModelProto **out_model);
void run_finish(struct run *run);

/* ---- for mappers (apply.c) ---- */

/* A fresh zeroed value; NULL when the run has ended. */
struct value *value_new(struct run *run, enum clade_dtype dtype, uint32_t rank, const int64_t *dims);
const struct value *value_float(struct run *run, float number); /* rank 0 */
const struct value *value_int(struct run *run, int32_t number); /* rank 0 */
int64_t value_count(const struct value *value);
int32_t value_i32(const struct value *value, int64_t index);

/* Runs one of our ops on values in port order (NULL: absent) and returns its first output; NULL once the run has ended.
 * `attrs` is a printf format. */
const struct value *apply(struct run *run, const char *op, size_t count, const struct value *const *inputs,
			  const char *attrs, ...) CLADE_PRINTF(5, 6);
#define INPUTS(...)                                                                                                    \
	(sizeof((const struct value *[]) { __VA_ARGS__ }) / sizeof(struct value *)), (const struct value *[])          \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}
const struct value *apply1(struct run *run, const char *op, const struct value *a);
const struct value *apply2(struct run *run, const char *op, const struct value *a, const struct value *b);
const struct value *cast_to(struct run *run, const struct value *value, enum clade_dtype dtype);
const struct value *reshape_to(struct run *run, const struct value *value, uint32_t rank, const int64_t *dims);
/* Exchanges two axes (transpose). */
const struct value *swap_axes(struct run *run, const struct value *value, int64_t a, int64_t b);
/* Elements start, start + step, ... below end of an axis. */
const struct value *slice_of(struct run *run, const struct value *value, int64_t axis, int64_t start, int64_t end,
			     int64_t step);
int64_t axis_of(const struct value *value, int64_t axis); /* a negative axis counts from the end */

/* Ends the run: no op of ours computes this. Returns NULL. */
const struct value *unmapped(struct run *run, const char *format, ...) CLADE_PRINTF(2, 3);
/* Ends the run: something that should have worked did not. */
const struct value *failed(struct run *run, const char *format, ...) CLADE_PRINTF(2, 3);

int64_t attr_int(const struct run *run, const char *name, int64_t otherwise);
float attr_float(const struct run *run, const char *name, float otherwise);
const char *attr_text(const struct run *run, const char *name, char *out, size_t size); /* "" if absent */

/* ---- the table ---- */

typedef void map_fn(struct run *run);
struct mapping {
	const char *op_type;
	map_fn *map;     /* fills run->out */
	const char *why; /* instead of map: why no op of ours does this */
};
extern const struct mapping onnx_elementwise[], onnx_shapes[], onnx_rows[], onnx_attention[]; /* op_type NULL ends */

#endif
