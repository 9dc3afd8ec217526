/* SPDX-License-Identifier: MIT */
/* The context: allocator, log and the registry's lifetime. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *malloc_resize(void *user, void *memory, size_t bytes)
{
	if (bytes)
		return realloc(memory, bytes);
	free(memory);
	return NULL;
}

static const struct clade_allocator malloc_allocator = { malloc_resize, NULL };

static const struct clade_allocator *allocator_of(const struct clade_context *context)
{
	return context ? &context->allocator : &malloc_allocator;
}

void *clade_resize(struct clade_context *context, void *memory, size_t bytes)
{
	const struct clade_allocator *allocator = allocator_of(context);

	return allocator->resize(allocator->user, memory, bytes);
}

void *clade_alloc(struct clade_context *context, size_t bytes)
{
	/* A request for nothing still gives a pointer, so that NULL always means failure. */
	void *memory = clade_resize(context, NULL, bytes ? bytes : 1);

	if (memory)
		memset(memory, 0, bytes ? bytes : 1);
	return memory;
}

void clade_free(struct clade_context *context, void *memory)
{
	if (memory)
		clade_resize(context, memory, 0);
}

char *clade_strdup(struct clade_context *context, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = clade_resize(context, NULL, bytes);

	return copy ? memcpy(copy, text, bytes) : NULL;
}

void clade_log(struct clade_context *context, enum clade_log_level level, const char *component, const char *format,
	       ...)
{
	char text[1024];
	va_list args;

	if (!context || !context->log || level < context->log_level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	context->log(context->log_user, level, component, text);
}

static enum clade_status copy_text(struct clade_context *context, const char *text, char **out, struct clade_diag *diag)
{
	if (!text)
		return CLADE_OK;
	*out = clade_strdup(context, text);
	return *out ? CLADE_OK : clade_fail_memory(diag, strlen(text) + 1, "a folder's name");
}

enum clade_status clade_context_create(const struct clade_context_params *params, struct clade_context **out_context,
				       struct clade_diag *diag)
{
	static const struct clade_context_params defaults = { .size = sizeof(defaults) };
	const struct clade_allocator *allocator;
	struct clade_context *context;
	enum clade_status status;

	if (!out_context)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_context_create: out_context is NULL");
	*out_context = NULL;
	params = params ? params : &defaults;
	if (params->size < sizeof(*params))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_context_create: params.size is %u; it must be %zu", params->size,
				  sizeof(*params));
	allocator = params->allocator ? params->allocator : &malloc_allocator;
	context = allocator->resize(allocator->user, NULL, sizeof(*context));
	if (!context)
		return clade_fail_memory(diag, sizeof(*context), "a context");
	memset(context, 0, sizeof(*context));
	context->allocator = *allocator;
	context->log = params->log;
	context->log_user = params->log_user;
	context->log_level = params->log_level;
	context->compile = params->compile;
	context->compile_user = params->compile_user;
	pthread_mutex_init(&context->registry_lock, NULL);
	pthread_mutex_init(&context->device_lock, NULL);
	status = copy_text(context, params->cache_dir, &context->cache_dir, diag);
	if (!status)
		status = copy_text(context, params->kernel_dir, &context->kernel_dir, diag);
	if (status)
		clade_context_destroy(&context);
	*out_context = context;
	return status;
}

void clade_context_destroy(struct clade_context **context)
{
	struct clade_context *dead;
	struct clade_allocator allocator;

	if (!context || !*context)
		return;
	dead = *context;
	*context = NULL;
	if (dead->device_state_destroy)
		dead->device_state_destroy(dead);
	clade_free(dead, dead->tables.ops);
	clade_free(dead, dead->tables.impls);
	clade_free(dead, dead->tables.kernels);
	while (dead->modules) {
		struct clade_module *module = dead->modules;

		dead->modules = module->next;
		if (module->handle)
			dlclose(module->handle);
		clade_free(dead, module->origin);
		clade_free(dead, module);
	}
	clade_free(dead, dead->cache_dir);
	clade_free(dead, dead->kernel_dir);
	pthread_mutex_destroy(&dead->registry_lock);
	pthread_mutex_destroy(&dead->device_lock);
	allocator = dead->allocator;
	allocator.resize(allocator.user, dead, 0);
}
