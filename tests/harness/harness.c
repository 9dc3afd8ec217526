/* SPDX-License-Identifier: MIT */
/* Runs ops' cases on a device against `ref`; see harness.h. */
#include "harness.h"
#include "trial.h"

#include <clade/builtin.h>
#include <clade/messages.h>

#include <string.h>

enum clade_status harness_open(struct harness *harness, struct clade_context *context, const char *selector,
			       struct clade_diag *diag)
{
	enum clade_status status;

	harness->context = context;
	harness->host = harness->device = NULL;
	harness->host_queue = harness->queue = NULL;
	if (!harness->out)
		harness->out = stdout;
	status = clade_device_open(context, "ref", &harness->host, diag);
	if (!status)
		status = clade_device_open(context, selector, &harness->device, diag);
	if (!status)
		status = clade_queue_create(harness->host, false, &harness->host_queue, diag);
	if (!status)
		status = clade_queue_create(harness->device, false, &harness->queue, diag);
	if (status)
		harness_close(harness);
	return status;
}

void harness_close(struct harness *harness)
{
	clade_queue_destroy(&harness->queue);
	clade_queue_destroy(&harness->host_queue);
	clade_device_unref(&harness->device);
	clade_device_unref(&harness->host);
}

int harness_main(struct harness *harness, int argc, char **argv, clade_plugin_entry_fn *entry, int (*run)(void))
{
	struct clade_context *context = NULL;
	const char *device = "cl";
	struct clade_diag diag;
	int result = 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
			device = argv[++i];
		else if (strcmp(argv[i], "--label") == 0 && i + 1 < argc)
			harness->label = argv[++i];
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	clade_diag_init(&diag);
	if (!clade_context_create(NULL, &context, &diag) && !clade_context_add_builtins(context, &diag) &&
	    (!entry || !clade_context_register(context, entry, "test", &diag)) &&
	    !harness_open(harness, context, device, &diag)) {
		result = run();
		harness_close(harness);
	} else {
		fprintf(stderr, "%s\n", diag.text);
	}
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	return result;
}

/* "layer_norm.cl.wg f32[12, 1023] pocl equal" */
static void report(struct harness *harness, const struct trial *trial, const struct clade_case *test_case,
		   const char *verdict, const char *why)
{
	static const char *const modes[] = { "", " (in place)", " (required outputs only)" };
	char type[128] = "";

	for (uint32_t i = 0; i < trial->data->input_count && !type[0]; i++)
		if (trial->data->present[i])
			clade_type_text(&trial->data->input_types[i], type, sizeof(type));
	fprintf(harness->out, "%s.%s %s %s %s%s%s%s [%s]\n", trial->op->name, trial->impl->name, type, harness->label,
		verdict, modes[trial->mode], why[0] ? ": " : "", why, test_case->name);
}

/* Whether this device is too slow for large cases, and why. */
static const char *is_slow(const struct harness *harness)
{
	const struct clade_device_info *info = clade_device_get_info(harness->device);

	if (strstr(info->platform, "Oclgrind") || strstr(info->name, "Oclgrind"))
		return "Oclgrind interprets kernels: no large cases";
	return info->soft_fma ? "fma is software on this device: no large cases" : NULL;
}

/* The outputs against the expected ones; says how far apart they are. */
static bool compare_outputs(struct trial *trial, const struct trial *expected, char *why, size_t why_size)
{
	double tolerance = clade_impl_tolerance(trial->impl);

	for (uint32_t i = 0; i < trial->data->output_count; i++) {
		struct clade_compare compare;

		if (!trial->results[i])
			continue;
		clade_compare_arrays(&trial->data->output_types[i], trial->results[i], expected->results[i], &compare);
		if (compare.bit_equal || (tolerance > 0 && compare.nmse <= tolerance))
			continue;
		snprintf(why, why_size, "output %u differs from ref: element %lld, %.3g at most, %.3g ULP, NMSE %.3g",
			 i, (long long)compare.worst, compare.max_abs, compare.max_ulp, compare.nmse);
		return false;
	}
	return true;
}

static void check_mode(struct harness *harness, struct trial *trial, const struct trial *expected,
		       const struct clade_case *test_case, struct harness_counts *counts)
{
	bool canonical = trial->impl->order == CLADE_ORDER_CANONICAL && trial->impl->precision == CLADE_PRECISION_FULL;
	enum trial_result result = trial_run(trial);

	if (result == TRIAL_REFUSED) {
		counts->refused++;
		snprintf(counts->last_refusal, sizeof(counts->last_refusal), "%.255s", trial->problem);
	} else if (result == TRIAL_OK) {
		counts->executed++;
		if (!compare_outputs(trial, expected, trial->problem, sizeof(trial->problem)))
			result = TRIAL_FAILED;
	}
	if (result == TRIAL_FAILED) {
		counts->failed++;
		report(harness, trial, test_case, "FAILED", trial->problem);
	} else if (harness->verbose) {
		report(harness, trial, test_case,
		       result == TRIAL_REFUSED ? "refused"
		       : canonical             ? "equal"
					       : "within tolerance",
		       trial->problem);
	}
	trial_finish(trial);
}

static bool can_alias(const struct clade_case *test_case, const struct clade_case_data *data)
{
	return test_case->flags & CLADE_CASE_ALIAS && data->present[0] && !data->row_gap[0] &&
	       clade_type_equal(&data->input_types[0], &data->output_types[0]);
}

/* An implementation for devices of another kind, on a slow one: every small case once and with all outputs shows races
 * and wrong accesses; that a second run and missing outputs are right is seen where kernels are fast. */
static const double brief_flops = 1e6;

static bool is_brief(const struct harness *harness, const struct clade_impl *impl)
{
	enum clade_device_kind kind = clade_device_get_info(harness->device)->kind;

	return !harness->large && is_slow(harness) && impl->kinds && !(impl->kinds & CLADE_KIND_BIT(kind));
}

static double flops_of(const struct trial *trial)
{
	struct clade_cost cost;

	clade_op_cost(trial->op, &trial->node, &cost);
	return cost.flops;
}

static void check_case(struct harness *harness, const struct clade_op *op, const struct clade_impl *impl,
		       const struct clade_case *test_case, struct harness_counts *counts)
{
	const struct clade_impl *ref = clade_impl_find(harness->context, op->name, "ref");
	struct trial expected = { .harness = harness, .device = harness->host, .queue = harness->host_queue };
	struct clade_case_data data;
	struct clade_diag diag;

	clade_diag_init(&diag);
	if (clade_case_build(harness->context, op, test_case, harness->seed, &data, &diag)) {
		counts->failed++;
		fprintf(harness->out, "%s.%s %s FAILED: the case cannot be built: %s\n", op->name, impl->name,
			harness->label, diag.text);
		clade_diag_finish(&diag);
		return;
	}
	bool brief = is_brief(harness, impl);

	expected.op = op;
	expected.once = true;
	expected.impl = ref;
	expected.data = &data;
	expected.mode = test_case->flags & CLADE_CASE_REQUIRED ? TRIAL_REQUIRED : TRIAL_PLAIN;
	if (trial_run(&expected) != TRIAL_OK) {
		counts->failed++;
		report(harness, &expected, test_case, "FAILED", expected.problem);
	} else if (brief && flops_of(&expected) > brief_flops) {
		counts->skipped++;
		if (harness->verbose)
			report(harness, &expected, test_case, "skipped",
			       "more than a million operations for an implementation that is not chosen here");
	} else {
		for (int mode = TRIAL_PLAIN; mode <= TRIAL_REQUIRED; mode++) {
			struct trial trial = { .harness = harness,
					       .device = harness->device,
					       .queue = harness->queue,
					       .op = op,
					       .impl = impl,
					       .data = &data,
					       .mode = (enum trial_mode)mode,
					       .once = brief };

			if (mode != TRIAL_REQUIRED && test_case->flags & CLADE_CASE_REQUIRED)
				continue;
			if ((mode == TRIAL_ALIAS && !can_alias(test_case, &data)) ||
			    (mode == TRIAL_REQUIRED && !op_has_optional_output(op)) ||
			    (mode == TRIAL_REQUIRED && trial.once && !(test_case->flags & CLADE_CASE_REQUIRED)))
				continue;
			check_mode(harness, &trial, &expected, test_case, counts);
		}
	}
	trial_finish(&expected);
	clade_case_finish(harness->context, &data);
	clade_diag_finish(&diag);
}

void harness_check_impl(struct harness *harness, const struct clade_op *op, const struct clade_impl *impl,
			struct harness_counts *counts)
{
	const char *slow = harness->large ? NULL : is_slow(harness);

	for (size_t i = 0; op->cases && op->cases[i]; i++) {
		if (op->cases[i]->flags & CLADE_CASE_FAILS)
			continue;
		if (op->cases[i]->flags & CLADE_CASE_LARGE && slow) {
			counts->skipped++;
			if (harness->verbose)
				fprintf(harness->out, "%s.%s %s skipped: %s [%s]\n", op->name, impl->name,
					harness->label, slow, op->cases[i]->name);
			continue;
		}
		check_case(harness, op, impl, op->cases[i], counts);
	}
}

uint64_t harness_check_refused_cases(struct harness *harness, const struct clade_op *op, uint64_t *out_count)
{
	uint64_t taken = 0;

	*out_count = 0;
	for (size_t i = 0; op->cases && op->cases[i]; i++) {
		struct clade_case_data data;
		struct clade_diag diag;

		if (!(op->cases[i]->flags & CLADE_CASE_FAILS))
			continue;
		++*out_count;
		clade_diag_init(&diag);
		if (clade_case_build(harness->context, op, op->cases[i], harness->seed, &data, &diag) == CLADE_OK) {
			taken++;
			fprintf(harness->out, "%s FAILED: infer takes what it must refuse [%s]\n", op->name,
				op->cases[i]->name);
			clade_case_finish(harness->context, &data);
		} else if (diag.id == CLADE_MSG_ARGUMENT || diag.status == CLADE_ERR_MEMORY) {
			taken++; /* the text of the case itself is wrong: that proves nothing */
			fprintf(harness->out, "%s FAILED: %s\n", op->name, diag.text);
		} else if (harness->verbose) {
			fprintf(harness->out, "%s refused as it must be: %s [%s]\n", op->name, diag.text,
				op->cases[i]->name);
		}
		clade_diag_finish(&diag);
	}
	return taken;
}

/* Whether an implementation's place is this device: the host for ref, OpenCL for the others. */
static bool belongs(const struct harness *harness, const struct clade_impl *impl)
{
	bool host = clade_device_get_info(harness->device)->kind == CLADE_DEVICE_HOST;

	return impl->needs & (host ? CLADE_NEEDS_HOST : CLADE_NEEDS_OPENCL);
}

uint64_t harness_check_op(struct harness *harness, const struct clade_op *op, const char *impl_name)
{
	const struct clade_device_info *info = clade_device_get_info(harness->device);
	bool host = info->kind == CLADE_DEVICE_HOST;
	const struct clade_impl *impl;
	uint64_t refused_cases, failures, belonging = 0;

	if (op->flags & CLADE_OP_BLOCK) {
		fprintf(harness->out, "%s: not run here: its reference is a graph block\n", op->name);
		return 0;
	}
	if (!clade_impl_find(harness->context, op->name, "ref")) {
		fprintf(harness->out, "%s FAILED: it has no reference\n", op->name);
		return 1;
	}
	failures = harness_check_refused_cases(harness, op, &refused_cases);
	for (size_t i = 0; (impl = clade_impl_at(harness->context, op->name, i)); i++) {
		struct harness_counts counts = { 0 };
		bool portable = strcmp(impl->name, "ref") == 0 || strcmp(impl->name, "cl") == 0;

		if (!belongs(harness, impl))
			continue;
		belonging++;
		if (impl_name && strcmp(impl_name, impl->name) != 0)
			continue;
		harness_check_impl(harness, op, impl, &counts);
		fprintf(harness->out, "%s.%s %s: %llu executed, %llu refused, %llu skipped, %llu failed%s%s\n",
			op->name, impl->name, harness->label, (unsigned long long)counts.executed,
			(unsigned long long)counts.refused, (unsigned long long)counts.skipped,
			(unsigned long long)counts.failed, counts.refused ? "; refused: " : "", counts.last_refusal);
		failures += counts.failed;
		/* Where a driver ends long loops, a portable kernel may refuse long rows; nowhere else and nothing
		 * else. */
		if (portable && (counts.executed == 0 || (counts.refused && !info->loop_limit))) {
			fprintf(harness->out, "%s.%s %s FAILED: %s\n", op->name, impl->name, harness->label,
				counts.refused ? "it must take every case" : "no case was executed");
			failures++;
		}
	}
	if (!belonging) {
		fprintf(harness->out, "%s FAILED: it has no implementation for %s\n", op->name,
			host ? "the host" : "OpenCL");
		failures++;
	}
	return failures;
}
