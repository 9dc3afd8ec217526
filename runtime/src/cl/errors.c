/* SPDX-License-Identifier: MIT */
/* OpenCL's codes by name, and the one place where a code becomes a status. */
#include "opencl.h"

#include <stdio.h>
#include <unistd.h>

static const struct {
	cl_int code;
	const char *name;
} codes[] = {
	{ 0, "CL_SUCCESS" },
	{ -1, "CL_DEVICE_NOT_FOUND" },
	{ -2, "CL_DEVICE_NOT_AVAILABLE" },
	{ -3, "CL_COMPILER_NOT_AVAILABLE" },
	{ -4, "CL_MEM_OBJECT_ALLOCATION_FAILURE" },
	{ -5, "CL_OUT_OF_RESOURCES" },
	{ -6, "CL_OUT_OF_HOST_MEMORY" },
	{ -7, "CL_PROFILING_INFO_NOT_AVAILABLE" },
	{ -8, "CL_MEM_COPY_OVERLAP" },
	{ -9, "CL_IMAGE_FORMAT_MISMATCH" },
	{ -10, "CL_IMAGE_FORMAT_NOT_SUPPORTED" },
	{ -11, "CL_BUILD_PROGRAM_FAILURE" },
	{ -12, "CL_MAP_FAILURE" },
	{ -13, "CL_MISALIGNED_SUB_BUFFER_OFFSET" },
	{ -14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST" },
	{ -15, "CL_COMPILE_PROGRAM_FAILURE" },
	{ -16, "CL_LINKER_NOT_AVAILABLE" },
	{ -17, "CL_LINK_PROGRAM_FAILURE" },
	{ -18, "CL_DEVICE_PARTITION_FAILED" },
	{ -19, "CL_KERNEL_ARG_INFO_NOT_AVAILABLE" },
	{ -30, "CL_INVALID_VALUE" },
	{ -31, "CL_INVALID_DEVICE_TYPE" },
	{ -32, "CL_INVALID_PLATFORM" },
	{ -33, "CL_INVALID_DEVICE" },
	{ -34, "CL_INVALID_CONTEXT" },
	{ -35, "CL_INVALID_QUEUE_PROPERTIES" },
	{ -36, "CL_INVALID_COMMAND_QUEUE" },
	{ -37, "CL_INVALID_HOST_PTR" },
	{ -38, "CL_INVALID_MEM_OBJECT" },
	{ -39, "CL_INVALID_IMAGE_FORMAT_DESCRIPTOR" },
	{ -40, "CL_INVALID_IMAGE_SIZE" },
	{ -41, "CL_INVALID_SAMPLER" },
	{ -42, "CL_INVALID_BINARY" },
	{ -43, "CL_INVALID_BUILD_OPTIONS" },
	{ -44, "CL_INVALID_PROGRAM" },
	{ -45, "CL_INVALID_PROGRAM_EXECUTABLE" },
	{ -46, "CL_INVALID_KERNEL_NAME" },
	{ -47, "CL_INVALID_KERNEL_DEFINITION" },
	{ -48, "CL_INVALID_KERNEL" },
	{ -49, "CL_INVALID_ARG_INDEX" },
	{ -50, "CL_INVALID_ARG_VALUE" },
	{ -51, "CL_INVALID_ARG_SIZE" },
	{ -52, "CL_INVALID_KERNEL_ARGS" },
	{ -53, "CL_INVALID_WORK_DIMENSION" },
	{ -54, "CL_INVALID_WORK_GROUP_SIZE" },
	{ -55, "CL_INVALID_WORK_ITEM_SIZE" },
	{ -56, "CL_INVALID_GLOBAL_OFFSET" },
	{ -57, "CL_INVALID_EVENT_WAIT_LIST" },
	{ -58, "CL_INVALID_EVENT" },
	{ -59, "CL_INVALID_OPERATION" },
	{ -60, "CL_INVALID_GL_OBJECT" },
	{ -61, "CL_INVALID_BUFFER_SIZE" },
	{ -62, "CL_INVALID_MIP_LEVEL" },
	{ -63, "CL_INVALID_GLOBAL_WORK_SIZE" },
	{ -64, "CL_INVALID_PROPERTY" },
	{ -65, "CL_INVALID_IMAGE_DESCRIPTOR" },
	{ -66, "CL_INVALID_COMPILER_OPTIONS" },
	{ -67, "CL_INVALID_LINKER_OPTIONS" },
	{ -68, "CL_INVALID_DEVICE_PARTITION_COUNT" },
	{ -69, "CL_INVALID_PIPE_SIZE" },
	{ -70, "CL_INVALID_DEVICE_QUEUE" },
	{ -71, "CL_INVALID_SPEC_ID" },
	{ -72, "CL_MAX_SIZE_RESTRICTION_EXCEEDED" },
	{ -1001, "CL_PLATFORM_NOT_FOUND_KHR" },
	{ -1057, "CL_DEVICE_PARTITION_FAILED_EXT" },
	{ -1058, "CL_INVALID_PARTITION_COUNT_EXT" },
	{ -9999, "an access out of bounds in a kernel (NVIDIA)" },
};

/* What follows from a code, where it is not simply a device that failed. */
static const struct {
	cl_int code;
	enum clade_status status;
	bool lost; /* no context survives it: the driver's state is unknown from here on */
} meanings[] = {
	{ CL_MEM_OBJECT_ALLOCATION_FAILURE, CLADE_ERR_MEMORY, false },
	{ CL_OUT_OF_RESOURCES, CLADE_ERR_DEVICE, true },
	{ CL_OUT_OF_HOST_MEMORY, CLADE_ERR_MEMORY, true },
	{ CL_INVALID_COMMAND_QUEUE, CLADE_ERR_DEVICE, true },
	{ -9999, CLADE_ERR_DEVICE, true },
};

const char *clade_cl_code_name(cl_int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "a code that OpenCL does not define";
}

enum clade_status clade_cl_check(struct clade_device *device, cl_int code, const char *call, struct clade_diag *diag)
{
	enum clade_status status = CLADE_ERR_DEVICE;
	bool first = diag && !diag->status, lost = false;

	if (code == CL_SUCCESS)
		return CLADE_OK;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code) {
			status = meanings[i].status;
			lost = meanings[i].lost;
		}
	if (lost)
		atomic_store(&clade_cl_state(device)->lost, code);
	clade_fail(diag, status, CLADE_MSG_OPENCL, device->info.id, "%s failed on %.100s: %s (%d)%s", call,
		   device->info.name, clade_cl_code_name(code), (int)code,
		   lost ? "; this device must be opened anew" : "");
	if (first)
		diag->device_code = code;
	clade_log(device->context, CLADE_LOG_ERROR, "device", "%s: %s failed: %s (%d)", device->info.id, call,
		  clade_cl_code_name(code), (int)code);
	return status;
}

enum clade_status clade_cl_alive(struct clade_device *device, struct clade_diag *diag)
{
	struct clade_cl_device *state = clade_cl_state(device);
	int lost = atomic_load(&state->lost);

	if (lost)
		return clade_fail(diag, CLADE_ERR_DEVICE, CLADE_MSG_OPENCL, device->info.id,
				  "%.100s was lost by an earlier error, %s (%d); it must be opened anew",
				  device->info.name, clade_cl_code_name(lost), lost);
	if (state->pid != getpid())
		return clade_fail(diag, CLADE_ERR_DEVICE, CLADE_MSG_OPENCL, device->info.id,
				  "%.100s was opened by the parent process; a child must open its own before any other "
				  "use of OpenCL",
				  device->info.name);
	return CLADE_OK;
}

bool clade_cl_may_release(const struct clade_device *device)
{
	return clade_cl_state(device)->pid == getpid();
}
