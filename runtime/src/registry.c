/* SPDX-License-Identifier: MIT */
/* The registry of a context: sorted tables of ops, implementations and kernel sources. A registration collects its
 * entries apart and joins them to the context only when everything was accepted, so there is nothing to take back. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sorted tables ---- */

static int order_ops(const void *a, const void *b)
{
	return strcmp(((const struct clade_op_entry *)a)->op->name, ((const struct clade_op_entry *)b)->op->name);
}

static int order_impls(const void *a, const void *b)
{
	const struct clade_impl *x = ((const struct clade_impl_entry *)a)->impl;
	const struct clade_impl *y = ((const struct clade_impl_entry *)b)->impl;
	int order = strcmp(x->op, y->op);

	if (order == 0 && x->priority != y->priority)
		order = x->priority > y->priority ? -1 : 1;
	return order ? order : strcmp(x->name, y->name);
}

static int order_kernels(const void *a, const void *b)
{
	return strcmp(((const struct clade_kernel_entry *)a)->source->name,
		      ((const struct clade_kernel_entry *)b)->source->name);
}

static const struct clade_op *find_op(const struct clade_tables *tables, const char *name)
{
	size_t low = 0, high = tables->op_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, tables->ops[middle].op->name);

		if (order == 0)
			return tables->ops[middle].op;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The first implementation of `op`, or impl_count. */
static size_t first_impl(const struct clade_tables *tables, const char *op)
{
	size_t low = 0, high = tables->impl_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(tables->impls[middle].impl->op, op) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tables->impl_count && strcmp(tables->impls[low].impl->op, op) == 0 ? low : tables->impl_count;
}

static const struct clade_impl *impl_at(const struct clade_tables *tables, const char *op, size_t index)
{
	size_t first = first_impl(tables, op);

	if (index >= tables->impl_count - first || strcmp(tables->impls[first + index].impl->op, op) != 0)
		return NULL;
	return tables->impls[first + index].impl;
}

static const struct clade_impl *find_impl(const struct clade_tables *tables, const char *op, const char *name)
{
	const struct clade_impl *impl;

	for (size_t i = 0; (impl = impl_at(tables, op, i)); i++)
		if (strcmp(impl->name, name) == 0)
			return impl;
	return NULL;
}

static const struct clade_kernel_entry *find_kernel(const struct clade_tables *tables, const char *name)
{
	size_t low = 0, high = tables->kernel_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, tables->kernels[middle].source->name);

		if (order == 0)
			return &tables->kernels[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Makes room for `more` entries of `bytes` each. False if there is no memory. */
static bool reserve(struct clade_context *context, void **entries, size_t *room, size_t count, size_t more,
		    size_t bytes)
{
	size_t need, wanted, total;
	void *grown;

	if (!clade_size_add(count, more, &need) || !clade_size_add(need, need / 2 + 8, &wanted) ||
	    !clade_size_mul(wanted, bytes, &total))
		return false;
	if (need <= *room)
		return true;
	grown = clade_resize(context, *entries, total);
	if (!grown)
		return false;
	*entries = grown;
	*room = wanted;
	return true;
}

static bool reserve_all(struct clade_context *context, struct clade_tables *tables, size_t ops, size_t impls,
			size_t kernels)
{
	void *rows[3] = { tables->ops, tables->impls, tables->kernels };
	bool done = reserve(context, &rows[0], &tables->op_room, tables->op_count, ops, sizeof(*tables->ops)) &&
		    reserve(context, &rows[1], &tables->impl_room, tables->impl_count, impls, sizeof(*tables->impls)) &&
		    reserve(context, &rows[2], &tables->kernel_room, tables->kernel_count, kernels,
			    sizeof(*tables->kernels));

	tables->ops = rows[0];
	tables->impls = rows[1];
	tables->kernels = rows[2];
	return done;
}

/* ---- what an entry may call ---- */

static enum clade_status note(struct clade_registry *registry, enum clade_status status)
{
	if (status && !registry->status)
		registry->status = status;
	return status;
}

static enum clade_status duplicate(struct clade_registry *registry, const char *what, const char *name)
{
	return note(registry, clade_fail(registry->diag, CLADE_ERR_DATA, CLADE_MSG_REGISTRY, registry->module->origin,
					 "%s %s is registered already; give it another name", what, name));
}

/* Something of the context, looked up under its lock. */
static bool is_taken(struct clade_registry *registry, const char *op, const char *impl, const char *kernel)
{
	struct clade_context *context = registry->context;
	bool taken;

	pthread_mutex_lock(&context->registry_lock);
	if (kernel)
		taken = find_kernel(&context->tables, kernel);
	else
		taken = impl ? (const void *)find_impl(&context->tables, op, impl) != NULL
			     : op && find_op(&context->tables, op);
	pthread_mutex_unlock(&context->registry_lock);
	return taken;
}

enum clade_status clade_registry_add_op(struct clade_registry *registry, const struct clade_op *op)
{
	struct clade_tables *pending = &registry->pending;
	enum clade_status status = clade_op_check(op, registry->module->origin, registry->diag);

	if (status)
		return note(registry, status);
	for (size_t i = 0; i < pending->op_count; i++)
		if (strcmp(pending->ops[i].op->name, op->name) == 0)
			return duplicate(registry, "op", op->name);
	if (is_taken(registry, op->name, NULL, NULL))
		return duplicate(registry, "op", op->name);
	if (!reserve_all(registry->context, pending, 1, 0, 0))
		return note(registry, clade_fail_memory(registry->diag, sizeof(*pending->ops), "the table of ops"));
	pending->ops[pending->op_count++] = (struct clade_op_entry) { op, registry->module };
	return CLADE_OK;
}

enum clade_status clade_registry_add_impl(struct clade_registry *registry, const struct clade_impl *impl)
{
	struct clade_tables *pending = &registry->pending;
	enum clade_status status = clade_impl_check(impl, registry->module->origin, registry->diag);
	char name[160];

	if (status)
		return note(registry, status);
	snprintf(name, sizeof(name), "%s.%s", impl->op, impl->name);
	for (size_t i = 0; i < pending->impl_count; i++)
		if (strcmp(pending->impls[i].impl->op, impl->op) == 0 &&
		    strcmp(pending->impls[i].impl->name, impl->name) == 0)
			return duplicate(registry, "implementation", name);
	if (is_taken(registry, impl->op, impl->name, NULL))
		return duplicate(registry, "implementation", name);
	if (!reserve_all(registry->context, pending, 0, 1, 0))
		return note(registry,
			    clade_fail_memory(registry->diag, sizeof(*pending->impls), "the table of implementations"));
	pending->impls[pending->impl_count++] = (struct clade_impl_entry) { impl, registry->module };
	return CLADE_OK;
}

enum clade_status clade_registry_add_kernel(struct clade_registry *registry, const struct clade_kernel_source *source)
{
	struct clade_tables *pending = &registry->pending;
	const char *origin = registry->module->origin;
	enum clade_status status =
		clade_table_check(source, sizeof(*source), "a kernel source", origin, registry->diag);

	if (!status && (!source->name || !source->name[0] || !source->text))
		status = clade_fail(registry->diag, CLADE_ERR_DATA, CLADE_MSG_REGISTRY, origin,
				    "a kernel source needs a name and a text");
	if (!status && (source->name[0] == '/' || strstr(source->name, "..") || strpbrk(source->name, "\"\\\n")))
		status = clade_fail(registry->diag, CLADE_ERR_DATA, CLADE_MSG_REGISTRY, origin,
				    "kernel source %s: its name must be a relative path without \"..\"", source->name);
	if (status)
		return note(registry, status);
	for (size_t i = 0; i < pending->kernel_count; i++)
		if (strcmp(pending->kernels[i].source->name, source->name) == 0)
			return duplicate(registry, "kernel source", source->name);
	if (is_taken(registry, NULL, NULL, source->name))
		return duplicate(registry, "kernel source", source->name);
	if (!reserve_all(registry->context, pending, 0, 0, 1))
		return note(registry,
			    clade_fail_memory(registry->diag, sizeof(*pending->kernels), "the table of kernels"));
	pending->kernels[pending->kernel_count++] = (struct clade_kernel_entry) { source, registry->module };
	return CLADE_OK;
}

enum clade_status clade_registry_fail(struct clade_registry *registry, enum clade_status status, const char *format,
				      ...)
{
	va_list args;

	va_start(args, format);
	clade_fail_v(registry->diag, status, CLADE_MSG_PLUGIN, registry->module->origin, format, args);
	va_end(args);
	return note(registry, status);
}

/* ---- joining ---- */

/* Every implementation must name an op that is there, now that all of this registration has arrived. */
static enum clade_status check_ops_of_impls(struct clade_registry *registry)
{
	const struct clade_tables *pending = &registry->pending, *known = &registry->context->tables;

	for (size_t i = 0; i < pending->impl_count; i++) {
		const struct clade_impl *impl = pending->impls[i].impl;
		const char *nearest = NULL;
		bool found = find_op(known, impl->op);

		for (size_t j = 0; j < pending->op_count && !found; j++)
			found = strcmp(pending->ops[j].op->name, impl->op) == 0;
		for (size_t j = 0; j < known->op_count && !found && !nearest; j++)
			nearest = clade_nearest(impl->op, &known->ops[j].op->name, 1);
		if (!found)
			return clade_fail(registry->diag, CLADE_ERR_DATA, CLADE_MSG_REGISTRY, registry->module->origin,
					  "%s.%s implements an op that does not exist%s%s", impl->op, impl->name,
					  nearest ? "; nearest: " : "", nearest ? nearest : "");
	}
	return CLADE_OK;
}

/* Moves what is pending into the context. Called under the lock; changes nothing on failure. */
static enum clade_status join(struct clade_registry *registry)
{
	struct clade_tables *from = &registry->pending, *to = &registry->context->tables;
	enum clade_status status = check_ops_of_impls(registry);

	if (status)
		return status;
	if (!reserve_all(registry->context, to, from->op_count, from->impl_count, from->kernel_count))
		return clade_fail_memory(registry->diag, sizeof(*to), "the registry");
	for (size_t i = 0; i < from->op_count; i++)
		to->ops[to->op_count++] = from->ops[i];
	for (size_t i = 0; i < from->impl_count; i++)
		to->impls[to->impl_count++] = from->impls[i];
	for (size_t i = 0; i < from->kernel_count; i++)
		to->kernels[to->kernel_count++] = from->kernels[i];
	if (to->op_count)
		qsort(to->ops, to->op_count, sizeof(*to->ops), order_ops);
	if (to->impl_count)
		qsort(to->impls, to->impl_count, sizeof(*to->impls), order_impls);
	if (to->kernel_count)
		qsort(to->kernels, to->kernel_count, sizeof(*to->kernels), order_kernels);
	registry->module->next = registry->context->modules;
	registry->context->modules = registry->module;
	return CLADE_OK;
}

enum clade_status clade_registry_run(struct clade_context *context, clade_plugin_entry_fn *entry,
				     struct clade_module *module, struct clade_diag *diag)
{
	struct clade_diag own;
	struct clade_registry registry = { .context = context, .module = module, .diag = diag ? diag : &own };
	enum clade_status status;

	clade_diag_init(&own);
	status = entry(&clade_host_services, &registry);
	/* A failure that the entry did not hand on still counts. */
	if (registry.status)
		status = registry.status;
	if (status && status < CLADE_ERR_CANCELLED)
		status = CLADE_ERR_DATA;
	if (status > 0)
		status = CLADE_ERR_DATA;
	if (status) {
		clade_fail(registry.diag, status, CLADE_MSG_PLUGIN, module->origin,
			   "its registration failed (%s) without a reason", clade_status_name(status));
	} else {
		pthread_mutex_lock(&context->registry_lock);
		status = join(&registry);
		pthread_mutex_unlock(&context->registry_lock);
	}
	clade_free(context, registry.pending.ops);
	clade_free(context, registry.pending.impls);
	clade_free(context, registry.pending.kernels);
	if (status)
		clade_log(context, CLADE_LOG_ERROR, "registry", "%s: %s", module->origin, registry.diag->text);
	clade_diag_finish(&own);
	return status;
}

enum clade_status clade_context_register(struct clade_context *context, clade_plugin_entry_fn *entry,
					 const char *origin, struct clade_diag *diag)
{
	struct clade_module *module;
	enum clade_status status;

	if (!context || !entry)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_context_register: context or entry is NULL");
	module = clade_alloc(context, sizeof(*module));
	if (!module)
		return clade_fail_memory(diag, sizeof(*module), "a module");
	module->origin = clade_strdup(context, origin ? origin : "");
	if (!module->origin) {
		clade_free(context, module);
		return clade_fail_memory(diag, 1, "a module's name");
	}
	status = clade_registry_run(context, entry, module, diag);
	if (status) {
		clade_free(context, module->origin);
		clade_free(context, module);
	}
	return status;
}

/* ---- the read side ---- */

const struct clade_op *clade_op_find(struct clade_context *context, const char *name)
{
	const struct clade_op *op;

	pthread_mutex_lock(&context->registry_lock);
	op = find_op(&context->tables, name);
	pthread_mutex_unlock(&context->registry_lock);
	return op;
}

size_t clade_op_count(struct clade_context *context)
{
	size_t count;

	pthread_mutex_lock(&context->registry_lock);
	count = context->tables.op_count;
	pthread_mutex_unlock(&context->registry_lock);
	return count;
}

const struct clade_op *clade_op_at(struct clade_context *context, size_t index)
{
	const struct clade_op *op = NULL;

	pthread_mutex_lock(&context->registry_lock);
	if (index < context->tables.op_count)
		op = context->tables.ops[index].op;
	pthread_mutex_unlock(&context->registry_lock);
	return op;
}

const char *clade_op_nearest(struct clade_context *context, const char *name)
{
	const char *nearest = NULL;
	const char **names;
	size_t count;

	pthread_mutex_lock(&context->registry_lock);
	count = context->tables.op_count;
	names = clade_alloc(context, count * sizeof(*names));
	for (size_t i = 0; names && i < count; i++)
		names[i] = context->tables.ops[i].op->name;
	if (names)
		nearest = clade_nearest(name, names, count);
	pthread_mutex_unlock(&context->registry_lock);
	clade_free(context, names);
	return nearest;
}

const struct clade_impl *clade_impl_at(struct clade_context *context, const char *op, size_t index)
{
	const struct clade_impl *impl;

	pthread_mutex_lock(&context->registry_lock);
	impl = impl_at(&context->tables, op, index);
	pthread_mutex_unlock(&context->registry_lock);
	return impl;
}

const struct clade_impl *clade_impl_find(struct clade_context *context, const char *op, const char *name)
{
	const struct clade_impl *impl;

	pthread_mutex_lock(&context->registry_lock);
	impl = find_impl(&context->tables, op, name);
	pthread_mutex_unlock(&context->registry_lock);
	return impl;
}

const char *clade_impl_origin(struct clade_context *context, const struct clade_impl *impl)
{
	const char *origin = "";

	pthread_mutex_lock(&context->registry_lock);
	for (size_t i = 0; i < context->tables.impl_count; i++)
		if (context->tables.impls[i].impl == impl)
			origin = context->tables.impls[i].module->origin;
	pthread_mutex_unlock(&context->registry_lock);
	return origin;
}

static struct clade_kernel_entry kernel_entry(struct clade_context *context, const char *name)
{
	const struct clade_kernel_entry *found;
	struct clade_kernel_entry entry = { NULL, NULL };

	pthread_mutex_lock(&context->registry_lock); /* the table moves when it grows; what it points to does not */
	found = find_kernel(&context->tables, name);
	if (found)
		entry = *found;
	pthread_mutex_unlock(&context->registry_lock);
	return entry;
}

const struct clade_kernel_source *clade_kernel_source_find(struct clade_context *context, const char *name)
{
	return kernel_entry(context, name).source;
}

const struct clade_module *clade_kernel_module_find(struct clade_context *context, const char *name)
{
	return kernel_entry(context, name).module;
}
