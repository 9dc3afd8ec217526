/* SPDX-License-Identifier: MIT */
/* One plugin that is right, and by defines a dozen that are wrong in one way each. */
#include <clade/host.h>

#ifndef NO_ABI
CLADE_API extern const uint32_t clade_plugin_abi;
#ifdef HIGHER_ABI
const uint32_t clade_plugin_abi = CLADE_ABI + 1;
#else
const uint32_t clade_plugin_abi = CLADE_ABI;
#endif
#endif

static enum clade_status run(const struct clade_run *run)
{
	return CLADE_OK;
}

static const struct clade_port x = { .size = sizeof(struct clade_port),
				     .name = "x",
				     .flags = CLADE_IN,
				     .dtypes = CLADE_DTYPE_BIT(CLADE_F32),
				     .shape = "[n]" };
static const struct clade_port y = { .size = sizeof(struct clade_port), .name = "y", .flags = CLADE_OUT, .like = "x" };

/* An op's table as a later version might have it: fields behind those that this one knows. */
struct longer_op {
	struct clade_op op;
	uint64_t later;
};
#if defined(SHORT_STRUCT)
#define OP_SIZE (sizeof(struct clade_op) - 8)
#elif defined(NONZERO_TAIL) || defined(ZERO_TAIL)
#define OP_SIZE sizeof(struct longer_op)
#else
#define OP_SIZE sizeof(struct clade_op)
#endif
static const struct longer_op from_plugin = {
	.op = { .size = OP_SIZE,
		.name = "from_plugin",
		.doc = "does nothing",
		.family = "test",
		.ports = CLADE_LIST(struct clade_port, &x, &y) },
#ifdef NONZERO_TAIL
	.later = 1,
#endif
};
static const struct clade_impl ref = { .size = sizeof(struct clade_impl),
#ifdef ORPHAN
				       .op = "from_plugim",
#else
				       .op = "from_plugin",
#endif
				       .name = "ref",
				       .needs = CLADE_NEEDS_HOST,
				       .run = run };
static const struct clade_kernel_source source = { .size = sizeof(struct clade_kernel_source),
						   .name = "test/from_plugin.cl",
						   .text = "" };

CLADE_API clade_plugin_entry_fn clade_plugin_entry, other_name;
#ifdef NO_ENTRY
#define clade_plugin_entry other_name
#endif
enum clade_status clade_plugin_entry(const struct clade_host *host, struct clade_registry *registry)
{
	enum clade_status status = host->add_op(registry, &from_plugin.op);

#ifdef SWALLOWS /* a failure that it does not hand on */
	host->add_op(registry, &from_plugin.op);
	return CLADE_OK;
#endif
#ifdef NULL_POINTER
	return host->add_impl(registry, NULL);
#endif
#ifdef SILENT
	return CLADE_ERR_DATA;
#endif
#ifdef POSITIVE
	return (enum clade_status)77;
#endif
	if (!status)
		status = host->add_impl(registry, &ref);
	if (!status)
		status = host->add_kernel(registry, &source);
#ifdef HALF
	return host->registry_fail(registry, CLADE_ERR_UNSUPPORTED, "it changed its mind at %d", 3);
#endif
	return status;
}
