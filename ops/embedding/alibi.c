/* SPDX-License-Identifier: MIT */
/* alibi: attention with linear biases; the op and its implementations. A head's slope is made on the host. */
#include "../math.h"
#include "embedding_family.h"

enum { MOST_HEADS = 4096 };

struct alibi_params {
	int64_t heads, keys, max_bias;
};

/* Slopes by head as Press et al. publish them and Hugging Face has them in f32: a power of 2^(-max_bias / n) for the
 * first n heads, n the largest power of two up to `heads`; then the odd powers of its root. */
static float alibi_slope(const struct alibi_params *params, int64_t head)
{
	int64_t n = 1, power;
	double base, slope = 1.0;

	while (2 * n <= params->heads)
		n *= 2;
	power = head < n ? head + 1 : 2 * (head - n) + 1;
	base = clade_kit_inverse_frequency((double)((int64_t)1 << params->max_bias), 1, head < n ? n : 2 * n);
	while (power-- > 0)
		slope *= base;
	return (float)slope;
}

static enum clade_status infer_alibi(struct clade_infer *infer)
{
	const struct alibi_params *params = infer->params;
	struct clade_type *y = &infer->outputs[0];

	y->dtype = CLADE_F32;
	y->rank = 4;
	y->dims[0] = 1;
	y->dims[1] = params->heads;
	y->dims[2] = 1;
	y->dims[3] = params->keys;
	return CLADE_OK;
}

#define ATTR CLADE_ATTR
static const struct clade_attr heads = ATTR("heads", CLADE_ATTR_INT, offsetof(struct alibi_params, heads),
					    .required = true, .min = 1, .max = MOST_HEADS, .help = "heads");
static const struct clade_attr keys = ATTR("keys", CLADE_ATTR_DIM, offsetof(struct alibi_params, keys),
					   .required = true, .help = "keys, at positions 0 .. keys - 1");
static const struct clade_attr max_bias =
	ATTR("max_bias", CLADE_ATTR_INT, offsetof(struct alibi_params, max_bias), .def.i = 8, .min = 1, .max = 29,
	     .help = "the last of 2^k heads has the slope 2^-max_bias");
static const struct clade_port y = { .size = sizeof(struct clade_port),
				     .name = "y",
				     .flags = CLADE_OUT,
				     .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
				     .help = "[1, heads, 1, keys]" };

#define CASE(attrs_, flags_)                                                                                           \
	(&(const struct clade_case) { sizeof(struct clade_case), attrs_, attrs_, (const char *const[]) { NULL },       \
				      flags_ })
static const struct clade_case *const alibi_cases[] = { CASE("heads = 1, keys = 1", 0),
							CASE("heads = 8, keys = 7", 0),
							CASE("heads = 16, keys = 130", 0),
							CASE("heads = 5, keys = 67", 0),
							CASE("heads = 71, keys = 257", 0),
							CASE("heads = 112, keys = 2048", CLADE_CASE_BENCH),
							CASE("heads = 12, keys = 1023, max_bias = 1", 0),
							CASE("heads = 3, keys = 64, max_bias = 29", 0),
							CASE("heads = 4096, keys = 3", 0),
							CASE("heads = 3, keys = 0", 0),
							CASE("heads = 1, keys = 200003", CLADE_CASE_LARGE),
							CASE("heads = 0, keys = 3", CLADE_CASE_FAILS),
							CASE("heads = 4097, keys = 3", CLADE_CASE_FAILS),
							CASE("heads = 3, keys = 3, max_bias = 30", CLADE_CASE_FAILS),
							CASE("heads = 3", CLADE_CASE_FAILS),
							NULL };

const struct clade_op alibi_op = {
	.size = sizeof(struct clade_op),
	.name = "alibi",
	.doc = "y[0, h, 0, j] = slope[h] j: the bias of attention with linear biases (Press et al. 2022). It depends "
	       "on "
	       "the "
	       "key alone: softmax takes a row's constant away, so it equals slope[h] (j - i). n heads, n a power of "
	       "two: "
	       "slope[h] = 2^(-max_bias (h + 1) / n); of another number, n is the power of two below, and the heads "
	       "from n on "
	       "have the slopes 0, 2, 4, ... of 2 n heads.",
	.params_size = sizeof(struct alibi_params),
	.attrs = CLADE_LIST(struct clade_attr, &heads, &keys, &max_bias),
	.ports = CLADE_LIST(struct clade_port, &y),
	.infer = infer_alibi,
	.cases = alibi_cases,
	.family = "embedding",
};

static enum clade_status run_ref(const struct clade_run *run)
{
	const struct clade_type *type = &run->outputs[0]->type;
	float *out = run->outputs[0]->data;

	for (int64_t h = 0; h < type->dims[1]; h++) {
		float slope = alibi_slope(run->params, h);

		for (int64_t j = 0; j < type->dims[3]; j++)
			out[h * type->dims[3] + j] = slope * (float)j;
	}
	return CLADE_OK;
}

const struct clade_impl alibi_ref = {
	.size = sizeof(struct clade_impl),
	.op = "alibi",
	.name = "ref",
	.doc = "value by value; the specification",
	.needs = CLADE_NEEDS_HOST,
	.run = run_ref,
};

struct alibi_slots {
	uint32_t kernel, slopes;
};

static enum clade_status prepare_cl(struct clade_prepare *prepare)
{
	const struct alibi_params *params = prepare->node->params;
	struct alibi_slots *slots = prepare->data;
	const struct clade_type type = { .dtype = CLADE_F32, .rank = 1, .dims = { params->heads } };
	float values[MOST_HEADS];
	enum clade_status status = prepare->host->kernel(prepare, "embedding/alibi.cl", "alibi", NULL, &slots->kernel);

	for (int64_t h = 0; h < params->heads; h++)
		values[h] = alibi_slope(params, h);
	if (!status)
		status = prepare->host->constant(prepare, &type, values, &slots->slopes);
	return status;
}

static enum clade_status run_cl(const struct clade_run *run)
{
	const struct alibi_slots *slots = run->data;
	const struct clade_type *type = &run->outputs[0]->type;
	int64_t count = type->dims[3], span = clade_kit_big_items(run->device) ? 1024 : 16; /* keys an item */

	if (count > INT32_MAX)
		return run->host->run_fail(run, CLADE_ERR_UNSUPPORTED, "more than 2^31 - 1 keys");
	if (!count)
		return CLADE_OK;
	const struct clade_arg args[] = { CLADE_TENSOR(run->constants[slots->slopes]), CLADE_TENSOR(run->outputs[0]),
					  CLADE_INT(type->dims[1]), CLADE_INT(count), CLADE_INT(span) };
	return run->host->launch(
		run, slots->kernel, args, sizeof(args) / sizeof(args[0]),
		(const uint64_t[3]) { (uint64_t)((count + span - 1) / span), (uint64_t)type->dims[1], 1 },
		(const uint32_t[3]) { 1, clade_kit_group(run->device), 1 });
}

const struct clade_impl alibi_cl = {
	.size = sizeof(struct clade_impl),
	.op = "alibi",
	.name = "cl",
	.doc = "runs of keys; any device",
	.needs = CLADE_NEEDS_OPENCL,
	.data_size = sizeof(struct alibi_slots),
	.prepare = prepare_cl,
	.run = run_cl,
	.priority = 10,
};
