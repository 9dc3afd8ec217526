/* SPDX-License-Identifier: MIT */
/* cache_write and store, the only ops that write states: ports, shape rules, cases. */
#include "cache.h"

static enum clade_status infer_store(struct clade_infer *infer)
{
	const struct clade_type *state = infer->inputs[0], *x = infer->inputs[1];

	bool rounds = state->dtype == CLADE_F16 && x->dtype == CLADE_F32;

	if ((state->dtype != x->dtype && !rounds) || state->rank != x->rank)
		return infer->ops->fail(infer, "x must have the state's type");
	for (uint32_t i = 0; i < x->rank; i++)
		if (state->dims[i] != x->dims[i])
			return infer->ops->fail(infer, "axis %u of x must be the state's %s", i,
						infer->ops->text(infer, state->dims[i]));
	return CLADE_OK;
}

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define F16 CLADE_DTYPE_BIT(CLADE_F16)
#define ANY (F32 | CLADE_DTYPE_BIT(CLADE_I32) | CLADE_DTYPE_BIT(CLADE_BOOL))
#define PORT CLADE_PORT
#define INPUTS(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define CASE(case_name, case_flags, ...) CLADE_CASE(case_name, NULL, case_flags, __VA_ARGS__)

#define RING(case_name, ...)                                                                                           \
	(&(const struct clade_case) { sizeof(struct clade_case), case_name, "ring = true", INPUTS(__VA_ARGS__), 0 })

static const struct clade_port rows_state =
	PORT("state", CLADE_IN | CLADE_STATE | CLADE_KEPT, F32 | F16, "[b, g, c, d]", .help = "a cache of c positions");
static const struct clade_port rows_x = PORT("x", CLADE_IN, F32, "[b, g, t, d]", .help = "new rows");
static const struct clade_port rows_pos = PORT("pos", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[b, t]",
					       .help = "their positions; below 0: skipped", .index_of = "state");
static const struct clade_port rows_out = PORT("cache", CLADE_OUT, 0, NULL, "state", .help = "the state");
static const struct clade_port store_state =
	PORT("state", CLADE_IN | CLADE_STATE | CLADE_KEPT, ANY | F16, "*", .help = "of x's shape");
static const struct clade_port store_x = PORT("x", CLADE_IN, ANY, "*", .help = "of the state's type; of f16's, f32");
static const struct clade_port store_out = PORT("stored", CLADE_OUT, 0, NULL, "state", .help = "the state");

static const struct clade_attr ring = { .size = sizeof(struct clade_attr),
					.name = "ring",
					.type = CLADE_ATTR_BOOL,
					.offset = offsetof(struct cache_params, ring),
					.help = "position p is row p mod c, if c is a multiple of 256" };

static const struct clade_case *const cache_write_cases[] = {
	CASE("decode", 0, "state = f32[2, 3, 40, 16] normal state:64", "x = f32[2, 3, 1, 16]",
	     "pos = i32[2, 1] positions:17"),
	CASE("prompt", 0, "state = f32[1, 2, 40, 65] normal state:40", "x = f32[1, 2, 33, 65]",
	     "pos = i32[1, 33] positions"),
	CASE("long_prompt", 0, "state = f32[1, 1, 600, 130] normal state:600", "x = f32[1, 1, 600, 130]",
	     "pos = i32[1, 600] positions"),
	CASE("gaps", 0, "state = f32[3, 2, 40, 7] normal state:48", "x = f32[3, 2, 11, 7] specials",
	     "pos = i32[3, 11] badids:40"),
	CASE("twice", 0, "state = f32[3, 2, 4, 7] normal state:4", "x = f32[3, 2, 19, 7]", "pos = i32[3, 19] ids:4"),
	CASE("one", 0, "state = f32[1, 1, 1, 1] zeros state:1", "x = f32[1, 1, 1, 1]", "pos = i32[1, 1] zeros"),
	CASE("no_rows", 0, "state = f32[2, 2, 5, 8] normal state:5", "x = f32[2, 2, 0, 8]", "pos = i32[2, 0] ids:5"),
	CASE("no_capacity", 0, "state = f32[1, 2, 0, 8] normal", "x = f32[1, 2, 3, 8]", "pos = i32[1, 3] positions"),
	CASE("strided", 0, "state = f32[2, 3, 40, 16] normal state:256", "x = f32[2, 3, 5, 16] normal strided",
	     "pos = i32[2, 5] positions:30"),
	CASE("past_the_end", 0, "state = f32[1, 2, 8, 16] normal state:9", "x = f32[1, 2, 5, 16]",
	     "pos = i32[1, 5] positions:6"),
	RING("ring", "state = f32[2, 3, 256, 16] normal state:300", "x = f32[2, 3, 9, 16]",
	     "pos = i32[2, 9] positions:1020"),
	RING("ring_twice", "state = f32[2, 1, 512, 20] normal", "x = f32[2, 1, 515, 20]",
	     "pos = i32[2, 515] positions:2000"),
	RING("ring_gaps", "state = f32[3, 2, 256, 7] normal", "x = f32[3, 2, 40, 7] specials",
	     "pos = i32[3, 40] badids:100000"),
	RING("ring_of_few", "state = f32[1, 2, 64, 8] normal", "x = f32[1, 2, 5, 8]", "pos = i32[1, 5] positions:62"),
	RING("ring_of_none", "state = f32[1, 2, 0, 8] normal", "x = f32[1, 2, 3, 8]", "pos = i32[1, 3] positions"),
	CASE("f16_decode", 0, "state = f16[2, 3, 40, 16] normal state:64", "x = f32[2, 3, 1, 16]",
	     "pos = i32[2, 1] positions:17"),
	CASE("f16_prompt", 0, "state = f16[1, 2, 40, 65] normal state:41", "x = f32[1, 2, 33, 65] specials",
	     "pos = i32[1, 33] positions"),
	CASE("f16_huge", 0, "state = f16[2, 1, 9, 40] normal", "x = f32[2, 1, 9, 40] huge",
	     "pos = i32[2, 9] positions"),
	CASE("f16_tiny", 0, "state = f16[2, 1, 9, 40] normal", "x = f32[2, 1, 9, 40] tiny",
	     "pos = i32[2, 9] positions"),
	CASE("f16_strided", 0, "state = f16[2, 3, 40, 16] normal state:256", "x = f32[2, 3, 5, 16] near1 strided",
	     "pos = i32[2, 5] badids:30"),
	RING("f16_ring", "state = f16[2, 3, 256, 7] normal state:300", "x = f32[2, 3, 9, 7]",
	     "pos = i32[2, 9] positions:1020"),
	CASE("other_width", CLADE_CASE_FAILS, "state = f32[1, 2, 8, 16]", "x = f32[1, 2, 5, 15]",
	     "pos = i32[1, 5] positions"),
	CASE("other_heads", CLADE_CASE_FAILS, "state = f32[1, 2, 8, 16]", "x = f32[1, 3, 5, 16]",
	     "pos = i32[1, 5] positions"),
	NULL
};

static const struct clade_case *const store_cases[] = {
	CASE("plain", 0, "state = f32[2, 3, 17, 16]", "x = f32[2, 3, 17, 16] specials"),
	CASE("with_room", 0, "state = f32[2, 3, 17, 16] normal state:32", "x = f32[2, 3, 17, 16]"),
	CASE("strided", 0, "state = f32[2, 5, 7]", "x = f32[2, 5, 7] normal strided"),
	CASE("numbers", 0, "state = i32[7] ids:9", "x = i32[7] ids:9"),
	CASE("bools", 0, "state = bool[3, 33] mask", "x = bool[3, 33] mask"),
	CASE("scalar", 0, "state = f32[]", "x = f32[]"),
	CASE("empty", 0, "state = f32[0, 3]", "x = f32[0, 3]"),
	CASE("f16", 0, "state = f16[2, 3, 17, 16]", "x = f32[2, 3, 17, 16] specials"),
	CASE("f16_with_room", 0, "state = f16[2, 3, 17, 15] normal state:32", "x = f32[2, 3, 17, 15] cancel"),
	CASE("f16_strided", 0, "state = f16[2, 5, 7]", "x = f32[2, 5, 7] normal strided"),
	CASE("f16_scalar", 0, "state = f16[]", "x = f32[]"),
	CASE("other_type", CLADE_CASE_FAILS, "state = f32[3]", "x = i32[3] ids:3"),
	CASE("f16_of_numbers", CLADE_CASE_FAILS, "state = f16[3]", "x = i32[3] ids:3"),
	CASE("other_shape", CLADE_CASE_FAILS, "state = f32[3, 2]", "x = f32[2, 3]"),
	NULL
};

/* Only the rows that are written. */
static void cache_write_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	cost->flops = 0;
	cost->bytes = (4.0 + clade_kit_width(node->inputs[0]->dtype)) * (double)clade_kit_count(node->inputs[1]) +
		      4.0 * (double)clade_kit_count(node->inputs[2]);
}

static void store_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	cost->flops = 0;
	cost->bytes = (double)(clade_kit_width(node->inputs[0]->dtype) + clade_kit_width(node->inputs[1]->dtype)) *
		      (double)clade_kit_count(node->inputs[1]);
}

static const struct clade_op cache_write_op = {
	.size = sizeof(struct clade_op),
	.name = "cache_write",
	.doc = "Row x[b, g, i] goes to state[b, g, pos[b, i]]; where pos is below 0 or not below c, nothing is "
	       "written. Of "
	       "rows with equal positions the last one stays. Into a state of f16 values are rounded to nearest even. "
	       "A "
	       "ring: see the attribute.",
	.params_size = sizeof(struct cache_params),
	.attrs = CLADE_LIST(struct clade_attr, &ring),
	.ports = CLADE_LIST(struct clade_port, &rows_state, &rows_x, &rows_pos, &rows_out),
	.cases = cache_write_cases,
	.family = "cache",
	.rows = "b g t",
	.cost = cache_write_cost,
};

static const struct clade_op store_op = {
	.size = sizeof(struct clade_op),
	.name = "store",
	.doc = "The whole state becomes x; one of f16, x rounded to nearest even.",
	.ports = CLADE_LIST(struct clade_port, &store_state, &store_x, &store_out),
	.infer = infer_store,
	.cases = store_cases,
	.family = "cache",
	.cost = store_cost,
};

clade_plugin_entry_fn clade_family_cache;
enum clade_status clade_family_cache(const struct clade_host *host, struct clade_registry *registry)
{
	const struct clade_impl *const impls[] = { &cache_write_ref, &cache_write_cl, &cache_store_ref,
						   &cache_store_cl };
	enum clade_status status = host->add_op(registry, &cache_write_op);

	if (!status)
		status = host->add_op(registry, &store_op);
	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}
