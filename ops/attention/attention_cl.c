/* SPDX-License-Identifier: MIT */
/* attention on OpenCL devices: `cl` (blocks of keys apart, then folded), `cl.local` (the same, a work-group a block,
 * for GPUs) and `cl.cpu` (an item walks over all keys). */
#include "attention.h"
#include <clade/op_group.h>
#include <clade/stored.h>

#define TILE_ROWS 72            /* of an item of cl.cpu: a multiple of the register tiles' heights */
#define LOCAL_ROWS 8            /* of a work-group of cl.local, unless there is one row in all */
#define SLICE_BYTES (64u << 20) /* of scratch that `cl` wants at most */

/* kernels/include/attention.clh: ATTENTION_ARGS are 9 tensors, 7 dims, 20 strides, 4 more; `cl` adds 2 tensors and 4.
 */
#define ARG_COUNT 46

static const struct clade_tensor *output_weights(const struct clade_run *run)
{
	return run->output_count > 1 ? run->outputs[1] : NULL;
}

static uint32_t run_flags(const struct clade_run *run, const struct attention_shape *shape)
{
	return (shape->causal ? 1u : 0u) | (run->inputs[ATTENTION_MASK] ? 2u : 0u) |
	       (run->inputs[ATTENTION_BIAS] ? 4u : 0u) | (run->inputs[ATTENTION_Q_POS] ? 8u : 0u) |
	       (run->inputs[ATTENTION_KV_LEN] ? 16u : 0u) | (output_weights(run) ? 32u : 0u) | (shape->ring ? 64u : 0u);
}

static uint32_t put_longs(struct clade_arg *args, uint32_t count, const int64_t *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		args[count++] = (struct clade_arg)CLADE_LONG(values[i]);
	return count;
}

static uint32_t put_ints(struct clade_arg *args, uint32_t count, const int64_t *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		args[count++] = (struct clade_arg)CLADE_INT(values[i]);
	return count;
}

static uint32_t put_args(const struct clade_run *run, const struct attention_shape *shape, struct clade_arg *args)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < 7; i++)
		args[count++] = (struct clade_arg)CLADE_TENSOR(run->inputs[i]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->outputs[0]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(output_weights(run));
	count = put_ints(
		args, count,
		(const int64_t[7]) { shape->b, shape->g, shape->h / shape->g, shape->t, shape->s, shape->d, shape->e },
		7);
	count = put_longs(args, count, run->inputs[ATTENTION_Q]->strides, 3);
	count = put_longs(args, count, run->inputs[ATTENTION_K]->strides, 3);
	count = put_longs(args, count, run->inputs[ATTENTION_V]->strides, 3);
	count = put_longs(args, count, shape->mask, 4);
	count = put_longs(args, count, shape->bias, 4);
	count = put_longs(args, count, run->outputs[0]->strides, 3);
	args[count++] = (struct clade_arg)CLADE_FLOAT(shape->scale);
	args[count++] = (struct clade_arg)CLADE_FLOAT(shape->softcap);
	args[count++] = (struct clade_arg)CLADE_INT(shape->window);
	args[count++] = (struct clade_arg)CLADE_UINT(run_flags(run, shape));
	return count;
}

/* Fills `shape`. *out_any: whether there is a row to compute. */
static enum clade_status read_shape(const struct clade_run *run, struct attention_shape *shape, bool *out_any)
{
	if (!attention_shape_init(run, shape) || shape->t * shape->h > INT32_MAX || shape->b * shape->h > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more rows or columns than 31 bits can count");
	*out_any = shape->b > 0 && shape->g > 0 && shape->h > 0 && shape->t > 0;
	return CLADE_OK;
}

static uint32_t lanes(const struct clade_device_info *device)
{
	return device->vector_width ? device->vector_width : 1;
}

/* Private memory limits a group: 16 rows are few enough for software devices, 32 are a warp on GPUs. */
static uint32_t group_rows(const struct clade_device_info *device)
{
	return lanes(device) > 1 ? 1 : device->kind == CLADE_DEVICE_CPU ? 16 : 32;
}

static enum clade_status prepare_scratch(struct clade_prepare *prepare, struct attention_slots *slots, uint64_t width)
{
	const struct clade_node_info *node = prepare->node;
	const int64_t *q = node->inputs[ATTENTION_Q]->dims, *v = node->inputs[ATTENTION_V]->dims;
	const struct clade_host *host = prepare->host;
	uint64_t heads = (uint64_t)(q[0] * v[1]), rows = v[1] ? (uint64_t)(q[2] * (q[1] / v[1])) : 0;
	const struct attention_params *params = node->params;
	uint64_t blocks = ((uint64_t)v[2] + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK + params->ring;
	uint64_t row_bytes = (blocks * ((uint64_t)v[3] + 2) + 2) * sizeof(float) * (heads ? heads : 1);
	uint64_t slice = SLICE_BYTES / row_bytes / width * width;
	enum clade_status status;

	if (slice < width)
		slice = width;
	if (slice > rows)
		slice = rows ? rows : 1;
	slots->slice = (int64_t)slice;
	status = host->scratch(prepare, heads * slice * blocks * (uint64_t)v[3] * sizeof(float), &slots->chains);
	if (!status)
		status = host->scratch(prepare, heads * slice * blocks * 2 * sizeof(float), &slots->ends);
	if (!status)
		status = host->scratch(prepare, heads * slice * 2 * sizeof(float), &slots->totals);
	return status;
}

/* What `cl` and `cl.local` share. */
static enum clade_status prepare_fold(struct clade_prepare *prepare)
{
	static const char source[] = "attention/attention.cl";
	struct attention_slots *slots = prepare->data;
	enum clade_status status = prepare_scratch(prepare, slots, lanes(prepare->node->device));

	if (!status)
		status = prepare->host->kernel(prepare, source, "attention_fold", NULL, &slots->fold);
	if (!status)
		status = prepare->host->kernel(prepare, source, "attention_weigh", NULL, &slots->weigh);
	return status;
}

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	struct attention_slots *slots = prepare->data;
	enum clade_status status =
		prepare->host->kernel(prepare, "attention/attention.cl", "attention_blocks",
				      clade_stored_kept(prepare->node->inputs[ATTENTION_K]->dtype), &slots->blocks);

	return status ? status : prepare_fold(prepare);
}

static enum clade_status launch_fold(const struct clade_run *run, const struct attention_shape *shape, int64_t first,
				     int64_t count, int64_t blocks)
{
	const struct attention_slots *slots = run->data;
	const struct clade_tensor *y = run->outputs[0];
	uint32_t width = lanes(run->device);
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->scratch[slots->chains]),
		CLADE_TENSOR(run->scratch[slots->ends]),
		CLADE_TENSOR(run->scratch[slots->totals]),
		CLADE_TENSOR(y),
		CLADE_INT(shape->b * shape->g),
		CLADE_INT(shape->g),
		CLADE_INT(shape->h / shape->g),
		CLADE_INT(shape->e),
		CLADE_LONG(y->strides[0]),
		CLADE_LONG(y->strides[1]),
		CLADE_LONG(y->strides[2]),
		CLADE_INT(first),
		CLADE_INT(count),
		CLADE_INT(blocks),
	};

	/* One item a row even without columns, for its totals. */
	return run->host->launch(run, slots->fold, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)(shape->e ? (shape->e + width - 1) / width : 1),
						       (uint64_t)count, (uint64_t)(shape->b * shape->g) },
				 (const uint32_t[3]) { group_rows(run->device), 1, 1 });
}

static enum clade_status launch_weigh(const struct clade_run *run, const struct attention_shape *shape, int64_t first,
				      int64_t count, int64_t blocks)
{
	const struct attention_slots *slots = run->data;
	const struct clade_arg args[] = {
		CLADE_TENSOR(run->scratch[slots->totals]),
		CLADE_TENSOR(run->outputs[1]),
		CLADE_INT(shape->b * shape->g),
		CLADE_INT(shape->h / shape->g),
		CLADE_INT(shape->t),
		CLADE_INT(shape->s),
		CLADE_INT(first),
		CLADE_INT(count),
	};

	return run->host->launch(
		run, slots->weigh, args, sizeof(args) / sizeof(args[0]),
		(const uint64_t[3]) { (uint64_t)blocks, (uint64_t)count, (uint64_t)(shape->b * shape->g) },
		(const uint32_t[3]) { 1, group_rows(run->device), 1 });
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct attention_slots *slots = run->data;
	uint32_t width = lanes(run->device), count;
	struct clade_arg args[ARG_COUNT];
	struct attention_shape shape;
	int64_t rows, blocks, chunks;
	bool any = false;
	enum clade_status status = read_shape(run, &shape, &any);

	if (status || !any)
		return status;
	rows = shape.t * (shape.h / shape.g);
	blocks = (shape.s + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK + shape.ring;
	chunks = shape.e ? (shape.e + 255) / 256 : 1; /* ATTENTION_COLUMNS */
	count = put_args(run, &shape, args);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->chains]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->ends]);
	for (int64_t first = 0; first < rows && !status; first += slots->slice) {
		int64_t n = rows - first < slots->slice ? rows - first : slots->slice;

		put_ints(args, count, (const int64_t[4]) { first, n, blocks, chunks }, 4);
		status = run->host->launch(run, slots->blocks, args, count + 4,
					   (const uint64_t[3]) { (uint64_t)((n + width - 1) / width),
								 (uint64_t)(shape.g * blocks * chunks),
								 (uint64_t)shape.b },
					   (const uint32_t[3]) { group_rows(run->device), 1, 1 });
		if (!status)
			status = launch_fold(run, &shape, first, n, blocks);
		if (!status && output_weights(run))
			status = launch_weigh(run, &shape, first, n, blocks);
	}
	return status;
}

static bool accepts_local(const struct clade_node_info *node, char *why, size_t why_size)
{
	/* p, room and the slabs of attention.local.cl with LOCAL_ROWS rows, and a little for a row's numbers */
	const uint64_t bytes = sizeof(float) * (LOCAL_ROWS * (256 + 64 + 8 + 16 + 2) + 16 * 65) + LOCAL_ROWS * 40;

	return attention_accepts(node, why, why_size) &&
	       clade_kit_group_fits(node->device, CLADE_KIT_LANES, bytes, why, why_size);
}

/* What the kernels of cl.local and cl.cpu are told: rows of an item, and how keys and values are kept. */
static const char *defines(const struct clade_prepare *prepare, int rows, char out[48])
{
	const char *kept = clade_stored_kept(prepare->node->inputs[ATTENTION_K]->dtype);

	snprintf(out, 48, "ROWS=%d%s%s", rows, kept ? " " : "", kept ? kept : "");
	return out;
}

static enum clade_status prepare_local(struct clade_prepare *prepare)
{
	static const char source[] = "attention/attention.local.cl";
	struct attention_slots *slots = prepare->data;
	char define[48];
	enum clade_status status;

	status = prepare->host->kernel(prepare, source, "attention__local", defines(prepare, LOCAL_ROWS, define),
				       &slots->rows);
	if (!status)
		status = prepare->host->kernel(prepare, source, "attention__local", defines(prepare, 1, define),
					       &slots->row);
	return status ? status : prepare_fold(prepare);
}

static enum clade_status run_local(const struct clade_run *run)
{
	const struct attention_slots *slots = run->data;
	struct clade_arg args[ARG_COUNT];
	struct attention_shape shape;
	int64_t rows, blocks, high, part;
	uint32_t count;
	bool any = false;
	enum clade_status status = read_shape(run, &shape, &any);

	if (status || !any)
		return status;
	rows = shape.t * (shape.h / shape.g);
	blocks = (shape.s + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK + shape.ring;
	high = rows == 1 ? 1 : LOCAL_ROWS;
	part = clade_kit_launch_parts(run->device, (rows + high - 1) / high,
				      2.0 * (double)(high * ATTENTION_BLOCK * (shape.d + shape.e)) *
					      (double)(shape.g * blocks * shape.b));
	part = part * high < slots->slice ? part * high : slots->slice;
	count = put_args(run, &shape, args);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->chains]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->ends]);
	for (int64_t first = 0; first < rows && !status; first += part) {
		int64_t n = rows - first < part ? rows - first : part;

		put_ints(args, count, (const int64_t[3]) { first, n, blocks }, 3);
		status = run->host->launch(run, high == 1 ? slots->row : slots->rows, args, count + 3,
					   (const uint64_t[3]) { (uint64_t)((n + high - 1) / high) * CLADE_KIT_LANES,
								 (uint64_t)(shape.g * blocks), (uint64_t)shape.b },
					   (const uint32_t[3]) { CLADE_KIT_LANES, 1, 1 });
		if (!status)
			status = launch_fold(run, &shape, first, n, blocks);
		if (!status && output_weights(run))
			status = launch_weigh(run, &shape, first, n, blocks);
	}
	return status;
}

static bool accepts_cpu(const struct clade_node_info *node, char *why, size_t why_size)
{
	static const char reason[] = "it is for processors with vectors; this device computes one float at a time";

	if (lanes(node->device) > 1)
		return attention_accepts(node, why, why_size);
	if (why_size) {
		memcpy(why, reason, why_size < sizeof(reason) ? why_size : sizeof(reason));
		why[why_size - 1] = 0;
	}
	return false;
}

enum { TUNED_SPLIT, TUNED_ROWS, TUNED_SHARED };
static const int32_t split_list[] = { 1, 2, 0 }, rows_list[] = { 12, 24, 36, 48, 64, 0 }, shared_list[] = { 1, 4, 0 };
static const struct clade_tunable tuned_split = {
	.size = sizeof(struct clade_tunable),
	.name = "split",
	.candidates = split_list,
	.help = "few rows: 2: processors share their keys, 1: they do not; else if heads are too few"
};
static const struct clade_tunable tuned_rows = { .size = sizeof(struct clade_tunable),
						 .name = "rows",
						 .candidates = rows_list,
						 .help = "many rows: those of an item" };
static const struct clade_tunable tuned_shared = { .size = sizeof(struct clade_tunable),
						   .name = "shared",
						   .candidates = shared_list,
						   .help = "few rows: those that share the reading of keys" };

/* Rows of a plan so few that their items would leave processors idle share the keys among them. What is decided here
 * holds for all lengths of the cache. */
static bool splits(const struct clade_node_info *node)
{
	const int64_t *q = node->inputs[ATTENTION_Q]->dims, *k = node->inputs[ATTENTION_K]->dims;
	const struct attention_params *params = node->params;
	int64_t rows = k[1] ? q[2] * (q[1] / k[1]) : 0, units = node->device->compute_units, items = q[0] * k[1];
	int32_t wish;

	int64_t blocks = (k[2] + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK, width = node->inputs[ATTENTION_V]->dims[3] + 2;

	if (!rows || rows > TILE_ROWS || k[2] <= ATTENTION_BLOCK || params->ring || node->outputs[1] || !units)
		return false;
	if (rows * items * blocks > (int64_t)(SLICE_BYTES / sizeof(float)) / width)
		return false;
	wish = clade_kit_tuned(node->tuned, TUNED_SPLIT, 0);
	return wish ? wish == 2 : attention_shares(items, units);
}

/* Rows that share an item share the reading of keys; but every processor should have an item. */
static int64_t shared_rows(const struct clade_node_info *node, int64_t rows)
{
	const int64_t *q = node->inputs[ATTENTION_Q]->dims, *k = node->inputs[ATTENTION_K]->dims;
	bool share = rows > 1 && (rows + 3) / 4 * k[1] * q[0] >= node->device->compute_units;

	return rows > 1 ? clade_kit_tuned(node->tuned, TUNED_SHARED, share ? 4 : 1) : 1;
}

/* One kernel, by the most rows that a plan can have: what cannot be launched is not worth its compilation. */
static enum clade_status prepare_cpu(struct clade_prepare *prepare)
{
	const int64_t *q = prepare->node->inputs[ATTENTION_Q]->dims, *k = prepare->node->inputs[ATTENTION_K]->dims;
	struct attention_slots *slots = prepare->data;
	int64_t rows = k[1] ? q[2] * (q[1] / k[1]) : 0;
	char define[48];
	enum clade_status status;

	slots->split = splits(prepare->node);
	if (rows <= ATTENTION_FEW)
		slots->shared = slots->split ? (rows > 1 ? 4 : 1) : shared_rows(prepare->node, rows);
	defines(prepare, slots->shared ? (int)slots->shared : TILE_ROWS, define);
	if (slots->shared)
		status = prepare->host->kernel(prepare, "attention/attention.few.cl",
					       slots->split ? "attention__few_part" : "attention__few", define,
					       &slots->items);
	else
		status = prepare->host->kernel(prepare, "attention/attention.cpu.cl",
					       slots->split ? "attention__tiles_part" : "attention__tiles", define,
					       &slots->items);
	if (!slots->split || status)
		return status;
	status = prepare->host->kernel(prepare, "attention/attention.cl", "attention_fold", NULL, &slots->fold);
	return status ? status : prepare_scratch(prepare, slots, 1);
}

/* Rows an item: as many as share the packing of keys, few enough that every processor has some items. */
static int64_t rows_of_item(const struct attention_shape *shape, int64_t rows, uint32_t units, int64_t wish)
{
	int64_t items = shape->g * shape->b, cuts = (rows + TILE_ROWS - 1) / TILE_ROWS;

	if (wish) /* as even as it goes, and no more than the wish */
		return (rows + (rows + wish - 1) / wish - 1) / ((rows + wish - 1) / wish);

	while (items * cuts < 4 * (int64_t)units && rows / (cuts + 1) >= 12)
		cuts++;
	return (rows + cuts - 1) / cuts;
}

/* All rows of a key head in one item a block of keys. */
static enum clade_status run_split(const struct clade_run *run, const struct attention_shape *shape,
				   struct clade_arg *args, uint32_t count)
{
	const struct attention_slots *slots = run->data;
	int64_t rows = shape->t * (shape->h / shape->g), blocks = (shape->s + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
	enum clade_status status;

	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->chains]);
	args[count++] = (struct clade_arg)CLADE_TENSOR(run->scratch[slots->ends]);
	args[count++] = (struct clade_arg)CLADE_INT(rows);
	args[count++] = (struct clade_arg)CLADE_INT(blocks);
	status = run->host->launch(run, slots->items, args, count,
				   (const uint64_t[3]) { (uint64_t)blocks, (uint64_t)shape->g, (uint64_t)shape->b },
				   NULL);
	return status ? status : launch_fold(run, shape, 0, rows, blocks);
}

static enum clade_status run_cpu(const struct clade_run *run)
{
	const struct attention_slots *slots = run->data;
	struct clade_arg args[ARG_COUNT];
	struct attention_shape shape;
	int64_t rows, shared;
	uint32_t count;
	bool any = false;
	enum clade_status status = read_shape(run, &shape, &any);

	if (status || !any)
		return status;
	rows = shape.t * (shape.h / shape.g);
	count = put_args(run, &shape, args);
	if (slots->split)
		return run_split(run, &shape, args, count);
	shared = slots->shared ? slots->shared
			       : rows_of_item(&shape, rows, run->device->compute_units,
					      clade_kit_tuned(run->tuned, TUNED_ROWS, 0));
	args[count++] = (struct clade_arg)CLADE_INT(shared);
	return run->host->launch(
		run, slots->items, args, count,
		(const uint64_t[3]) { (uint64_t)((rows + shared - 1) / shared), (uint64_t)shape.g, (uint64_t)shape.b },
		NULL);
}

const struct clade_impl attention_cl = {
	.size = sizeof(struct clade_impl),
	.op = "attention",
	.name = "cl",
	.doc = "blocks of keys apart, then folded in order; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1u << ATTENTION_Q | 1u << ATTENTION_K | 1u << ATTENTION_V,
	.strided_outputs = 1,
	.accepts = attention_accepts,
	.data_size = sizeof(struct attention_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
	.priority = 10,
};

const struct clade_impl attention_cl_cpu = {
	.size = sizeof(struct clade_impl),
	.op = "attention",
	.name = "cl.cpu",
	.doc = "register tiles of many rows by keys and by columns, or few rows; an item walks over all keys",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1u << ATTENTION_Q | 1u << ATTENTION_K | 1u << ATTENTION_V,
	.strided_outputs = 1,
	.accepts = accepts_cpu,
	.data_size = sizeof(struct attention_slots),
	.prepare = prepare_cpu,
	.run = run_cpu,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
	.priority = 20,
	.tunables = CLADE_LIST(struct clade_tunable, &tuned_split, &tuned_rows, &tuned_shared),
};

const struct clade_impl attention_cl_local = {
	.size = sizeof(struct clade_impl),
	.op = "attention",
	.name = "cl.local",
	.doc = "a work-group takes 8 rows through a block of keys in local memory, then the blocks are folded; for "
	       "GPUs",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1u << ATTENTION_Q | 1u << ATTENTION_K | 1u << ATTENTION_V,
	.strided_outputs = 1,
	.accepts = accepts_local,
	.data_size = sizeof(struct attention_slots),
	.prepare = prepare_local,
	.run = run_local,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
	.priority = 30,
	.kinds = CLADE_KIT_GPU,
};
