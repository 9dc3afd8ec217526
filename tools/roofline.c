/* SPDX-License-Identifier: MIT */
/* The two lines of a roofline: fma_chain for arithmetic, reduce_sum over rows that no cache holds for bandwidth. */
#include "roofline.h"

#include "workload.h"

#include <stdlib.h>

enum { RUNS = 7 };

/* Best seconds of RUNS runs of a graph with one input x, and what a run costs. */
static enum clade_status measure(struct tool *tool, struct clade_device *device, const char *text,
				 const struct clade_type *type, double *out_seconds, struct clade_cost *out_cost)
{
	struct clade_graph *graph = NULL;
	struct clade_session *session = NULL;
	struct clade_plan_step step;
	struct clade_graph_params params = { .size = sizeof(params), .path = "roofline", .text = text };
	struct clade_choices choices = { .size = sizeof(choices), .profiling = true };
	struct clade_session_params session_params = { .size = sizeof(session_params), .choices = &choices };
	size_t bytes = 0;
	float *x = clade_type_bytes(type, &bytes) ? calloc(1, bytes + 1) : NULL;
	struct clade_input input = { "x", *type, x };
	enum clade_status status = x != NULL ? CLADE_OK : clade_fail_memory(&tool->diag, bytes, "a measurement");
	if (status == CLADE_OK)
		status = clade_graph_create(tool->context, &params, &graph, &tool->diag);
	if (status == CLADE_OK)
		status = clade_session_create(graph, device, &session_params, &session, &tool->diag);
	*out_seconds = 0;
	for (int i = 0; i < RUNS && status == CLADE_OK; i++) {
		status = clade_session_run(session, "main", &input, 1, &tool->diag);
		if (status != CLADE_OK || !clade_session_step(session, "main", 0, &step))
			break;
		double seconds = 1e-9 * (double)step.device_ns;
		*out_cost = step.cost;
		if (seconds > 0 && (*out_seconds == 0 || seconds < *out_seconds))
			*out_seconds = seconds;
	}
	clade_session_destroy(&session);
	clade_graph_destroy(&graph);
	free(x);
	return status;
}

enum clade_status roofline_measure(struct tool *tool, struct clade_device *device, struct roofline *out)
{
	const struct clade_device_info *info = clade_device_get_info(device);
	/* interpreters and software fma are slow: little work there, so that the answer comes at all */
	bool slow = info->soft_fma || info->kind == CLADE_DEVICE_HOST;
	int64_t rows = slow ? 16 : info->kind == CLADE_DEVICE_GPU ? 16384 : 768;
	int64_t rounds = slow ? 64 : 4096, length = slow ? 64 : info->kind == CLADE_DEVICE_GPU ? 32768 : 8192;
	char text[400];
	double seconds;
	struct clade_cost cost = { 0 };
	*out = (struct roofline) { 0 };
	const struct clade_type chain = { CLADE_F32, 2, { rows, 768 } };
	snprintf(text, sizeof(text),
		 "clade 1\nmodel \"roofline\"\nentry main {\n input x : f32[%lld, 768]\n"
		 " output y : f32[%lld, 768] = fma_chain(x, rounds = %lld)\n}\n",
		 (long long)rows, (long long)rows, (long long)rounds);
	enum clade_status status = measure(tool, device, text, &chain, &seconds, &cost);
	if (status != CLADE_OK)
		return status;
	out->flops = seconds > 0 ? cost.flops / seconds : 0;
	const struct clade_type stream = { CLADE_F32, 2, { 8192, length } };
	snprintf(text, sizeof(text),
		 "clade 1\nmodel \"roofline\"\nentry main {\n input x : f32[8192, %lld]\n"
		 " output y : f32[8192] = reduce_sum(x)\n}\n",
		 (long long)length);
	status = measure(tool, device, text, &stream, &seconds, &cost);
	out->bytes = status == CLADE_OK && seconds > 0 ? cost.bytes / seconds : 0;
	return status;
}

double roofline_share(const struct roofline *roofline, double flops, double bytes, double seconds)
{
	if (roofline->flops <= 0 || roofline->bytes <= 0 || seconds <= 0)
		return 0;
	double arithmetic = flops / roofline->flops, memory = bytes / roofline->bytes;
	return (arithmetic > memory ? arithmetic : memory) / seconds;
}
