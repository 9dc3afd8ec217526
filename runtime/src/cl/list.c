/* SPDX-License-Identifier: MIT */
/* Every device of every platform that the ICD loader shows, as plain structs. What fails is skipped and logged. */
#include "opencl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PLATFORMS = 64, MOST_DEVICES = 64, LONGEST_STRING = 1 << 16 };

/* Not in OpenCL 1.2's headers; queried only if the extension is there. */
enum { SUB_GROUP_SIZES_INTEL = 0x4108, WARP_SIZE_NV = 0x4003, WAVEFRONT_WIDTH_AMD = 0x4043 };

/* Spaces at the ends go, control characters inside become '?': these texts end in terminals and messages. */
static void tidy(char *text)
{
	size_t length = strlen(text), start = strspn(text, " \t\r\n");

	memmove(text, text + start, length - start + 1);
	length -= start;
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		text[--length] = 0;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
}

char *clade_cl_device_string(struct clade_context *context, cl_device_id device, cl_device_info name)
{
	size_t bytes = 0;
	char *text;

	if (clGetDeviceInfo(device, name, 0, NULL, &bytes) || bytes > LONGEST_STRING)
		bytes = 0;
	text = clade_alloc(context, bytes + 1);
	if (text && bytes && clGetDeviceInfo(device, name, bytes, text, NULL))
		text[0] = 0;
	if (text)
		tidy(text);
	return text;
}

char *clade_cl_platform_string(struct clade_context *context, cl_platform_id platform, cl_platform_info name)
{
	size_t bytes = 0;
	char *text;

	if (clGetPlatformInfo(platform, name, 0, NULL, &bytes) || bytes > LONGEST_STRING)
		bytes = 0;
	text = clade_alloc(context, bytes + 1);
	if (text && bytes && clGetPlatformInfo(platform, name, bytes, text, NULL))
		text[0] = 0;
	if (text)
		tidy(text);
	return text;
}

/* Whether all of `name` occurs in the list of extensions as a word. */
static bool has_extension(const char *extensions, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = extensions; (at = strstr(at, name)); at += length)
		if ((at == extensions || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
			return true;
	return false;
}

/* ---- numbers: `failed` keeps the first code of a query that every 1.2 device must answer ---- */

static cl_uint get_uint(cl_device_id device, cl_device_info name, cl_int *failed)
{
	cl_uint value = 0;
	cl_int code = clGetDeviceInfo(device, name, sizeof(value), &value, NULL);

	if (code && !*failed)
		*failed = code;
	return code ? 0 : value;
}

static cl_ulong get_ulong(cl_device_id device, cl_device_info name, cl_int *failed)
{
	cl_ulong value = 0;
	cl_int code = clGetDeviceInfo(device, name, sizeof(value), &value, NULL);

	if (code && !*failed)
		*failed = code;
	return code ? 0 : value;
}

static size_t get_size(cl_device_id device, cl_device_info name, cl_int *failed)
{
	size_t value = 0;
	cl_int code = clGetDeviceInfo(device, name, sizeof(value), &value, NULL);

	if (code && !*failed)
		*failed = code;
	return code ? 0 : value;
}

static uint32_t clamp32(size_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void get_limits(cl_device_id device, struct clade_device_info *info, cl_int *failed)
{
	cl_uint dims = get_uint(device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, failed);
	size_t sizes[16] = { 1, 1, 1 };

	info->compute_units = get_uint(device, CL_DEVICE_MAX_COMPUTE_UNITS, failed);
	info->max_work_group = clamp32(get_size(device, CL_DEVICE_MAX_WORK_GROUP_SIZE, failed));
	if (dims >= 3 && dims <= 16) {
		cl_int code =
			clGetDeviceInfo(device, CL_DEVICE_MAX_WORK_ITEM_SIZES, dims * sizeof(size_t), sizes, NULL);

		if (code && !*failed)
			*failed = code;
	}
	for (int i = 0; i < 3; i++)
		info->max_work_item[i] = sizes[i] ? clamp32(sizes[i]) : 1;
	info->global_bytes = get_ulong(device, CL_DEVICE_GLOBAL_MEM_SIZE, failed);
	info->max_alloc_bytes = get_ulong(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, failed);
	info->local_bytes = get_ulong(device, CL_DEVICE_LOCAL_MEM_SIZE, failed);
	info->base_align = get_uint(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, failed) / 8; /* reported in bits */
	info->native_float_width = get_uint(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, failed);
	/* Drivers have answered 0 and 2^64 - 1: the first would forbid all, the second would allow anything. */
	if (!info->max_work_group)
		info->max_work_group = 1;
	if (info->max_alloc_bytes > info->global_bytes && info->global_bytes)
		info->max_alloc_bytes = info->global_bytes;
	if (!info->max_alloc_bytes)
		info->max_alloc_bytes = info->global_bytes / 4;
	if (!info->base_align || info->base_align > 4096)
		info->base_align = 4096;
}

static void get_sub_groups(cl_device_id device, const char *extensions, struct clade_device_info *info)
{
	size_t sizes[8] = { 0 }, bytes = 0;
	cl_int ignored = 0;

	info->sub_groups =
		has_extension(extensions, "cl_khr_subgroups") || has_extension(extensions, "cl_intel_subgroups");
	if (!info->sub_groups)
		return;
	if (has_extension(extensions, "cl_nv_device_attribute_query")) {
		info->sub_group_sizes[0] = get_uint(device, WARP_SIZE_NV, &ignored);
	} else if (has_extension(extensions, "cl_amd_device_attribute_query")) {
		info->sub_group_sizes[0] = get_uint(device, WAVEFRONT_WIDTH_AMD, &ignored);
	} else if (has_extension(extensions, "cl_intel_required_subgroup_size") &&
		   !clGetDeviceInfo(device, SUB_GROUP_SIZES_INTEL, 0, NULL, &bytes) && bytes < sizeof(sizes) &&
		   !clGetDeviceInfo(device, SUB_GROUP_SIZES_INTEL, bytes, sizes, NULL)) {
		for (size_t i = 0; i < bytes / sizeof(sizes[0]); i++)
			info->sub_group_sizes[i] = clamp32(sizes[i]);
		info->sub_group_shuffle = has_extension(extensions, "cl_intel_subgroups");
	}
}

static enum clade_device_kind kind_of(cl_device_type type)
{
	static const struct {
		cl_device_type type;
		enum clade_device_kind kind;
	} kinds[] = {
		{ CL_DEVICE_TYPE_GPU, CLADE_DEVICE_GPU },
		{ CL_DEVICE_TYPE_CPU, CLADE_DEVICE_CPU },
		{ CL_DEVICE_TYPE_ACCELERATOR, CLADE_DEVICE_ACCELERATOR },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (type & kinds[i].type)
			return kinds[i].kind;
	return CLADE_DEVICE_OTHER;
}

static bool copy_string(struct clade_context *context, char *text, char *out, size_t size)
{
	if (text)
		snprintf(out, size, "%s", text);
	clade_free(context, text);
	return text != NULL;
}

/* Fills all of `info`. Returns why the device cannot be used, or NULL; *no_memory if that is the reason. */
static const char *inspect(struct clade_context *context, cl_platform_id platform, cl_device_id device,
			   struct clade_device_info *info, bool *no_memory)
{
	cl_int failed = CL_SUCCESS, ignored = CL_SUCCESS;
	cl_ulong type = get_ulong(device, CL_DEVICE_TYPE, &failed);
	char *extensions = clade_cl_device_string(context, device, CL_DEVICE_EXTENSIONS);
	bool strings = extensions != NULL;
	unsigned major = 0, minor = 0;

#define STRING(field, source) (strings = strings && copy_string(context, source, info->field, sizeof(info->field)))
	STRING(name, clade_cl_device_string(context, device, CL_DEVICE_NAME));
	STRING(vendor, clade_cl_device_string(context, device, CL_DEVICE_VENDOR));
	STRING(driver, clade_cl_device_string(context, device, CL_DRIVER_VERSION));
	STRING(version, clade_cl_device_string(context, device, CL_DEVICE_VERSION));
	STRING(platform, clade_cl_platform_string(context, platform, CL_PLATFORM_NAME));
#undef STRING
	if (!strings) {
		clade_free(context, extensions);
		*no_memory = true;
		return "no memory";
	}
	info->kind = kind_of(type);
	get_limits(device, info, &failed);
	get_sub_groups(device, extensions, info);
	info->fp16 = has_extension(extensions, "cl_khr_fp16");
	info->fp64 = get_ulong(device, CL_DEVICE_DOUBLE_FP_CONFIG, &ignored) != 0;
	info->int_dot = has_extension(extensions, "cl_khr_integer_dot_product");
	info->soft_fma = !(get_ulong(device, CL_DEVICE_SINGLE_FP_CONFIG, &failed) & CL_FP_FMA);
	info->out_of_order =
		(get_ulong(device, CL_DEVICE_QUEUE_PROPERTIES, &failed) & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0;
	info->profiling = 1; /* every 1.2 device must; the quirk table knows better of some */
	if (sscanf(info->version, "OpenCL %u.%u", &major, &minor) == 2) {
		info->opencl_major = major;
		info->opencl_minor = minor;
	}
	clade_free(context, extensions);
	if (failed)
		return clade_cl_code_name(failed);
	if (!get_uint(device, CL_DEVICE_AVAILABLE, &ignored))
		return "it is not available";
	if (!get_uint(device, CL_DEVICE_COMPILER_AVAILABLE, &ignored))
		return "its driver has no compiler";
	if (!get_uint(device, CL_DEVICE_ENDIAN_LITTLE, &ignored))
		return "it is not little-endian";
	if (major < 1 || (major == 1 && minor < 2))
		return "it has OpenCL older than 1.2";
	return NULL;
}

static enum clade_status list_device(struct clade_context *context, struct clade_found_list *list,
				     cl_platform_id platform, unsigned p, cl_device_id device, unsigned d,
				     struct clade_diag *diag)
{
	struct clade_found *found;
	const char *why;
	bool no_memory = false;
	cl_int ignored = CL_SUCCESS;

	/* A driver that is installed twice shows its devices twice. */
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].device == device)
			return CLADE_OK;
	found = clade_found_add(context, list, &clade_driver_cl);
	if (!found)
		return clade_fail_memory(diag, sizeof(*found), "the list of devices");
	found->platform = platform;
	found->device = device;
	snprintf(found->info.id, sizeof(found->info.id), "cl:%u.%u", p, d);
	why = inspect(context, platform, device, &found->info, &no_memory);
	if (why) {
		clade_log(context, CLADE_LOG_WARN, "device", "cl:%u.%u (%s) is skipped: %s", p, d, found->info.name,
			  why);
		list->count--;
		return no_memory ? clade_fail_memory(diag, 0, "the list of devices") : CLADE_OK;
	}
	clade_cl_apply_quirks(&found->info, get_uint(device, CL_DEVICE_HOST_UNIFIED_MEMORY, &ignored) != CL_FALSE);
	clade_cl_find_dot(&found->info);
	return CLADE_OK;
}

static enum clade_status list_platform(struct clade_context *context, struct clade_found_list *list,
				       cl_platform_id platform, unsigned p, struct clade_diag *diag)
{
	cl_device_id devices[MOST_DEVICES];
	cl_uint count = 0;
	cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MOST_DEVICES, devices, &count);
	enum clade_status status = CLADE_OK;
	char *name;

	if (code || count == 0) {
		name = clade_cl_platform_string(context, platform, CL_PLATFORM_NAME);
		if (!name)
			return clade_fail_memory(diag, 0, "the list of devices");
		if (code == CL_SUCCESS || code == CL_DEVICE_NOT_FOUND)
			clade_log(context, CLADE_LOG_INFO, "device", "platform %u (%s) has no device", p, name);
		else
			clade_log(context, CLADE_LOG_WARN, "device",
				  "platform %u (%s) is skipped: clGetDeviceIDs failed: %s (%d)", p, name,
				  clade_cl_code_name(code), (int)code);
		clade_free(context, name);
		return CLADE_OK;
	}
	if (count > MOST_DEVICES)
		count = MOST_DEVICES;
	for (cl_uint d = 0; d < count && !status; d++)
		status = list_device(context, list, platform, p, devices[d], d, diag);
	return status;
}

/* Whether a parent process has used OpenCL through this context: a driver's threads do not survive a fork, and a call
 * in the child would wait for them for ever. Remembers the first process that asks. */
static bool is_forked(struct clade_context *context)
{
	void *me = (void *)(intptr_t)getpid();
	bool forked;

	pthread_mutex_lock(&context->device_lock);
	if (!context->device_state)
		context->device_state = me;
	forked = context->device_state != me;
	pthread_mutex_unlock(&context->device_lock);
	return forked;
}

enum clade_status clade_cl_list(struct clade_context *context, struct clade_found_list *list, struct clade_diag *diag)
{
	enum { NO_PLATFORM = -1001 };
	cl_platform_id platforms[MOST_PLATFORMS];
	cl_uint count = 0;
	cl_int code;
	enum clade_status status = CLADE_OK;

	if (is_forked(context)) {
		clade_log(context, CLADE_LOG_WARN, "device",
			  "the parent process has used OpenCL: its devices cannot be used in this child");
		return CLADE_OK;
	}
	code = clGetPlatformIDs(MOST_PLATFORMS, platforms, &count);
	if (code || count == 0) {
		clade_log(context, code && code != NO_PLATFORM ? CLADE_LOG_WARN : CLADE_LOG_INFO, "device",
			  "no OpenCL platform: %s (%d)", code ? clade_cl_code_name(code) : "none is installed",
			  (int)code);
		return CLADE_OK;
	}
	if (count > MOST_PLATFORMS)
		count = MOST_PLATFORMS;
	for (cl_uint p = 0; p < count && !status; p++)
		status = list_platform(context, list, platforms[p], p, diag);
	return status;
}
