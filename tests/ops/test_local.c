/* SPDX-License-Identifier: MIT */
/* cl.local of linear and matmul as other devices would have it, on whatever device is here: with large tiles and
 *launches cut into parts, and with groups of at most 64 items; all cases of the op, bit for bit against `ref`.
 *	test_local [--device SELECTOR] [--label TEXT] */
#include <clade/stored.h>
#include <harness.h>

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct harness harness = { .label = "cl" };

/* Few compute units: large tiles pay early. 100,000 operations a launch: one tile of k up to 12, else one at a time. */
static void be_slow(struct clade_device_info *device)
{
	device->compute_units = 0;
	device->launch_flops = 100000;
}

static void be_small(struct clade_device_info *device)
{
	device->max_work_group = 64;
}

#define SUB_GROUP(size_)                                                                                               \
	static void be_##size_(struct clade_device_info *device)                                                       \
	{                                                                                                              \
		device->sub_group_sizes[0] = size_;                                                                    \
		device->sub_group_sizes[1] = 0;                                                                        \
	}
SUB_GROUP(16)
SUB_GROUP(8)
SUB_GROUP(4)

static const struct clade_impl *real(const char *op)
{
	const struct clade_impl *local = clade_impl_find(harness.context, op, "cl.local");

	return local ? local : clade_impl_find(harness.context, op, "cl.subgroup");
}

/* cl.local, or cl.subgroup, of `op` on a device that `change` has changed. */
#define CHANGED(op_, change_)                                                                                          \
	static bool accepts_##op_##_##change_(const struct clade_node_info *node, char *why, size_t why_size)          \
	{                                                                                                              \
		struct clade_device_info device = *node->device;                                                       \
		struct clade_node_info changed = *node;                                                                \
                                                                                                                       \
		change_(&device);                                                                                      \
		changed.device = &device;                                                                              \
		return clade_impl_accepts(real(#op_), &changed, why, why_size);                                        \
	}                                                                                                              \
	static enum clade_status prepare_##op_##_##change_(struct clade_prepare *prepare)                              \
	{                                                                                                              \
		struct clade_device_info device = *prepare->node->device;                                              \
		struct clade_node_info node = *prepare->node;                                                          \
		struct clade_prepare changed = *prepare;                                                               \
                                                                                                                       \
		change_(&device);                                                                                      \
		node.device = &device;                                                                                 \
		changed.node = &node;                                                                                  \
		return real(#op_)->prepare(&changed);                                                                  \
	}                                                                                                              \
	static enum clade_status run_##op_##_##change_(const struct clade_run *run)                                    \
	{                                                                                                              \
		struct clade_device_info device = *run->device;                                                        \
		struct clade_run changed = *run;                                                                       \
                                                                                                                       \
		change_(&device);                                                                                      \
		changed.device = &device;                                                                              \
		return real(#op_)->run(&changed);                                                                      \
	}                                                                                                              \
	static const struct clade_impl op_##_##change_ = { .size = sizeof(struct clade_impl),                          \
							   .op = #op_,                                                 \
							   .name = "test." #change_,                                   \
							   .doc = "as on a changed device",                            \
							   .needs = CLADE_NEEDS_OPENCL,                                \
							   .accepts = accepts_##op_##_##change_,                       \
							   .data_size = 64,                                            \
							   .prepare = prepare_##op_##_##change_,                       \
							   .run = run_##op_##_##change_,                               \
							   .weight_dtypes = CLADE_STORED_DTYPES };
CHANGED(linear, be_slow)
CHANGED(linear, be_small)
CHANGED(matmul, be_slow)
CHANGED(softmax, be_16)
CHANGED(layer_norm, be_8)
CHANGED(reduce_max, be_4)

static const struct clade_impl *const impls[] = { &linear_be_slow, &linear_be_small, &matmul_be_slow,
						  &softmax_be_16,  &layer_norm_be_8, &reduce_max_be_4 };

static enum clade_status entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = CLADE_OK;

	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, impls[i]);
	return status;
}

/* Runs all cases; how many launches that took. */
static uint64_t check(const struct clade_impl *impl)
{
	struct clade_device_counters before, after;
	struct harness_counts counts = { 0 };

	clade_device_get_counters(harness.device, &before);
	harness_check_impl(&harness, clade_op_find(harness.context, impl->op), impl, &counts);
	clade_device_get_counters(harness.device, &after);
	printf("%s.%s %s: %llu executed, %llu skipped (large), %llu failed, %llu launches\n", impl->op, impl->name,
	       harness.label, (unsigned long long)counts.executed, (unsigned long long)counts.skipped,
	       (unsigned long long)counts.failed, (unsigned long long)(after.launches - before.launches));
	assert_int_equal(counts.failed, 0);
	assert_true(counts.executed > counts.refused);
	return after.launches - before.launches;
}

static void test_all(void **state)
{
	uint64_t small, slow;

	(void)state;
	small = check(&linear_be_small);
	slow = check(&linear_be_slow);
	assert_true(slow > 2 * small);
	check(&matmul_be_slow);
}

static void test_sub_groups(void **state)
{
	(void)state;
	if (!clade_device_get_info(harness.device)->sub_group_shuffle) {
		printf("cl.subgroup %s: skipped, kernels cannot shuffle in sub-groups here\n", harness.label);
		skip();
	}
	check(&softmax_be_16);
	check(&layer_norm_be_8);
	check(&reduce_max_be_4);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all), cmocka_unit_test(test_sub_groups) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return harness_main(&harness, argc, argv, entry, run_all);
}
