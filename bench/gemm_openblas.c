/* SPDX-License-Identifier: MIT */
/* OpenBLAS's side of the comparison of matrix products: cblas_sgemm, each of its threads on a core of its own. */
#include "gemm.h"

#include <cblas.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* OpenBLAS starts its threads with the process: the first stays on the first core that we may use, and so on. */
static void pin_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	cpu_set_t allowed;
	int core = -1;

	if (!tasks)
		return;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	while ((entry = readdir(tasks))) {
		cpu_set_t set;

		if (entry->d_name[0] == '.')
			continue;
		do
			core = (core + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(core, &allowed));
		CPU_ZERO(&set);
		CPU_SET(core, &set);
		sched_setaffinity(atoi(entry->d_name), sizeof(set), &set);
	}
	closedir(tasks);
}

static const char *start_openblas(char *out_about, size_t size)
{
	pin_threads();
	snprintf(out_about, size, "%s, kernels for %s, %d threads", openblas_get_config(), openblas_get_corename(),
		 openblas_get_num_threads());
	return NULL;
}

static const char *open_openblas(struct gemm *gemm)
{
	(void)gemm;
	return NULL;
}

static const char *run_openblas(struct gemm *gemm, int calls)
{
	for (int i = 0; i < calls; i++)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, gemm->m, gemm->n, gemm->k, 1.0f, gemm->x, gemm->k,
			    gemm->w, gemm->k, 0.0f, gemm->y, gemm->n);
	return NULL;
}

static const char *fetch_openblas(struct gemm *gemm)
{
	(void)gemm;
	return NULL;
}

static void close_openblas(struct gemm *gemm)
{
	(void)gemm;
}

const struct gemm_side gemm_side = { start_openblas, open_openblas, run_openblas, fetch_openblas, close_openblas };
