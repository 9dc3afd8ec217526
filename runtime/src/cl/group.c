/* SPDX-License-Identifier: MIT */
/* Which kernels make up a program: those of one registration with one set of defines that a set of steps wants. Few
 * programs are quick to build, and drivers compile every kernel of a program, wanted or not. */
#include "opencl.h"

#include <string.h>

void clade_cl_program_free(struct clade_device *device, struct clade_cl_program *program)
{
	if (!program)
		return;
	if (program->handle && clade_cl_may_release(device))
		clade_cl_check(device, clReleaseProgram(program->handle), "clReleaseProgram", NULL);
	for (size_t i = 0; i < program->function_count; i++)
		clade_free(device->context, program->functions[i].name);
	clade_free(device->context, program->defines);
	clade_free(device->context, program->sources);
	clade_free(device->context, program->functions);
	clade_free(device->context, program->packed);
	clade_free(device->context, program);
}

void clade_cl_programs_release(struct clade_device *device)
{
	struct clade_cl_device *state = clade_cl_state(device);

	while (state->programs) {
		struct clade_cl_program *program = state->programs;

		state->programs = program->next;
		clade_cl_program_free(device, program);
	}
}

static bool has_source(const struct clade_cl_program *program, const char *source)
{
	for (size_t i = 0; i < program->source_count; i++)
		if (!strcmp(program->sources[i], source))
			return true;
	return false;
}

bool clade_cl_program_has(const struct clade_cl_program *program, const char *source, const char *function)
{
	if (program->whole)
		return has_source(program, source);
	for (size_t i = 0; i < program->function_count; i++)
		if (!strcmp(program->functions[i].name, function) && !strcmp(program->functions[i].source, source))
			return true;
	return false;
}

struct clade_cl_program *clade_cl_program_find(struct clade_context *context, struct clade_cl_program *list,
					       const struct clade_step_kernel *kernel)
{
	const struct clade_module *module = clade_kernel_module_find(context, kernel->source);

	for (; list; list = list->next)
		if (list->module == module && !strcmp(list->defines, kernel->defines) &&
		    clade_cl_program_has(list, kernel->source, kernel->function))
			return list;
	return NULL;
}

/* The program that this kernel can join: two kernels of one name cannot stand in one text. */
static struct clade_cl_program *find_open(struct clade_cl_program *list, const struct clade_module *module,
					  const struct clade_step_kernel *kernel, bool whole)
{
	for (; list; list = list->next) {
		bool clash = list->whole != whole || list->module != module || strcmp(list->defines, kernel->defines);

		for (size_t i = 0; i < list->function_count && !clash; i++)
			clash = !strcmp(list->functions[i].name, kernel->function);
		if (!clash)
			return list;
	}
	return NULL;
}

/* Room for one more element. */
static bool room_for_one(struct clade_device *device, void **items, size_t count, size_t *room, size_t size)
{
	size_t larger = *room ? 2 * *room : 8;
	void *grown;

	if (count < *room)
		return true;
	grown = clade_resize(device->context, *items, larger * size);
	if (!grown)
		return false;
	*items = grown;
	*room = larger;
	return true;
}

/* Sorted, so that equal sets are equal texts. */
static bool add_source(struct clade_device *device, struct clade_cl_program *program, const char *source)
{
	size_t i;

	if (has_source(program, source))
		return true;
	if (!room_for_one(device, (void **)&program->sources, program->source_count, &program->source_room,
			  sizeof(*program->sources)))
		return false;
	for (i = program->source_count++; i > 0 && strcmp(program->sources[i - 1], source) > 0; i--)
		program->sources[i] = program->sources[i - 1];
	program->sources[i] = source;
	return true;
}

static bool add_function(struct clade_device *device, struct clade_cl_program *program, const char *source,
			 const char *function)
{
	char *name;
	size_t i;

	if (!room_for_one(device, (void **)&program->functions, program->function_count, &program->function_room,
			  sizeof(*program->functions)))
		return false;
	name = clade_strdup(device->context, function);
	if (!name)
		return false;
	for (i = program->function_count++; i > 0 && strcmp(program->functions[i - 1].name, name) > 0; i--)
		program->functions[i] = program->functions[i - 1];
	program->functions[i] = (struct clade_cl_function) { source, name };
	return true;
}

bool clade_cl_program_want(struct clade_device *device, const struct clade_step_kernel *kernel, bool whole,
			   struct clade_cl_program **pending)
{
	const struct clade_kernel_source *source = clade_kernel_source_find(device->context, kernel->source);
	const struct clade_module *module = clade_kernel_module_find(device->context, kernel->source);
	struct clade_cl_program *program;

	if (clade_cl_program_find(device->context, clade_cl_state(device)->programs, kernel) ||
	    clade_cl_program_find(device->context, *pending, kernel))
		return true;
	program = find_open(*pending, module, kernel, whole);
	if (!program) {
		program = clade_alloc(device->context, sizeof(*program));
		if (!program)
			return false;
		program->defines = clade_strdup(device->context, kernel->defines);
		program->module = module;
		program->whole = whole;
		program->next = *pending;
		*pending = program;
		if (!program->defines)
			return false;
	}
	/* The registered name lives as long as the context; the step's copy does not. */
	return source && add_source(device, program, source->name) &&
	       (whole || add_function(device, program, source->name, kernel->function));
}
