/* SPDX-License-Identifier: MIT */
/* Steps: what an implementation prepares once for one node on one device, and the services it prepares with. */
#include "device.h"

#include <stdio.h>
#include <string.h>

enum { MOST_KERNELS = 64, MOST_SCRATCH = 64, MOST_CONSTANTS = 64, LONGEST_DEFINES = 1024, MOST_DEFINES = 64 };

/* ---- choice ---- */

static bool is_host(const struct clade_device_info *device)
{
	return device->kind == CLADE_DEVICE_HOST;
}
static bool is_opencl(const struct clade_device_info *device)
{
	return device->kind != CLADE_DEVICE_HOST;
}
static bool has_sub_groups(const struct clade_device_info *device)
{
	return device->sub_groups != 0;
}
static bool has_fp16(const struct clade_device_info *device)
{
	return device->fp16 != 0;
}

static const struct need {
	uint32_t flag;
	bool (*met)(const struct clade_device_info *device);
	const char *why;
} needs[] = {
	{ CLADE_NEEDS_HOST, is_host, "it runs on the host device only" },
	{ CLADE_NEEDS_OPENCL, is_opencl, "it runs on OpenCL devices only" },
	{ CLADE_NEEDS_SUB_GROUPS, has_sub_groups, "the device has no sub-groups" },
	{ CLADE_NEEDS_FP16, has_fp16, "the device has no f16 arithmetic" },
};

/* Said last: why a device without does not matter to weights that do not fit anyway. */
static bool can_dot(const struct clade_device_info *device, char *why, size_t why_size)
{
	static const char *const reasons[] = {
		[CLADE_DOT_NONE] = "the device has no instruction for dot products of bytes",
		[CLADE_DOT_UNTRIED] = "its integer dot products have not been tried on this device yet",
		[CLADE_DOT_NOBODY] = "its integer dot products need a trial in another process, and nobody could start "
				     "one or keep its outcome",
		[CLADE_DOT_FAILED] = "its integer dot products failed a trial in another process on this device and "
				     "driver",
	};
	const char *reason = device->dot <= CLADE_DOT_FAILED ? reasons[device->dot] : reasons[0];

	if (reason)
		snprintf(why, why_size, "%s", reason);
	return !reason;
}

static double bytes_of(const struct clade_type *const *types, uint32_t count)
{
	double total = 0;
	size_t bytes;

	for (uint32_t i = 0; i < count; i++)
		if (types[i] && clade_type_bytes(types[i], &bytes))
			total += (double)bytes;
	return total;
}

void clade_op_cost(const struct clade_op *op, const struct clade_node_info *node, struct clade_cost *out)
{
	out->flops = 0;
	out->bytes = bytes_of(node->inputs, node->input_count) + bytes_of(node->outputs, node->output_count);
	for (uint32_t i = 0; i < node->output_count; i++) {
		int64_t count;

		if (node->outputs[i] && clade_type_count(node->outputs[i], &count) && (double)count > out->flops)
			out->flops = (double)count;
	}
	if (op->cost)
		op->cost(node, out);
}

bool clade_impl_accepts(const struct clade_impl *impl, const struct clade_node_info *node, char *why, size_t why_size)
{
	char unread[8];

	if (!why || why_size == 0) {
		why = unread;
		why_size = sizeof(unread);
	}
	why[0] = 0;
	if (!impl || !node || !node->device) {
		snprintf(why, why_size, "no implementation or no device was given");
		return false;
	}
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if ((impl->needs & needs[i].flag) && !needs[i].met(node->device)) {
			snprintf(why, why_size, "%s", needs[i].why);
			return false;
		}
	for (uint32_t i = 0; i < node->input_count; i++)
		if (node->inputs[i] && clade_dtype_is_storage(node->inputs[i]->dtype) &&
		    !(impl->weight_dtypes & CLADE_DTYPE_BIT(node->inputs[i]->dtype))) {
			const char *name = clade_dtype_info(node->inputs[i]->dtype)->name;

			if (node->sources && node->sources[i] == CLADE_FROM_STATE)
				snprintf(why, why_size,
					 "it does not read states kept as %s; keep them as f32 "
					 "(--kv-type f32), or take another implementation",
					 name);
			else
				snprintf(why, why_size, "it does not read what is stored as %s", name);
			return false;
		}
	if (impl->accepts && !impl->accepts(node, why, why_size))
		return false;
	return !(impl->needs & CLADE_NEEDS_INT_DOT) || can_dot(node->device, why, why_size);
}

/* ---- services of prepare ---- */

static struct clade_step *step_of(const struct clade_prepare *prepare)
{
	return ((const struct clade_prepare_state *)prepare->opaque)->step;
}

enum clade_status clade_prepare_fail(struct clade_prepare *prepare, enum clade_status status, const char *format, ...)
{
	const struct clade_prepare_state *state = prepare->opaque;
	const struct clade_impl *impl = state->step->impl;
	char where[160], text[900];
	va_list args;

	snprintf(where, sizeof(where), "%.70s.%.70s", impl->op, impl->name);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return clade_fail(state->diag, status ? status : CLADE_ERR_ARGUMENT, CLADE_MSG_IMPL_FAILED, where, "%s", text);
}

/* Makes room for one more element; the arrays are short, so they grow by one. */
static void *grow(struct clade_step *step, void *array, size_t count, size_t element)
{
	void *larger = clade_resize(step->device->context, array, (count + 1) * element);

	if (larger)
		memset((char *)larger + count * element, 0, element);
	return larger;
}

static bool is_define(const char *word, size_t length)
{
	size_t i = 0;

	while (i < length && (word[i] == '_' || (word[i] >= 'A' && word[i] <= 'Z') ||
			      (word[i] >= 'a' && word[i] <= 'z') || (i > 0 && word[i] >= '0' && word[i] <= '9')))
		i++;
	if (i == 0 || i >= length || word[i] != '=')
		return false;
	for (i++; i < length; i++)
		if (!strchr("_.+-", word[i]) && !(word[i] >= '0' && word[i] <= '9') &&
		    !(word[i] >= 'A' && word[i] <= 'Z') && !(word[i] >= 'a' && word[i] <= 'z'))
			return false;
	return true;
}

/* "B=2 A=1" becomes "A=1 B=2", so that equal sets are equal texts. */
static enum clade_status sort_defines(struct clade_prepare *prepare, const char *defines, char out[LONGEST_DEFINES])
{
	const char *words[MOST_DEFINES];
	size_t lengths[MOST_DEFINES], count = 0, at = 0;

	while (*defines) {
		size_t length = strcspn(defines, " "), i;

		if (length == 0) {
			defines++;
			continue;
		}
		if (!is_define(defines, length) || count == MOST_DEFINES)
			return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT,
						  "'%.80s' is no list of at most %d defines of the form NAME=VALUE",
						  defines, MOST_DEFINES);
		for (i = count++; i > 0; i--) {
			size_t common = length < lengths[i - 1] ? length : lengths[i - 1];
			int order = memcmp(words[i - 1], defines, common);

			if (order < 0 || (order == 0 && lengths[i - 1] <= length))
				break;
			words[i] = words[i - 1];
			lengths[i] = lengths[i - 1];
		}
		words[i] = defines;
		lengths[i] = length;
		defines += length;
	}
	for (size_t i = 0; i < count; i++) {
		if (at + lengths[i] + 2 > LONGEST_DEFINES)
			return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT, "defines are longer than %d bytes",
						  LONGEST_DEFINES);
		if (at)
			out[at++] = ' ';
		memcpy(out + at, words[i], lengths[i]);
		at += lengths[i];
	}
	out[at] = 0;
	return CLADE_OK;
}

enum clade_status clade_prepare_kernel(struct clade_prepare *prepare, const char *source, const char *function,
				       const char *defines, uint32_t *out_slot)
{
	struct clade_step *step = step_of(prepare);
	struct clade_context *context = step->device->context;
	struct clade_step_kernel *kernels, *kernel;
	char sorted[LONGEST_DEFINES];
	enum clade_status status;

	if (!source || !function || !out_slot)
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT,
					  "kernel: source, function and slot must not be NULL");
	if (is_host(&step->device->info))
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT,
					  "kernel %.80s was asked for on the host device; say CLADE_NEEDS_OPENCL",
					  source);
	if (!clade_kernel_source_find(context, source))
		return clade_prepare_fail(
			prepare, CLADE_ERR_DATA,
			"kernel source '%.80s' is not registered; a source is called by its folder and file, as "
			"embed.py was told them (my_op/my_op.cl)",
			source);
	if (step->kernel_count == MOST_KERNELS)
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT, "a step has at most %d kernels", MOST_KERNELS);
	status = sort_defines(prepare, defines ? defines : "", sorted);
	if (status)
		return status;
	kernels = grow(step, step->kernels, step->kernel_count, sizeof(*kernels));
	if (!kernels)
		return clade_prepare_fail(prepare, CLADE_ERR_MEMORY, "no memory for a kernel's entry");
	step->kernels = kernels;
	kernel = &kernels[step->kernel_count++];
	kernel->source = clade_strdup(context, source);
	kernel->function = clade_strdup(context, function);
	kernel->defines = clade_strdup(context, sorted);
	if (!kernel->source || !kernel->function || !kernel->defines)
		return clade_prepare_fail(prepare, CLADE_ERR_MEMORY, "no memory for a kernel's names");
	*out_slot = (uint32_t)(step->kernel_count - 1);
	return CLADE_OK;
}

enum clade_status clade_prepare_scratch(struct clade_prepare *prepare, size_t bytes, uint32_t *out_slot)
{
	struct clade_step *step = step_of(prepare);
	size_t *scratch;

	if (!out_slot || step->scratch_count == MOST_SCRATCH)
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT,
					  "scratch: the slot must not be NULL and a step has at most %d", MOST_SCRATCH);
	scratch = grow(step, step->scratch, step->scratch_count, sizeof(*scratch));
	if (!scratch)
		return clade_prepare_fail(prepare, CLADE_ERR_MEMORY, "no memory for a scratch entry");
	step->scratch = scratch;
	scratch[step->scratch_count] = bytes;
	*out_slot = (uint32_t)step->scratch_count++;
	return CLADE_OK;
}

enum clade_status clade_prepare_constant(struct clade_prepare *prepare, const struct clade_type *type,
					 const void *values, uint32_t *out_slot)
{
	const struct clade_prepare_state *state = prepare->opaque;
	struct clade_step *step = state->step;
	struct clade_tensor *constants, *constant;
	const struct clade_tensor **views;
	enum clade_status status;
	size_t bytes;

	if (!type || !values || !out_slot || !clade_type_bytes(type, &bytes) || step->constant_count == MOST_CONSTANTS)
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT,
					  "constant: type, values and slot must be given, the type concrete, and a "
					  "step has at most %d",
					  MOST_CONSTANTS);
	constants = grow(step, step->constants, step->constant_count, sizeof(*constants));
	if (constants)
		step->constants = constants;
	views = grow(step, step->constant_views, step->constant_count, sizeof(*views));
	if (views)
		step->constant_views = views;
	if (!constants || !views)
		return clade_prepare_fail(prepare, CLADE_ERR_MEMORY, "no memory for a constant's entry");
	constant = &constants[step->constant_count];
	constant->type = *type;
	clade_dense_strides(type, constant->strides);
	status = clade_buffer_create_constant(step->device, bytes, values, &constant->buffer, state->diag);
	if (status)
		return status;
	constant->data = clade_buffer_host(constant->buffer);
	*out_slot = (uint32_t)step->constant_count++;
	return CLADE_OK;
}

enum clade_status clade_prepare_layout(struct clade_prepare *prepare, uint32_t input, struct clade_layout layout)
{
	struct clade_step *step = step_of(prepare);

	if (input >= step->node.input_count)
		return clade_prepare_fail(prepare, CLADE_ERR_ARGUMENT, "layout: there is no input %u", input);
	step->layouts[input] = layout;
	return CLADE_OK;
}

/* ---- lifetime ---- */

/* A value must be one of its candidates, or 0. */
static enum clade_status copy_tuned(struct clade_step *step, const struct clade_node_info *node,
				    struct clade_diag *diag)
{
	const struct clade_tunable *const *list = clade_impl_tunables(step->impl);

	for (size_t i = 0; list[i] && node->tuned; i++) {
		size_t k = 0;

		while (list[i]->candidates[k] && list[i]->candidates[k] != node->tuned[i])
			k++;
		if (node->tuned[i] && !list[i]->candidates[k])
			return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
					  "%.80s.%.80s: %d is no candidate of %s", step->impl->op, step->impl->name,
					  (int)node->tuned[i], list[i]->name);
		step->tuned[i] = node->tuned[i];
	}
	return CLADE_OK;
}

/* Copies what the node's description points to: the caller's may go. */
static enum clade_status copy_node(struct clade_step *step, const struct clade_node_info *node, struct clade_diag *diag)
{
	struct clade_context *context = step->device->context;
	size_t params_size = step->op->params_size;

	step->params = clade_alloc(context, params_size);
	step->data = clade_alloc(context, step->impl->data_size);
	if (!step->params || !step->data)
		return clade_fail_memory(diag, params_size + step->impl->data_size, "a step's parameters");
	if (params_size)
		memcpy(step->params, node->params, params_size);
	for (uint32_t i = 0; i < node->input_count; i++) {
		if (node->inputs[i]) {
			step->types[i] = *node->inputs[i];
			step->inputs[i] = &step->types[i];
		}
		step->sources[i] = node->sources ? node->sources[i] : CLADE_FROM_VALUE;
	}
	for (uint32_t i = 0; i < node->output_count; i++)
		if (node->outputs[i]) {
			step->types[CLADE_MAX_PORTS + i] = *node->outputs[i];
			step->outputs[i] = &step->types[CLADE_MAX_PORTS + i];
		}
	step->node = (struct clade_node_info) {
		.size = sizeof(step->node),
		.params = step->params,
		.input_count = node->input_count,
		.output_count = node->output_count,
		.inputs = step->inputs,
		.outputs = step->outputs,
		.sources = step->sources,
		.device = &step->device->info,
		.tuned = step->tuned,
	};
	return copy_tuned(step, node, diag);
}

static enum clade_status prepare_step(struct clade_step *step, struct clade_diag *diag)
{
	struct clade_prepare_state state = { step, diag };
	struct clade_prepare prepare = {
		.size = sizeof(prepare),
		.host = &clade_host_services,
		.node = &step->node,
		.data = step->data,
		.opaque = &state,
	};
	enum clade_status status;
	char why[256];

	if (!clade_impl_accepts(step->impl, &step->node, why, sizeof(why)))
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_IMPL_REFUSED, NULL,
				  "%.80s.%.80s does not take this node: %s", step->impl->op, step->impl->name, why);
	if (!step->impl->prepare)
		return CLADE_OK;
	status = step->impl->prepare(&prepare);
	if (status) /* keeps the reason it has given, if any */
		return clade_prepare_fail(&prepare, status, "prepare failed (%s) and gave no reason",
					  clade_status_name(status));
	/* Only now: the array has moved while it grew. */
	for (size_t i = 0; i < step->constant_count; i++)
		step->constant_views[i] = &step->constants[i];
	return CLADE_OK;
}

enum clade_status clade_step_create(struct clade_device *device, const struct clade_op *op,
				    const struct clade_impl *impl, const struct clade_node_info *node,
				    struct clade_step **out_step, struct clade_diag *diag)
{
	struct clade_step *step;
	enum clade_status status;

	if (!device || !op || !impl || !node || !out_step)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_step_create: no argument may be NULL");
	*out_step = NULL;
	if (!impl->run || strcmp(impl->op, op->name) || (op->params_size && !node->params) ||
	    node->input_count > CLADE_MAX_PORTS || node->output_count > CLADE_MAX_PORTS ||
	    (node->input_count && !node->inputs) || (node->output_count && !node->outputs))
		return clade_fail(
			diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
			"clade_step_create: %.80s.%.80s for op %.80s: run, params, inputs and outputs must be "
			"given, with at most %d ports each way",
			impl->op, impl->name, op->name, CLADE_MAX_PORTS);
	step = clade_alloc(device->context, sizeof(*step));
	if (!step)
		return clade_fail_memory(diag, sizeof(*step), "a step");
	step->device = clade_device_ref(device);
	step->op = op;
	step->impl = impl;
	status = copy_node(step, node, diag);
	if (!status)
		status = prepare_step(step, diag);
	if (status)
		clade_step_destroy(&step);
	*out_step = step;
	return status;
}

void clade_step_destroy(struct clade_step **step)
{
	struct clade_step *dead;
	struct clade_context *context;

	if (!step || !*step)
		return;
	dead = *step;
	*step = NULL;
	context = dead->device->context;
	for (size_t i = 0; i < dead->kernel_count; i++) {
		clade_free(context, dead->kernels[i].source);
		clade_free(context, dead->kernels[i].function);
		clade_free(context, dead->kernels[i].defines);
	}
	for (size_t i = 0; i < dead->constant_count; i++)
		clade_buffer_unref(&dead->constants[i].buffer);
	clade_free(context, dead->kernels);
	clade_free(context, dead->scratch);
	clade_free(context, dead->constants);
	clade_free(context, dead->constant_views);
	clade_free(context, dead->params);
	clade_free(context, dead->data);
	clade_device_unref(&dead->device);
	clade_free(context, dead);
}

/* ---- reading and building ---- */

struct clade_layout clade_step_layout(const struct clade_step *step, uint32_t input)
{
	return step && input < step->node.input_count ? step->layouts[input]
						      : (struct clade_layout) { CLADE_LAYOUT_ROWS, 0 };
}

size_t clade_step_scratch_count(const struct clade_step *step)
{
	return step ? step->scratch_count : 0;
}

size_t clade_step_scratch_bytes(const struct clade_step *step, size_t slot)
{
	return step && slot < step->scratch_count ? step->scratch[slot] : 0;
}

const struct clade_impl *clade_step_impl(const struct clade_step *step)
{
	return step ? step->impl : NULL;
}

const struct clade_op *clade_step_op(const struct clade_step *step)
{
	return step ? step->op : NULL;
}

const struct clade_node_info *clade_step_node(const struct clade_step *step)
{
	return step ? &step->node : NULL;
}

enum clade_status clade_steps_build(struct clade_device *device, struct clade_step *const *steps, size_t count,
				    struct clade_diag *diag)
{
	if (!device || (count && !steps))
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_steps_build: device and steps must not be NULL");
	for (size_t i = 0; i < count; i++)
		if (!steps[i] || steps[i]->device != device)
			return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
					  "clade_steps_build: step %zu is NULL or belongs to another device", i);
	return device->driver->build(device, steps, count, diag);
}

void clade_device_save_programs(struct clade_device *device)
{
	if (device)
		device->driver->save_programs(device);
}

size_t clade_device_fill_cache(struct clade_device *device, bool later)
{
	return device ? device->driver->fill_cache(device, later) : 0;
}
