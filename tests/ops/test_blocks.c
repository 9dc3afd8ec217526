/* SPDX-License-Identifier: MIT */
/* Fused implementations of blocks against their bodies: every case of a block op through each implementation on the
 * device, against the body's ops one after the other in reference C, bit for bit.
 *	test_blocks [--device SELECTOR] [--label TEXT] */
#include <harness.h>
#include <trial.h>

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static struct harness harness = { .label = "cl" };

/* A dense array on the host; `data` NULL: absent. */
struct value {
	struct clade_type type;
	void *data;
};

/* Runs op.ref on dense values. The result's memory belongs to the caller (clade_free, NULL context). */
static bool apply(struct harness *harness, const char *name, const char *attrs, const struct value *inputs,
		  uint32_t input_count, struct value *out, char *problem, size_t problem_size)
{
	struct trial trial = {
		.harness = harness, .device = harness->host, .queue = harness->host_queue, .mode = TRIAL_REQUIRED
	};
	struct clade_case_data data = { .input_count = input_count };
	const struct clade_type *types[CLADE_MAX_PORTS] = { NULL };
	struct clade_diag diag;
	bool ok = false;

	clade_diag_init(&diag);
	trial.op = clade_op_find(harness->context, name);
	trial.impl = clade_impl_find(harness->context, name, "ref");
	if (!trial.op || !trial.impl) {
		snprintf(problem, problem_size, "there is no %s.ref", name);
		return false;
	}
	data.params = clade_alloc(NULL, trial.op->params_size + 1);
	for (uint32_t i = 0; i < input_count; i++) {
		data.present[i] = inputs[i].data != NULL;
		data.input_types[i] = inputs[i].type;
		data.inputs[i] = inputs[i].data;
		types[i] = inputs[i].data ? &inputs[i].type : NULL;
	}
	if (clade_params_parse(trial.op, attrs, data.params, &diag) ||
	    clade_infer_types(trial.op, data.params, input_count, types, data.output_types, &data.output_count,
			      &diag)) {
		snprintf(problem, problem_size, "%s: %s", name, diag.text);
	} else {
		trial.data = &data;
		ok = trial_run(&trial) == TRIAL_OK;
		snprintf(problem, problem_size, "%s.ref: %.400s", name, trial.problem);
		out->type = data.output_types[0];
		out->data = trial.results[0];
		trial.results[0] = NULL;
		trial_finish(&trial);
	}
	clade_free(NULL, data.params);
	clade_diag_finish(&diag);
	return ok;
}

/* What the body of a block gives for a case: `out` has room for all outputs. */
typedef bool body_fn(struct harness *harness, const struct clade_case *test_case, const struct value *in,
		     struct value *out, char *problem, size_t problem_size);

/* The activation that a case's attribute `act` means; silu without one. */
static bool activate(struct harness *harness, const struct clade_case *test_case, const struct value *x,
		     struct value *out, char *problem, size_t problem_size)
{
	static const char tanh_form[] = "approximate = \"tanh\"";
	static const struct word {
		const char *text, *op, *attrs;
	} words[] = { { "\"relu\"", "relu", NULL },           { "\"gelu\"", "gelu", NULL },
		      { "\"gelu_tanh\"", "gelu", tanh_form }, { "\"gelu_pytorch_tanh\"", "gelu", tanh_form },
		      { "\"silu\"", "silu", NULL },           { "\"swish\"", "silu", NULL } };

	if (!test_case->attrs)
		return apply(harness, "silu", NULL, x, 1, out, problem, problem_size);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(test_case->attrs, words[i].text))
			return apply(harness, words[i].op, words[i].attrs, x, 1, out, problem, problem_size);
	snprintf(problem, problem_size, "this test does not know %s", test_case->attrs);
	return false;
}

/* y = linear(x, w, bias), + residual if there is one */
static bool linear_add(struct harness *harness, struct value x, struct value w, struct value bias,
		       struct value residual, struct value *out, char *problem, size_t problem_size)
{
	struct value y = { .data = NULL };
	bool ok = apply(harness, "linear", NULL, (const struct value[]) { x, w, bias }, 3, residual.data ? &y : out,
			problem, problem_size);

	if (ok && residual.data)
		ok = apply(harness, "add", NULL, (const struct value[]) { residual, y }, 2, out, problem, problem_size);
	clade_free(NULL, y.data);
	return ok;
}

/* linear(act(linear(x, w1, b1)), w2, b2), + residual */
static bool feed_forward_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
			      struct value *out, char *problem, size_t problem_size)
{
	struct value hidden = { .data = NULL }, active = { .data = NULL };
	bool ok = apply(harness, "linear", NULL, (const struct value[]) { in[0], in[1], in[2] }, 3, &hidden, problem,
			problem_size) &&
		  activate(harness, test_case, &hidden, &active, problem, problem_size) &&
		  linear_add(harness, active, in[3], in[4], in[5], out, problem, problem_size);

	clade_free(NULL, hidden.data);
	clade_free(NULL, active.data);
	return ok;
}

/* linear(act(linear(x, w1, b1)) * linear(x, w3, b3), w2, b2), + residual; ports x, w1, w3, w2, b1, b3, b2, residual */
static bool gated_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
		       struct value *out, char *problem, size_t problem_size)
{
	struct value gate = { .data = NULL }, active = { .data = NULL }, up = { .data = NULL },
		     hidden = { .data = NULL };
	bool ok =
		apply(harness, "linear", NULL, (const struct value[]) { in[0], in[1], in[4] }, 3, &gate, problem,
		      problem_size) &&
		activate(harness, test_case, &gate, &active, problem, problem_size) &&
		apply(harness, "linear", NULL, (const struct value[]) { in[0], in[2], in[5] }, 3, &up, problem,
		      problem_size) &&
		apply(harness, "mul", NULL, (const struct value[]) { active, up }, 2, &hidden, problem, problem_size) &&
		linear_add(harness, hidden, in[3], in[6], in[7], out, problem, problem_size);

	clade_free(NULL, gate.data);
	clade_free(NULL, active.data);
	clade_free(NULL, up.data);
	clade_free(NULL, hidden.data);
	return ok;
}

static bool linear_add_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
			    struct value *out, char *problem, size_t problem_size)
{
	return linear_add(harness, in[0], in[1], in[2], in[3], out, problem, problem_size);
}

/* Ports x, wq, wk, wv, bq, bk, bv. */
static bool qkv_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
		     struct value *out, char *problem, size_t problem_size)
{
	bool ok = true;

	for (int i = 0; i < 3 && ok; i++)
		ok = apply(harness, "linear", NULL, (const struct value[]) { in[0], in[1 + i], in[4 + i] }, 3, &out[i],
			   problem, problem_size);
	return ok;
}

/* layer_norm(add(x, y), gamma, beta, eps): the block's only attribute is layer_norm's. */
static bool add_norm_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
			  struct value *out, char *problem, size_t problem_size)
{
	struct value sum = { .data = NULL };
	bool ok = apply(harness, "add", NULL, in, 2, &sum, problem, problem_size) &&
		  apply(harness, "layer_norm", test_case->attrs, (const struct value[]) { sum, in[2], in[3] }, 3, out,
			problem, problem_size);

	clade_free(NULL, sum.data);
	return ok;
}

/* Those of a case's attributes that the op has too, after `more`. */
static const char *attrs_of(const struct harness *harness, const char *op, const struct clade_case *test_case,
			    const char *more, char out[200])
{
	const struct clade_attr *const *attrs = clade_op_find(harness->context, op)->attrs;
	size_t used = (size_t)snprintf(out, 200, "%s", more);

	for (const char *at = test_case->attrs; at && *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ",");

		for (size_t i = 0; attrs[i]; i++)
			if (strlen(attrs[i]->name) == strcspn(at, " =") &&
			    !strncmp(at, attrs[i]->name, strcspn(at, " =")))
				used += (size_t)snprintf(out + used, 200 - used, "%s%.*s", used ? ", " : "",
							 (int)length, at);
		at += length;
	}
	return out[0] ? out : NULL;
}

/* Ports q, k, v, pos, keys, values, factors; results: the caches, then y. */
static bool rope_attention_body(struct harness *harness, const struct clade_case *test_case, const struct value *in,
				struct value *out, char *problem, size_t problem_size)
{
	static const struct value none = { .data = NULL };
	struct value q = none, k = none;
	char attrs[200];
	bool ok;

	attrs_of(harness, "rope", test_case, "", attrs);
	ok = apply(harness, "rope", attrs, (const struct value[]) { in[0], in[3], in[6] }, 3, &q, problem,
		   problem_size) &&
	     apply(harness, "rope", attrs, (const struct value[]) { in[1], in[3], in[6] }, 3, &k, problem,
		   problem_size);
	attrs_of(harness, "cache_write", test_case, "", attrs);
	ok = ok &&
	     apply(harness, "cache_write", attrs, (const struct value[]) { in[4], k, in[3] }, 3, &out[0], problem,
		   problem_size) &&
	     apply(harness, "cache_write", attrs, (const struct value[]) { in[5], in[2], in[3] }, 3, &out[1], problem,
		   problem_size);
	attrs_of(harness, "attention", test_case, "causal = true", attrs);
	ok = ok &&
	     apply(harness, "attention", attrs, (const struct value[]) { q, out[0], out[1], none, none, in[3], none },
		   7, &out[2], problem, problem_size);
	clade_free(NULL, q.data);
	clade_free(NULL, k.data);
	return ok;
}

/* Bit for bit, but for what declares that it is not. */
static bool agrees(const struct trial *trial, const struct clade_compare *compare)
{
	double tolerance = clade_impl_tolerance(trial->impl);

	return compare->bit_equal || (tolerance > 0 && compare->nmse <= tolerance);
}

/* One case in one mode; false and a problem if it did not give the body's bits. */
static bool check_mode(struct trial *trial, const struct value *expected, struct harness_counts *counts)
{
	enum trial_result result = trial_run(trial);
	struct clade_compare compare;

	if (result == TRIAL_REFUSED) {
		counts->refused++;
		snprintf(counts->last_refusal, sizeof(counts->last_refusal), "%.250s", trial->problem);
		return true;
	}
	counts->executed++;
	if (result == TRIAL_OK) {
		uint32_t i = 0;

		do
			clade_compare_arrays(&expected[i].type, trial->results[i], expected[i].data, &compare);
		while (agrees(trial, &compare) && ++i < CLADE_MAX_PORTS && expected[i].data);
		if (agrees(trial, &compare))
			return true;
		snprintf(trial->problem, sizeof(trial->problem),
			 "not the body's bits: output %u, element %lld, %g ULP, NMSE %g", i, (long long)compare.worst,
			 compare.max_ulp, compare.nmse);
	}
	counts->failed++;
	return false;
}

static void check_case(struct harness *harness, const struct clade_op *op, const struct clade_impl *impl, body_fn *body,
		       const struct clade_case *test_case, struct harness_counts *counts)
{
	struct value inputs[CLADE_MAX_PORTS] = { { .data = NULL } }, expected[CLADE_MAX_PORTS] = { { .data = NULL } };
	char problem[512] = "";
	struct clade_case_data data;
	struct clade_diag diag;

	clade_diag_init(&diag);
	if (clade_case_build(harness->context, op, test_case, harness->seed, &data, &diag)) {
		print_error("%s [%s]: %s\n", op->name, test_case->name, diag.text);
		counts->failed++;
		clade_diag_finish(&diag);
		return;
	}
	for (uint32_t i = 0; i < data.input_count; i++)
		inputs[i] = (struct value) { data.input_types[i], data.present[i] ? data.inputs[i] : NULL };
	if (!body(harness, test_case, inputs, expected, problem, sizeof(problem))) {
		print_error("%s [%s]: body: %s\n", op->name, test_case->name, problem);
		counts->failed++;
	} else {
		for (int mode = TRIAL_PLAIN; mode <= (test_case->flags & CLADE_CASE_ALIAS ? TRIAL_ALIAS : TRIAL_PLAIN);
		     mode++) {
			struct trial trial = { .harness = harness,
					       .device = harness->device,
					       .queue = harness->queue,
					       .op = op,
					       .impl = impl,
					       .data = &data,
					       .mode = (enum trial_mode)mode };

			if (!check_mode(&trial, expected, counts))
				print_error("%s.%s %s [%s]: %s\n", op->name, impl->name, harness->label,
					    test_case->name, trial.problem);
			trial_finish(&trial);
		}
	}
	for (uint32_t i = 0; i < CLADE_MAX_PORTS; i++)
		clade_free(NULL, expected[i].data);
	clade_case_finish(harness->context, &data);
	clade_diag_finish(&diag);
}

/* Cases with weights as files store them. */
static uint64_t count_stored(const struct clade_op *op)
{
	static const char *const types[] = { "= f16[", "= bf16[", "= q8_0[", "= q4_0[" };
	uint64_t count = 0;

	for (size_t j = 0; op->cases[j]; j++) {
		bool stored = false;

		for (size_t i = 0; op->cases[j]->inputs[i] && !stored; i++)
			for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++)
				stored = stored || strstr(op->cases[j]->inputs[i], types[t]);
		count += stored;
	}
	return count;
}

/* All implementations of one block; at least one case of each must have run, and `cl` must take every case but
 * those with weights in types that it does not read. */
static void check_block(struct harness *harness, const char *name, body_fn *body)
{
	const struct clade_op *op = clade_op_find(harness->context, name);
	bool slow = clade_device_get_info(harness->device)->soft_fma;
	const struct clade_impl *impl;
	uint64_t refused_cases;
	size_t found = 0;

	assert_non_null(op);
	assert_int_equal(harness_check_refused_cases(harness, op, &refused_cases), 0);
	for (size_t i = 0; (impl = clade_impl_at(harness->context, name, i)); i++) {
		struct harness_counts counts = { 0 };

		found++;
		for (size_t j = 0; op->cases[j]; j++) {
			if (op->cases[j]->flags & CLADE_CASE_FAILS)
				continue;
			if (op->cases[j]->flags & CLADE_CASE_LARGE && slow)
				counts.skipped++;
			else
				check_case(harness, op, impl, body, op->cases[j], &counts);
		}
		printf("%s.%s %s: %llu executed, %llu refused, %llu skipped (large, and fma is slow here), %llu "
		       "failed%s%s\n",
		       name, impl->name, harness->label, (unsigned long long)counts.executed,
		       (unsigned long long)counts.refused, (unsigned long long)counts.skipped,
		       (unsigned long long)counts.failed, counts.refused ? "; refused: " : "", counts.last_refusal);
		assert_int_equal(counts.failed, 0);
		if (strcmp(impl->name, "cl") == 0)
			assert_true(counts.executed && counts.refused == (impl->weight_dtypes ? 0 : count_stored(op)));
		else
			assert_true(counts.executed || counts.refused);
	}
	assert_true(found > 0);
}

static void test_feed_forward(void **state)
{
	(void)state;
	check_block(&harness, "feed_forward", feed_forward_body);
}

static void test_gated_feed_forward(void **state)
{
	(void)state;
	check_block(&harness, "gated_feed_forward", gated_body);
}

static void test_qkv(void **state)
{
	(void)state;
	check_block(&harness, "qkv", qkv_body);
}

static void test_linear_add(void **state)
{
	(void)state;
	check_block(&harness, "linear_add", linear_add_body);
}

static void test_add_norm(void **state)
{
	(void)state;
	check_block(&harness, "add_norm", add_norm_body);
}

static void test_rope_attention(void **state)
{
	(void)state;
	check_block(&harness, "rope_attention", rope_attention_body);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_feed_forward), cmocka_unit_test(test_gated_feed_forward),
		cmocka_unit_test(test_qkv),          cmocka_unit_test(test_linear_add),
		cmocka_unit_test(test_add_norm),     cmocka_unit_test(test_rope_attention)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return harness_main(&harness, argc, argv, NULL, run_all);
}
