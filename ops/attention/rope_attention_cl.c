/* SPDX-License-Identifier: MIT */
/* The block rope_attention on processors. One token: one launch, an item a key head. More rows, or heads so few that
 * processors share their keys: turning and writing in one launch, then what attention.cl.cpu does. */
#include "attention.h"
#include <clade/stored.h>

struct block_slots {
	uint32_t kernel, frequencies, turned;
	int64_t pairs;
	bool whole; /* in one launch */
	struct attention_slots attention;
};

/* The block's attention as a node of its own. */
struct inner_node {
	struct attention_params params;
	struct clade_node_info info;
	const struct clade_type *inputs[ATTENTION_KV_LEN + 1], *outputs[1];
	enum clade_source_kind sources[ATTENTION_KV_LEN + 1];
};

static struct attention_params causal(const struct rope_attention_params *params)
{
	struct attention_params out = params->attention;

	out.causal = true;
	return out;
}

static void make_inner(const struct clade_node_info *node, struct inner_node *inner)
{
	*inner = (struct inner_node) { .params = causal(node->params),
				       .info = *node,
				       .inputs = { node->inputs[ROTARY_Q], node->inputs[ROTARY_KEYS],
						   node->inputs[ROTARY_VALUES], NULL, NULL, node->inputs[ROTARY_POS] },
				       .outputs = { node->outputs[ROTARY_Y] },
				       .sources = { CLADE_FROM_VALUE, CLADE_FROM_STATE, CLADE_FROM_STATE } };
	inner->info.params = &inner->params;
	inner->info.input_count = ATTENTION_KV_LEN + 1;
	inner->info.output_count = 1;
	inner->info.inputs = inner->inputs;
	inner->info.outputs = inner->outputs;
	inner->info.sources = inner->sources;
}

static bool accepts_cpu(const struct clade_node_info *node, char *why, size_t why_size)
{
	const struct rope_attention_params *params = node->params;
	struct inner_node inner;

	make_inner(node, &inner);
	if (!attention_cl_cpu.accepts(&inner.info, why, why_size))
		return false;
	if (rope_width(&params->rope, node->inputs[ROTARY_Q]->dims[3]) <= 2 * ROPE_MOST_PAIRS)
		return true;
	snprintf(why, why_size, "more than %d columns turn", 2 * ROPE_MOST_PAIRS);
	return false;
}

/* Whether an item can take a key head through all of the block. */
static bool fits_item(const struct clade_node_info *node)
{
	const struct rope_attention_params *params = node->params;
	const int64_t *q = node->inputs[ROTARY_Q]->dims, *keys = node->inputs[ROTARY_KEYS]->dims;
	bool alone = keys[2] <= ATTENTION_BLOCK || params->attention.ring;

	return q[2] == 1 && q[1] <= keys[1] * ATTENTION_FEW &&
	       (alone || !attention_shares(q[0] * keys[1], node->device->compute_units));
}

static enum clade_status prepare_cpu(struct clade_prepare *prepare)
{
	const struct clade_node_info *node = prepare->node;
	const struct rope_attention_params *params = node->params;
	const int64_t *q = node->inputs[ROTARY_Q]->dims, *keys = node->inputs[ROTARY_KEYS]->dims;
	const char *kept = clade_stored_kept(node->inputs[ROTARY_KEYS]->dtype);
	struct block_slots *slots = prepare->data;
	struct clade_prepare attention = *prepare;
	enum clade_status status;
	struct inner_node inner;
	char defines[48];
	size_t bytes;

	slots->pairs = rope_width(&params->rope, q[3]) / 2;
	slots->whole = fits_item(node);
	snprintf(defines, sizeof(defines), "ROWS=%d%s%s", q[1] > keys[1] ? ATTENTION_FEW : 1, kept ? " " : "",
		 kept ? kept : "");
	if (!clade_size_mul((size_t)(q[0] * q[2]), (size_t)(q[1] + (slots->whole ? keys[1] : 0)), &bytes) ||
	    !clade_size_mul(bytes, (size_t)q[3] * sizeof(float), &bytes))
		return prepare->host->prepare_fail(prepare, CLADE_ERR_UNSUPPORTED,
						   "the turned heads are larger than memory can be");
	if (slots->whole)
		status = prepare->host->kernel(prepare, "attention/rope_attention.cl", "rope_attention", defines,
					       &slots->kernel);
	else
		status = prepare->host->kernel(prepare, "attention/rope_write.cl", "rope_write", kept, &slots->kernel);
	if (!status)
		status = rope_prepare_frequencies(prepare, &params->rope, slots->pairs, &slots->frequencies);
	if (!status)
		status = prepare->host->scratch(prepare, bytes, &slots->turned);
	if (status || slots->whole)
		return status;
	make_inner(node, &inner);
	attention.node = &inner.info;
	attention.data = &slots->attention;
	return attention_cl_cpu.prepare(&attention);
}

/* CAUSAL, Q_POS and RING of kernels/include/attention.clh */
static uint32_t block_flags(const struct rope_attention_params *params, int64_t rows)
{
	return 1u | 8u | (params->attention.ring && rows > 0 && rows % ATTENTION_BLOCK == 0 ? 64u : 0u);
}

static enum clade_status run_whole(const struct clade_run *run)
{
	const struct rope_attention_params *params = run->params;
	const struct block_slots *slots = run->data;
	const struct clade_tensor *const *in = run->inputs, *y = run->outputs[ROTARY_Y];
	const struct clade_tensor *q = in[ROTARY_Q], *keys = in[ROTARY_KEYS], *values = in[ROTARY_VALUES];
	const int64_t *heads = q->type.dims, *rows = keys->type.dims;
	const struct clade_arg args[] = {
		CLADE_TENSOR(q),
		CLADE_TENSOR(in[ROTARY_K]),
		CLADE_TENSOR(in[ROTARY_V]),
		CLADE_TENSOR(in[ROTARY_POS]),
		CLADE_TENSOR(keys),
		CLADE_TENSOR(values),
		CLADE_TENSOR(run->constants[slots->frequencies]),
		CLADE_TENSOR(in[ROTARY_FACTORS] ? in[ROTARY_FACTORS] : run->constants[slots->frequencies]),
		CLADE_TENSOR(run->scratch[slots->turned]),
		CLADE_TENSOR(y),
		CLADE_INT(heads[0]),
		CLADE_INT(rows[1]),
		CLADE_INT(rows[1] ? heads[1] / rows[1] : 0),
		CLADE_INT(rows[2]),
		CLADE_INT(heads[3]),
		CLADE_INT(values->type.dims[3]),
		CLADE_INT(slots->pairs),
		CLADE_INT(in[ROTARY_FACTORS] != NULL),
		CLADE_INT(params->attention.window),
		CLADE_UINT(block_flags(params, rows[2])),
		CLADE_LONG(q->strides[0]),
		CLADE_LONG(q->strides[1]),
		CLADE_LONG(in[ROTARY_K]->strides[0]),
		CLADE_LONG(in[ROTARY_K]->strides[1]),
		CLADE_LONG(in[ROTARY_V]->strides[0]),
		CLADE_LONG(in[ROTARY_V]->strides[1]),
		CLADE_LONG(keys->strides[0]),
		CLADE_LONG(keys->strides[1]),
		CLADE_LONG(keys->strides[2]),
		CLADE_LONG(values->strides[0]),
		CLADE_LONG(values->strides[1]),
		CLADE_LONG(values->strides[2]),
		CLADE_LONG(y->strides[0]),
		CLADE_LONG(y->strides[1]),
		CLADE_FLOAT(params->attention.scale),
		CLADE_FLOAT(params->attention.softcap),
	};
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)rows[1], (uint64_t)heads[0], 1 }, NULL);
}

/* Queries into `turned`, keys and values into the caches. */
static enum clade_status run_write(const struct clade_run *run, const struct clade_tensor *turned)
{
	const struct rope_attention_params *params = run->params;
	const struct block_slots *slots = run->data;
	const struct clade_tensor *const *in = run->inputs;
	const struct clade_tensor *moved[] = { in[ROTARY_Q], in[ROTARY_K], in[ROTARY_V], in[ROTARY_KEYS],
					       in[ROTARY_VALUES] };
	const int64_t *heads = in[ROTARY_Q]->type.dims, *rows = in[ROTARY_KEYS]->type.dims;
	struct clade_arg args[19 + 15] = {
		CLADE_TENSOR(in[ROTARY_Q]),
		CLADE_TENSOR(in[ROTARY_K]),
		CLADE_TENSOR(in[ROTARY_V]),
		CLADE_TENSOR(in[ROTARY_POS]),
		CLADE_TENSOR(in[ROTARY_KEYS]),
		CLADE_TENSOR(in[ROTARY_VALUES]),
		CLADE_TENSOR(run->constants[slots->frequencies]),
		CLADE_TENSOR(in[ROTARY_FACTORS] ? in[ROTARY_FACTORS] : run->constants[slots->frequencies]),
		CLADE_TENSOR(turned),
		CLADE_INT(heads[0]),
		CLADE_INT(heads[1]),
		CLADE_INT(rows[1]),
		CLADE_INT(heads[2]),
		CLADE_INT(rows[2]),
		CLADE_INT(heads[3]),
		CLADE_INT(in[ROTARY_VALUES]->type.dims[3]),
		CLADE_INT(slots->pairs),
		CLADE_INT(in[ROTARY_FACTORS] != NULL),
		CLADE_INT((block_flags(params, rows[2]) & 64u) != 0),
	};
	for (int i = 0; i < 15; i++)
		args[19 + i] = (struct clade_arg)CLADE_LONG(moved[i / 3]->strides[i % 3]);
	return run->host->launch(run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
				 (const uint64_t[3]) { (uint64_t)heads[2], (uint64_t)heads[0], 1 }, NULL);
}

static enum clade_status run_cpu(const struct clade_run *run)
{
	const struct attention_params params = causal(run->params);
	const struct block_slots *slots = run->data;
	const struct clade_tensor *const *in = run->inputs;
	struct clade_tensor turned = *run->scratch[slots->turned];
	struct clade_run attention = *run;
	const struct clade_tensor *inputs[ATTENTION_KV_LEN + 1] = { &turned, in[ROTARY_KEYS], in[ROTARY_VALUES], NULL,
								    NULL,    in[ROTARY_POS] };
	const struct clade_tensor *outputs[] = { run->outputs[ROTARY_Y] };
	enum clade_status status;

	for (int i = 0; i < 4; i++)
		if (in[ROTARY_Q]->type.dims[i] > INT32_MAX || in[ROTARY_KEYS]->type.dims[i] > INT32_MAX)
			return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "an axis is longer than 2^31 - 1");
	if (slots->whole)
		return run_whole(run);
	turned.type = in[ROTARY_Q]->type;
	for (int64_t i = 3, step = 1; i >= 0; step *= turned.type.dims[i--])
		turned.strides[i] = step;
	status = run_write(run, &turned);
	attention.params = &params;
	attention.data = &slots->attention;
	attention.input_count = ATTENTION_KV_LEN + 1;
	attention.output_count = 1;
	attention.inputs = inputs;
	attention.outputs = outputs;
	return status ? status : attention_cl_cpu.run(&attention);
}

const struct clade_impl rope_attention_cl_cpu = {
	.size = sizeof(struct clade_impl),
	.op = "rope_attention",
	.name = "cl.cpu",
	.doc = "one token: an item a key head turns, writes the caches and attends, in one launch; more rows: turning "
	       "and writing in one, then attention.cl.cpu",
	.needs = CLADE_NEEDS_OPENCL,
	.strided_inputs = 1u << ROTARY_Q | 1u << ROTARY_K | 1u << ROTARY_V,
	.strided_outputs = 1u << ROTARY_Y,
	.accepts = accepts_cpu,
	.data_size = sizeof(struct block_slots),
	.prepare = prepare_cpu,
	.run = run_cpu,
	.weight_dtypes = CLADE_DTYPE_BIT(CLADE_F16),
	.priority = 20,
};
