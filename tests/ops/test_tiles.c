/* SPDX-License-Identifier: MIT */
/* linear's register tile in every size that some device may get, on whatever device is here: the kernel of
 * linear.cl.cpu built for other vector widths and tiles, all cases of `linear`, bit for bit against `ref`.
 *	test_tiles [--device SELECTOR] [--label TEXT] */
#include <clade/tile_kit.h>
#include <harness.h>

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct harness harness = { .label = "cl" };

static bool accepts_weight(const struct clade_node_info *node, char *why, size_t why_size)
{
	if (node->sources[1] == CLADE_FROM_WEIGHT)
		return true;
	snprintf(why, why_size, "w is not a weight");
	return false;
}

static enum clade_status prepare_tile(struct clade_prepare *prepare, const char *defines, uint32_t width)
{
	struct clade_layout panel = { CLADE_LAYOUT_PANEL, (uint16_t)width };
	const char *weight = clade_stored_define(prepare->node->inputs[1]->dtype);
	enum clade_status status = prepare->host->layout(prepare, 1, panel);
	char all[64];
	uint32_t slot;

	snprintf(all, sizeof(all), "%s %s", defines, weight ? weight : "");
	return status ? status : prepare->host->kernel(prepare, "linear/product.cpu.cl", "product__cpu", all, &slot);
}

static enum clade_status run_tile(const struct clade_run *run, uint32_t high, uint32_t vector, uint32_t vectors)
{
	const struct clade_type *x = &run->inputs[0]->type, *w = &run->inputs[1]->type;
	uint64_t rows = 1, n = (uint64_t)w->dims[0];

	for (uint32_t i = 0; i + 1 < x->rank; i++)
		rows *= (uint64_t)x->dims[i];
	struct clade_device_info device = *run->device;
	device.vector_width = vector;
	device.tile_vectors = vectors;
	device.compute_units = 0; /* so that items take as much as they may */
	struct clade_tile_share share = clade_tile_share(&device, high, w, rows, n);
	uint64_t deep = high * share.tiles, wide = share.wide * share.panels;
	const struct clade_tensor *none = NULL;
	const struct clade_arg args[] = { CLADE_TENSOR(run->inputs[0]),
					  CLADE_TENSOR(run->inputs[1]),
					  CLADE_TENSOR(run->inputs[2]),
					  CLADE_TENSOR(run->outputs[0]),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_TENSOR(none),
					  CLADE_UINT(rows),
					  CLADE_UINT(n),
					  CLADE_UINT(0),
					  CLADE_UINT(0),
					  CLADE_UINT(w->dims[1]),
					  CLADE_UINT(run->inputs[2] != NULL),
					  CLADE_UINT(0),
					  CLADE_UINT(share.tiles),
					  CLADE_UINT(share.panels) };

	return run->host->launch(run, 0, args, sizeof(args) / sizeof(*args),
				 (const uint64_t[3]) { (rows + deep - 1) / deep, (n + wide - 1) / wide, 1 }, NULL);
}

#define TILE(vw, mr, nv, dtypes)                                                                                       \
	static enum clade_status prepare_##vw##_##mr##_##nv(struct clade_prepare *prepare)                             \
	{                                                                                                              \
		return prepare_tile(prepare, "VW=" #vw " MR=" #mr " NV=" #nv, (vw) * (nv));                            \
	}                                                                                                              \
	static enum clade_status run_##vw##_##mr##_##nv(const struct clade_run *run)                                   \
	{                                                                                                              \
		return run_tile(run, mr, vw, nv);                                                                      \
	}                                                                                                              \
	static const struct clade_impl impl_##vw##_##mr##_##nv = { .size = sizeof(struct clade_impl),                  \
								   .op = "linear",                                     \
								   .name = "test." #vw "x" #mr "x" #nv,                \
								   .doc = "VW x MR x NV",                              \
								   .needs = CLADE_NEEDS_OPENCL,                        \
								   .accepts = accepts_weight,                          \
								   .prepare = prepare_##vw##_##mr##_##nv,              \
								   .run = run_##vw##_##mr##_##nv,                      \
								   .weight_dtypes = dtypes };
TILE(16, 12, 2, CLADE_STORED_DTYPES)
TILE(8, 4, 2, 0)
TILE(8, 6, 2, CLADE_STORED_DTYPES)
TILE(4, 6, 4, 0)
TILE(4, 4, 2, 0)
TILE(1, 4, 4, 0)

static const struct clade_impl *const impls[] = { &impl_16_12_2, &impl_8_4_2, &impl_8_6_2,
						  &impl_4_6_4,   &impl_4_4_2, &impl_1_4_4 };

static enum clade_status entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

static void test_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]); i++) {
		struct harness_counts counts = { 0 };

		harness_check_impl(&harness, clade_op_find(harness.context, "linear"), impls[i], &counts);
		printf("linear.%s %s: %llu executed, %llu refused (w is not a weight), %llu skipped (large), %llu "
		       "failed\n",
		       impls[i]->name, harness.label, (unsigned long long)counts.executed,
		       (unsigned long long)counts.refused, (unsigned long long)counts.skipped,
		       (unsigned long long)counts.failed);
		assert_int_equal(counts.failed, 0);
		assert_true(counts.executed > 0);
	}
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return harness_main(&harness, argc, argv, entry, run_all);
}
