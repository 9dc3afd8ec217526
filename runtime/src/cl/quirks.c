/* SPDX-License-Identifier: MIT */
/* What devices do not say about themselves, as data; and the choices that follow: vector width, tile, rank. */
#include "opencl.h"

#include <stdio.h>
#include <string.h>

/* A row applies if every text given occurs in the device's property (case does not matter) and the kind matches. */
static const struct quirk {
	const char *name, *platform, *device;
	int kind;              /* enum clade_device_kind that it applies to, -1: any */
	int set_kind;          /* what it really is, -1: as it says */
	int soft_fma;          /* 1, 0, or -1: as it says */
	uint32_t rank;         /* 0: by kind */
	uint32_t no_profiling; /* its timer gives 0 */
	const char *why;
	uint32_t loop_limit; /* 0: as it says (nothing) */
	uint32_t late;       /* kernels are compiled when they are first launched */
} quirks[] = {
	{ "pocl", "Portable Computing Language", NULL, CLADE_DEVICE_CPU, -1, -1, 40, 0,
	  "the CPU driver that kernels are tuned on; compiles a kernel when it is first launched, 20 to 700 ms", 0, 1 },
	{ "pocl", "Portable Computing Language", NULL, CLADE_DEVICE_GPU, -1, -1, 15, 0,
	  "the vendor's own driver comes first" },
	{ "intel-cpu", "Intel(R) OpenCL", NULL, CLADE_DEVICE_CPU, -1, 0, 0, 0,
	  "does not list CL_FP_FMA, yet fma is one instruction" },
	{ "rusticl", "rusticl", NULL, -1, -1, -1, 0, 1, "the event timer of Mesa 22.3 reads 0" },
	{ "llvmpipe", NULL, "llvmpipe", -1, CLADE_DEVICE_CPU, 1, 60, 0,
	  "fma is a call in software (11 million a second); subnormals are flushed; loops end after 65535 iterations",
	  65535 },
	{ "clover", "Clover", NULL, -1, -1, -1, 65, 0, "superseded by rusticl" },
	{ "oclgrind", "Oclgrind", NULL, -1, CLADE_DEVICE_OTHER, 1, 70, 0, "interprets kernels, to check them" },
};

static const uint32_t ranks[] = {
	[CLADE_DEVICE_HOST] = 1000, [CLADE_DEVICE_GPU] = 10,   [CLADE_DEVICE_ACCELERATOR] = 30,
	[CLADE_DEVICE_CPU] = 50,    [CLADE_DEVICE_OTHER] = 55,
};
/* Half a second of a GPU that does 20 GFLOP/s, a slow one. */
#define GPU_LAUNCH_FLOPS UINT64_C(10000000000)

enum { INTEGRATED_RANK = 5 /* added for a GPU that shares the host's memory */ };

#if defined(__aarch64__)
enum { MANY_REGISTERS = 1 };
#else
enum { MANY_REGISTERS = 0 };
#endif

/* Register tiles: MR * NV accumulators, NV weights and a broadcast must fit the vector registers (32 with AVX-512 and
 * NEON, 16 with AVX2 and SSE). */
static const struct tile {
	uint32_t width;
	int many_registers; /* -1: either */
	uint32_t rows, vectors;
} tiles[] = {
	{ 16, -1, 12, 2 }, { 8, -1, 6, 2 }, { 4, 1, 6, 4 }, { 4, 0, 4, 2 }, { 1, -1, 4, 4 },
};

static bool applies(const struct quirk *quirk, const struct clade_device_info *info)
{
	return (quirk->kind < 0 || quirk->kind == (int)info->kind) &&
	       (!quirk->platform || clade_text_has(info->platform, quirk->platform)) &&
	       (!quirk->device || clade_text_has(info->name, quirk->device));
}

/* GPUs run scalar work-items side by side: four floats a load is the most that pays. */
static uint32_t choose_width(const struct clade_device_info *info)
{
	static const uint32_t widths[] = { 16, 8, 4 };
	uint32_t most = info->kind == CLADE_DEVICE_GPU ? 4 : 16;

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if (widths[i] <= most && info->native_float_width >= widths[i])
			return widths[i];
	return 1;
}

void clade_cl_apply_quirks(struct clade_device_info *info, bool unified_memory)
{
	struct clade_device_info said = *info;
	size_t at = 0;

	info->rank = 0;
	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++) {
		const struct quirk *quirk = &quirks[i];
		int n;

		if (!applies(quirk, &said))
			continue;
		n = snprintf(info->quirks + at, sizeof(info->quirks) - at, "%s%s", at ? "," : "", quirk->name);
		if (n > 0 && (size_t)n < sizeof(info->quirks) - at)
			at += (size_t)n;
		if (quirk->set_kind >= 0)
			info->kind = (enum clade_device_kind)quirk->set_kind;
		if (quirk->rank)
			info->rank = quirk->rank;
		if (quirk->soft_fma >= 0)
			info->soft_fma = (uint32_t)quirk->soft_fma;
		if (quirk->no_profiling)
			info->profiling = 0;
		if (quirk->loop_limit)
			info->loop_limit = quirk->loop_limit;
		if (quirk->late)
			info->compiles_late = 1;
	}
	if (!info->rank) {
		info->rank = ranks[info->kind];
		if (info->kind == CLADE_DEVICE_GPU && unified_memory)
			info->rank += INTEGRATED_RANK;
	}
	info->launch_flops = info->kind == CLADE_DEVICE_GPU ? GPU_LAUNCH_FLOPS : 0;
	info->vector_width = choose_width(info);
	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
		if (tiles[i].width == info->vector_width &&
		    (tiles[i].many_registers < 0 || tiles[i].many_registers == MANY_REGISTERS)) {
			info->tile_rows = tiles[i].rows;
			info->tile_vectors = tiles[i].vectors;
		}
}
