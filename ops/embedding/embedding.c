/* SPDX-License-Identifier: MIT */
/* embedding: ports, cases; and the family's registration. */
#include "embedding_family.h"
#include <clade/stored.h>

#define PORT CLADE_PORT
#define CASE(case_name, case_flags, ...) CLADE_CASE(case_name, NULL, case_flags, __VA_ARGS__)

static const struct clade_port ids = PORT("ids", CLADE_IN, CLADE_DTYPE_BIT(CLADE_I32), "[...]",
					  .help = "row numbers, usually tokens", .index_of = "table");
static const struct clade_port table =
	PORT("table", CLADE_IN | CLADE_STORED, CLADE_DTYPE_BIT(CLADE_F32) | CLADE_STORED_DTYPES, "[v, d]",
	     .help = "one row an id; also in the packed layout of linear's weights");
static const struct clade_port y = PORT("y", CLADE_OUT, CLADE_DTYPE_BIT(CLADE_F32), "[..., d]", .help = "the rows");

static const struct clade_case *const embedding_cases[] = {
	CASE("tokens", 0, "ids = i32[2, 17] ids:101", "table = f32[101, 64] specials"),
	CASE("one", 0, "ids = i32[1] ids:1", "table = f32[1, 1]"),
	CASE("scalar", 0, "ids = i32[] ids:7", "table = f32[7, 33]"),
	CASE("outside", 0, "ids = i32[3, 11] badids:7", "table = f32[7, 19]"),
	CASE("no_ids", 0, "ids = i32[2, 0] ids:7", "table = f32[7, 19]"),
	CASE("no_columns", 0, "ids = i32[3] ids:7", "table = f32[7, 0]"),
	CASE("no_rows", 0, "ids = i32[3] badids:1", "table = f32[0, 5]"),
	CASE("weight", 0, "ids = i32[2, 17] badids:101", "table = f32[101, 37] normal weight"),
	CASE("weight_wide", CLADE_CASE_BENCH, "ids = i32[64] ids:1000", "table = f32[1000, 768] normal weight"),
	CASE("f16", 0, "ids = i32[2, 17] badids:101", "table = f16[101, 37] specials weight"),
	CASE("bf16", 0, "ids = i32[2, 17] badids:101", "table = bf16[101, 37] specials weight"),
	CASE("q8_0", 0, "ids = i32[2, 17] badids:101", "table = q8_0[101, 96] normal weight"),
	CASE("q4_0", 0, "ids = i32[2, 17] badids:101", "table = q4_0[101, 96] normal weight"),
	CASE("q8_0_rows", 0, "ids = i32[2, 17] badids:101", "table = q8_0[101, 64] specials"),
	CASE("q4_0_rows", 0, "ids = i32[2, 17] badids:101", "table = q4_0[101, 64] specials"),
	CASE("f16_rows", 0, "ids = i32[17] badids:101", "table = f16[101, 33] specials"),
	CASE("bf16_rows", 0, "ids = i32[17] badids:101", "table = bf16[101, 33] specials"),
	CASE("many_rows", CLADE_CASE_LARGE, "ids = i32[70001] ids:101", "table = f32[101, 3]"),
	CASE("rank", CLADE_CASE_FAILS, "ids = i32[3] ids:7", "table = f32[7]"),
	NULL
};

/* Of the table only the rows that are taken. */
static void embedding_cost(const struct clade_node_info *node, struct clade_cost *cost)
{
	cost->flops = 0;
	cost->bytes = 4.0 * (double)clade_kit_count(node->inputs[0]) + 8.0 * (double)clade_kit_count(node->outputs[0]);
}

const struct clade_op embedding_op = {
	.size = sizeof(struct clade_op),
	.name = "embedding",
	.doc = "y[i..., :] = table[ids[i...], :]. An id outside 0 .. v - 1 gives a row of NaN. A table that its file "
	       "stores as f16, "
	       "bf16, q8_0 or q4_0 stays so; an element in blocks is scale * quant, rounded.",
	.ports = CLADE_LIST(struct clade_port, &ids, &table, &y),
	.cases = embedding_cases,
	.family = "embedding",
	.rows = "...",
	.cost = embedding_cost,
};

clade_plugin_entry_fn clade_family_embedding;
enum clade_status clade_family_embedding(const struct clade_host *host, struct clade_registry *registry)
{
	const struct clade_op *const ops[] = { &embedding_op, &positional_op, &relative_op, &alibi_op };
	const struct clade_impl *const impls[] = { &embedding_ref, &embedding_cl, &positional_ref, &positional_cl,
						   &relative_ref,  &relative_cl,  &alibi_ref,      &alibi_cl };
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]) && !status; i++)
		status = host->add_op(registry, ops[i]);
	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}
