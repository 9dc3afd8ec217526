/* SPDX-License-Identifier: MIT */
/* What the runtime's files share: the context's fields, the registry's private side, the host services' parts. */
#ifndef CLADE_RUNTIME_INTERNAL_H
#define CLADE_RUNTIME_INTERNAL_H

#include <clade/host.h>
#include <clade/messages.h>
#include <clade/step.h>
#include <pthread.h>

/* One source of registrations: a plugin's file, or "" for what is linked in. Freed with the context. */
struct clade_module {
	char *origin;
	void *handle; /* dlopen's, NULL for built-ins */
	struct clade_module *next;
};

/* Sorted tables of pointers; every pointer stays valid until the context is destroyed. */
struct clade_op_entry {
	const struct clade_op *op;
	const struct clade_module *module;
};
struct clade_impl_entry {
	const struct clade_impl *impl;
	const struct clade_module *module;
};
struct clade_kernel_entry {
	const struct clade_kernel_source *source;
	const struct clade_module *module;
};
struct clade_tables {
	struct clade_op_entry *ops;         /* by name */
	struct clade_impl_entry *impls;     /* by op, then priority descending, then name */
	struct clade_kernel_entry *kernels; /* by name */
	size_t op_count, impl_count, kernel_count;
	size_t op_room, impl_room, kernel_room;
};

struct clade_context {
	struct clade_allocator allocator;
	clade_log_fn *log;
	void *log_user;
	enum clade_log_level log_level;
	char *cache_dir, *kernel_dir; /* NULL: none. Sources in kernel_dir are read by runtime/src/cl, not here */
	clade_compile_fn *compile;    /* NULL: none */
	void *compile_user;
	pthread_mutex_t registry_lock; /* guards tables and modules */
	struct clade_tables tables;
	struct clade_module *modules;
	/* Owned by runtime/src/cl; guarded by device_lock. `destroy` is called once, before the registry goes. */
	pthread_mutex_t device_lock;
	void *device_state;
	void (*device_state_destroy)(struct clade_context *context);
};

/* A registration in progress: what a plugin's entry adds is kept apart and joins the context only if all is well. */
struct clade_registry {
	struct clade_context *context;
	struct clade_module *module;
	struct clade_tables pending;
	enum clade_status status; /* the first failure, which the entry cannot undo */
	struct clade_diag *diag;
};

/* The registration members of struct clade_host. */
enum clade_status clade_registry_add_op(struct clade_registry *registry, const struct clade_op *op);
enum clade_status clade_registry_add_impl(struct clade_registry *registry, const struct clade_impl *impl);
enum clade_status clade_registry_add_kernel(struct clade_registry *registry, const struct clade_kernel_source *source);
enum clade_status clade_registry_fail(struct clade_registry *registry, enum clade_status status, const char *format,
				      ...) CLADE_PRINTF(3, 4);
/* All services; the one instance that every plugin, prepare and run receives. */
extern const struct clade_host clade_host_services;

/* Registers what `entry` adds under a module that already exists; takes `module` on success only. */
enum clade_status clade_registry_run(struct clade_context *context, clade_plugin_entry_fn *entry,
				     struct clade_module *module, struct clade_diag *diag);

/* A registered kernel source by name ("norm/layer_norm.cl"), NULL if there is none. */
const struct clade_kernel_source *clade_kernel_source_find(struct clade_context *context, const char *name);
/* Whose it is. */
const struct clade_module *clade_kernel_module_find(struct clade_context *context, const char *name);

/* Checks an op's and an implementation's tables (names, sizes, flags, patterns): used when they register. */
enum clade_status clade_op_check(const struct clade_op *op, const char *origin, struct clade_diag *diag);
enum clade_status clade_impl_check(const struct clade_impl *impl, const char *origin, struct clade_diag *diag);
/* Whether the struct at `table` is as long as ours and what is longer is zero. */
enum clade_status clade_table_check(const void *table, size_t known, const char *what, const char *origin,
				    struct clade_diag *diag);

/* The same for a table that has grown: one that ends at `least`, as plugins of before have it, is well too. */
enum clade_status clade_table_check_since(const void *table, size_t least, size_t known, const char *what,
					  const char *origin, struct clade_diag *diag);

/* The number of an op's ports with `flag` (CLADE_IN or CLADE_OUT). */
uint32_t clade_op_port_count(const struct clade_op *op, uint32_t flag);

#endif
