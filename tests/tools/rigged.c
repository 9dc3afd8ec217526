/* SPDX-License-Identifier: MIT */
/* A plugin with an op whose fastest candidate is known: what is slow sleeps, what is fast and wrong gives other bits.
 * It runs on the host, so that no machine and no driver decides. */
#include <clade/host.h>

#include <string.h>
#include <time.h>

static const struct clade_port x = {
	.size = sizeof(x), .name = "x", .flags = CLADE_IN, .dtypes = CLADE_DTYPE_BIT(CLADE_F32), .shape = "[..., n]"
};
static const struct clade_port y = { .size = sizeof(y), .name = "y", .flags = CLADE_OUT, .like = "x" };
static const struct clade_case small = { .size = sizeof(small),
					 .name = "small",
					 .inputs = (const char *const[]) { "x = f32[3, 7]", NULL },
					 .flags = CLADE_CASE_BENCH };
static const struct clade_op rigged = { .size = sizeof(rigged),
					.name = "rigged",
					.doc = "y = x + 1, at leisure",
					.ports = CLADE_LIST(struct clade_port, &x, &y),
					.cases = CLADE_LIST(struct clade_case, &small),
					.family = "rigged",
					.rows = "..." };

static void wait_for(long microseconds)
{
	const struct timespec time = { 0, microseconds * 1000 };

	nanosleep(&time, NULL);
}

static enum clade_status add_one(const struct clade_run *run, float more)
{
	const float *from = run->inputs[0]->data;
	float *to = run->outputs[0]->data;
	int64_t count = 1;

	for (uint32_t i = 0; i < run->inputs[0]->type.rank; i++)
		count *= run->inputs[0]->type.dims[i];
	for (int64_t i = 0; i < count; i++)
		to[i] = from[i] + 1.0f + (i == count - 1 ? more : 0.0f);
	return CLADE_OK;
}

static enum clade_status run_ref(const struct clade_run *run)
{
	wait_for(12000);
	return add_one(run, 0.0f);
}

/* The host's own choice is slow; gear 3 is the fastest that is right; gear 4 is slower, 5 is wrong. */
static enum clade_status run_geared(const struct clade_run *run)
{
	static const long waits[] = { 8000, 6000, 4000, 1000, 1600, 0 };

	wait_for(waits[run->tuned[0]]);
	return add_one(run, run->tuned[0] == 5 ? 1e-3f : 0.0f);
}

static enum clade_status run_liar(const struct clade_run *run)
{
	return add_one(run, 1e-3f);
}

/* Of reduced precision, twice as fast as gear 3, and within tolerance. */
static enum clade_status run_hasty(const struct clade_run *run)
{
	wait_for(400);
	return add_one(run, 1e-3f);
}

/* The same, but beyond it. */
static enum clade_status run_sloppy(const struct clade_run *run)
{
	return add_one(run, 1.0f);
}

static const int32_t gears[] = { 1, 2, 3, 4, 5, 0 };
static const struct clade_tunable gear = { .size = sizeof(gear), .name = "gear", .candidates = gears };
static const struct clade_impl impls[] = {
	{ .size = sizeof(struct clade_impl), .op = "rigged", .name = "ref", .needs = CLADE_NEEDS_HOST, .run = run_ref },
	{ .size = sizeof(struct clade_impl),
	  .op = "rigged",
	  .name = "geared",
	  .needs = CLADE_NEEDS_HOST,
	  .run = run_geared,
	  .priority = 20,
	  .tunables = CLADE_LIST(struct clade_tunable, &gear) },
	{ .size = offsetof(struct clade_impl, tunables), /* as plugins of before have it */
	  .op = "rigged",
	  .name = "liar",
	  .needs = CLADE_NEEDS_HOST,
	  .run = run_liar,
	  .priority = 10 },
	{ .size = sizeof(struct clade_impl),
	  .op = "rigged",
	  .name = "hasty",
	  .needs = CLADE_NEEDS_HOST,
	  .precision = CLADE_PRECISION_REDUCED,
	  .run = run_hasty,
	  .priority = 5 },
	{ .size = sizeof(struct clade_impl),
	  .op = "rigged",
	  .name = "sloppy",
	  .needs = CLADE_NEEDS_HOST,
	  .precision = CLADE_PRECISION_REDUCED,
	  .run = run_sloppy,
	  .priority = 4 }
};

CLADE_PLUGIN(host, registry)
{
	enum clade_status status = host->add_op(registry, &rigged);

	for (size_t i = 0; i < sizeof(impls) / sizeof(impls[0]) && !status; i++)
		status = host->add_impl(registry, &impls[i]);
	return status;
}
