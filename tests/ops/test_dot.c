/* SPDX-License-Identifier: MIT */
/* Products by integer dot products: the bits of their arithmetic (ops/ARITHMETIC.md, 10) on any device and by every
 *form that passes its trial there, tables in their layout, and trials in another process, which may die. test_dot
 *DEVICE LABEL */
#include <clade/builtin.h>
#include <clade/stored.h>
#include <single_place.h>

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	const char *selector;
	struct single_place place;
	char folder[64], *self;
	bool late; /* the device compiles kernels late */
	uint32_t state;
} suite = { .state = 1 };

/* ---- a driver's compiler that ends the process, or refuses: all, or trials of the forms in a list ---- */

static struct {
	enum { BUILDS, DIES, REFUSES } how;
	const char *refused; /* "vnni,maddubs," */
} builder;

int clBuildProgram(void *program, unsigned count, const void *devices, const char *options, void *notify, void *user);
int clGetProgramInfo(void *program, unsigned name, size_t size, void *value, size_t *out_size);

static bool is_refused(void *program)
{
	enum { PROGRAM_SOURCE = 0x1164 };
	static char text[1 << 20];
	const char *at, *end;

	if (!builder.refused || clGetProgramInfo(program, PROGRAM_SOURCE, sizeof(text), text, NULL))
		return false;
	at = strstr(text, "#define DOT ");
	end = at ? strchr(at, '\n') : NULL;
	at = end ? strrchr(strndupa(at, (size_t)(end - at)), ' ') + 1 : NULL;
	return at && strstr(builder.refused, at);
}

int clBuildProgram(void *program, unsigned count, const void *devices, const char *options, void *notify, void *user)
{
	int (*build)(void *, unsigned, const void *, const char *, void *, void *);

	*(void **)&build = dlsym(RTLD_NEXT, "clBuildProgram");
	if (builder.how == DIES)
		raise(SIGILL);
	return builder.how == REFUSES || is_refused(program) ? -11
							     : build(program, count, devices, options, notify, user);
}

/* ---- the arithmetic ---- */

static void round_group(const float *x, float *out_scale, int *quants)
{
	float largest = 0.0f;

	memset(quants, 0, CLADE_STORED_GROUP * sizeof(*quants));
	*out_scale = 0.0f;
	for (int i = 0; i < CLADE_STORED_GROUP; i++) {
		if (!isfinite(x[i])) {
			*out_scale = NAN;
			return;
		}
		largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
	}
	if (largest < 0x1p-100f)
		return;
	*out_scale = largest * 0x1.020408p-7f;
	for (int i = 0; i < CLADE_STORED_GROUP; i++)
		quants[i] = (int)(fmaf(x[i], 127.0f / largest, 12582912.0f) - 12582912.0f);
}

static float dot_row(const struct clade_type *w, const unsigned char *row, const float *x)
{
	float sum = 0.0f;

	for (int64_t k = 0; k < w->dims[1]; k += CLADE_STORED_GROUP, row += clade_stored_unit(w->dtype)) {
		int quants[CLADE_STORED_GROUP], total = 0;
		float scale;

		round_group(x + k, &scale, quants);
		for (int i = 0; i < CLADE_STORED_GROUP; i++)
			total += quants[i] * (int)clade_stored_quant(w->dtype, row, i);
		sum = fmaf((float)total, clade_stored_half(row) * scale, sum);
	}
	return sum;
}

/* ---- what is multiplied ---- */

static uint32_t next(void)
{
	suite.state = suite.state * 1664525u + 1013904223u;
	return suite.state >> 8;
}

enum fill { NORMAL, EXTREMES, TIES, SPECIALS, FILLS };

static float x_value(enum fill fill, int64_t i)
{
	static const float specials[] = { 0.0f,     -0.0f,  NAN,       INFINITY,  -INFINITY, 3.4e38f,
					  -3.4e38f, 1e-38f, 0x1p-100f, 0x1p-101f, 1.0f,      1e-20f };
	float uniform = (float)next() / 0x1p23f - 1.0f;

	switch (fill) {
	case EXTREMES: /* bytes of 127 and -127 only */
		return next() & 1 ? 3.0f : -3.0f;
	case TIES: /* halves between integers, of a largest 127 */
		return i % CLADE_STORED_GROUP == 5 ? 127.0f : (float)(int)(next() % 253) - 126.0f + 0.5f;
	case SPECIALS: /* in every fourth group */
		return i / CLADE_STORED_GROUP % 4 == 1 && next() % 8 == 0
			       ? specials[next() % (sizeof(specials) / sizeof(*specials))]
			       : uniform * (i / CLADE_STORED_GROUP % 4 == 2 ? 0x1p-101f : 1.0f);
	default:
		return uniform * uniform * uniform;
	}
}

/* Any bytes are quants; scales of all sizes, of both signs. */
static void *make_weight(const struct clade_type *type, enum fill fill)
{
	size_t unit = clade_stored_unit(type->dtype), bytes;

	assert_true(clade_type_bytes(type, &bytes));
	unsigned char *data = malloc(bytes + 1);
	assert_non_null(data);
	for (size_t i = 0; i < bytes; i++) {
		static const unsigned char ends[] = { 0x80, 0x7f, 0x00, 0xff };

		data[i] = fill == EXTREMES ? ends[next() % 4] : (unsigned char)next();
	}
	for (size_t at = 0; at < bytes; at += unit) {
		uint16_t scale = clade_f32_to_f16((float)(next() % 2000) * 1e-4f - 0.1f);

		if (fill == SPECIALS && next() % 64 == 0)
			scale = 0x7c00;
		memcpy(data + at, &scale, 2);
	}
	return data;
}

static bool check(const char *impl, enum clade_dtype dtype, int64_t rows, int64_t n, int64_t k, enum fill fill)
{
	struct single single = { .op = "linear", .impl = impl, .input_count = 3 };
	struct clade_type type = { dtype, 2, { n, k } };
	float *x = malloc((size_t)(rows * k + 1) * sizeof(*x)), *bias = malloc((size_t)(n + 1) * sizeof(*bias));
	float *right = malloc((size_t)(rows * n + 1) * sizeof(*right));
	unsigned char *w = make_weight(&type, fill);
	struct clade_compare compare;
	bool ran;

	assert_true(x && bias && right);
	for (int64_t i = 0; i < rows * k; i++)
		x[i] = x_value(fill, i);
	for (int64_t i = 0; i < n; i++)
		bias[i] = x_value(NORMAL, i);
	single.inputs[0] = (struct single_tensor) { .present = true, .type = { CLADE_F32, 2, { rows, k } }, .data = x };
	single.inputs[1] = (struct single_tensor) { .present = true, .weight = true, .type = type, .data = w };
	if (n % 2)
		single.inputs[2] =
			(struct single_tensor) { .present = true, .type = { CLADE_F32, 1, { n } }, .data = bias };
	ran = single_run_at(&suite.place, &single, CLADE_ERR_UNSUPPORTED) == CLADE_OK;
	for (int64_t r = 0; r < rows && ran; r++)
		for (int64_t j = 0; j < n; j++) {
			float sum = dot_row(&type, w + (size_t)(j * (k / 32)) * clade_stored_unit(dtype), x + r * k);

			right[r * n + j] = n % 2 ? sum + bias[j] : sum;
		}
	if (ran) {
		clade_compare_arrays(&single.outputs[0].type, single.outputs[0].data, right, &compare);
		if (!compare.bit_equal)
			fail_msg("linear.%s %s [%lld, %lld, %lld], numbers %d: element %lld is %.9g, not %.9g", impl,
				 clade_dtype_info(dtype)->name, (long long)rows, (long long)n, (long long)k, fill,
				 (long long)compare.worst,
				 compare.worst < 0 ? 0.0 : (double)((float *)single.outputs[0].data)[compare.worst],
				 compare.worst < 0 ? 0.0 : (double)right[compare.worst]);
	}
	single_finish(&single);
	free(x);
	free(w);
	free(bias);
	free(right);
	return ran;
}

/* Every count of rows around the tiles; columns around panels and around what one item takes. */
static void test_bits(void **state)
{
	static const int64_t shapes[][3] = { { 1, 1, 32 },    { 1, 33, 288 }, { 1, 130, 64 }, { 2, 31, 96 },
					     { 2, 129, 288 }, { 3, 32, 64 },  { 4, 33, 32 },  { 5, 65, 96 },
					     { 8, 16, 1056 }, { 9, 31, 64 },  { 12, 64, 32 }, { 13, 47, 160 },
					     { 25, 33, 64 },  { 0, 5, 32 },   { 3, 0, 32 },   { 3, 5, 0 } };
	static const enum clade_dtype dtypes[] = { CLADE_Q8_0, CLADE_Q4_0 };
	const char *impl = *state;
	size_t count = 0,
	       most = clade_device_get_info(suite.place.device)->soft_fma ? 7 : sizeof(shapes) / sizeof(*shapes);

	for (size_t s = 0; s < most; s++)
		for (size_t d = 0; d < 2; d++)
			for (int fill = 0; fill < FILLS; fill++)
				count += check(impl, dtypes[d], shapes[s][0], shapes[s][1], shapes[s][2],
					       (enum fill)fill);
	printf("linear.%s: %zu products of equal bits%s\n", impl, count, count ? "" : ": the device cannot run it");
	assert_true(count > 0 || strcmp(impl, "cl.dot") == 0 ||
		    clade_device_get_info(suite.place.device)->kind == CLADE_DEVICE_CPU);
}

/* embedding out of a table that linear has asked for in words of four. */
static void test_table(void **state)
{
	static const enum clade_dtype dtypes[] = { CLADE_Q8_0, CLADE_Q4_0 };
	int32_t ids[37];

	for (int i = 0; i < 37; i++)
		ids[i] = 36 - i;
	for (size_t d = 0; d < 2; d++) {
		struct clade_type type = { dtypes[d], 2, { 37, 96 } };
		struct single single = { .op = "embedding", .impl = "cl", .input_count = 2 };
		unsigned char *table = make_weight(&type, NORMAL);
		float *got;

		single.inputs[0] =
			(struct single_tensor) { .present = true, .type = { CLADE_I32, 1, { 37 } }, .data = ids };
		single.inputs[1] = (struct single_tensor) {
			.present = true, .weight = true, .any = { CLADE_LAYOUT_QUADS, 8 }, .type = type, .data = table
		};
		assert_int_equal(single_run_at(&suite.place, &single, CLADE_ERR_UNSUPPORTED), CLADE_OK);
		got = single.outputs[0].data;
		for (int64_t i = 0; i < (int64_t)37 * 96; i++) {
			const unsigned char *block =
				table + (size_t)(ids[i / 96] * 3 + i % 96 / 32) * clade_stored_unit(dtypes[d]);

			assert_true(got[i] == clade_stored_half(block) * clade_stored_quant(dtypes[d], block, i % 32));
		}
		free(table);
		single_finish(&single);
	}
}

/* ---- trials ---- */

enum helper { HELPS, IDLE, HELPER_DIES, HELPER_REFUSES };
static struct {
	enum helper helper;
	int asked;
	char refused[128]; /* forms */
} trial;

extern char **environ;

static bool on_compile(void *user, const char *device, unsigned orders, bool later)
{
	char *arguments[] = {
		suite.self, "--work", suite.folder, (char *)(uintptr_t)device, NULL, trial.refused, NULL
	};
	pid_t child;
	int status = 0;

	trial.asked++;
	assert_int_equal(orders, 1);
	assert_false(later);
	arguments[4] = trial.helper == HELPER_DIES ? "dies" : trial.helper == HELPER_REFUSES ? "refuses" : "builds";
	if (trial.helper == IDLE)
		return true;
	assert_int_equal(posix_spawn(&child, suite.self, NULL, NULL, arguments, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WIFSIGNALED(status) != 0, trial.helper == HELPER_DIES);
	return true;
}

/* What another process does that the library has asked for. */
static int work(char **arguments)
{
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = arguments[0] };
	struct clade_context *context = NULL;
	struct clade_device *opened = NULL;

	builder.how = strcmp(arguments[2], "dies") == 0      ? DIES
		      : strcmp(arguments[2], "refuses") == 0 ? REFUSES
							     : BUILDS;
	builder.refused = arguments[3];
	if (!clade_context_create(&params, &context, NULL) && !clade_device_open(context, arguments[1], &opened, NULL))
		clade_device_fill_cache(opened, false);
	clade_device_unref(&opened);
	clade_context_destroy(&context);
	return 0;
}

static void empty_cache(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/*", suite.folder);
	assert_int_equal(system(command), 0);
}

/* What a device that is opened anew becomes; `helped`: the context has a helper, which is asked trial.asked times. */
static uint32_t try_once(bool helped, enum helper helper)
{
	struct clade_context_params params = { .size = sizeof(params),
					       .cache_dir = suite.folder,
					       .compile = helped ? on_compile : NULL };
	struct clade_context *context = NULL;
	struct clade_device *device = NULL;
	uint32_t dot;
	int asked;

	trial.helper = helper;
	trial.asked = 0;
	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	assert_int_equal(clade_context_add_builtins(context, NULL), CLADE_OK);
	assert_int_equal(clade_device_open(context, suite.selector, &device, NULL), CLADE_OK);
	assert_int_equal(clade_device_get_info(device)->dot, CLADE_DOT_UNTRIED);
	clade_device_try_dot(device);
	dot = clade_device_get_info(device)->dot;
	assert_int_equal(clade_device_get_info(device)->dot_defines[0] != 0, dot == CLADE_DOT_READY);
	asked = trial.asked;
	clade_device_try_dot(device); /* changes nothing */
	assert_int_equal(clade_device_get_info(device)->dot, dot);
	assert_int_equal(trial.asked, asked);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return dot;
}

static void test_trials(void **state)
{
	int forms;

	(void)state;
	empty_cache();
	assert_int_equal(try_once(false, IDLE), CLADE_DOT_NOBODY);
	assert_int_equal(try_once(true, IDLE), CLADE_DOT_NOBODY);
	forms = trial.asked;
	assert_true(forms >= 1);
	empty_cache();
	assert_int_equal(try_once(true, HELPER_DIES), CLADE_DOT_FAILED);
	assert_int_equal(trial.asked, forms);
	assert_int_equal(try_once(true, HELPS), CLADE_DOT_FAILED); /* remembered */
	assert_int_equal(trial.asked, 0);
	empty_cache();
	assert_int_equal(try_once(true, HELPER_REFUSES), CLADE_DOT_FAILED);
	assert_int_equal(trial.asked, forms);
	empty_cache();
	/* Intel's compiler takes neither such assembler nor built-in functions; PoCL's does. */
	uint32_t outcome = try_once(true, HELPS);
	assert_true(outcome == CLADE_DOT_READY || outcome == CLADE_DOT_FAILED);
	assert_true(outcome == CLADE_DOT_READY || !suite.late);
	assert_true(trial.asked >= 1 && trial.asked <= forms);
	assert_int_equal(try_once(false, IDLE), outcome); /* remembered */
	empty_cache();
}

static void test_refusal(void **state)
{
	const struct clade_impl *impl = clade_impl_find(suite.place.context, "linear", "cl.dot");
	struct clade_type x = { CLADE_F32, 2, { 3, 32 } }, w = { CLADE_Q8_0, 2, { 5, 32 } };
	const struct clade_type *inputs[] = { &x, &w, NULL }, *outputs[] = { &x };
	const enum clade_source_kind sources[] = { CLADE_FROM_VALUE, CLADE_FROM_WEIGHT, CLADE_FROM_VALUE };
	struct clade_device_info info = *clade_device_get_info(suite.place.device);
	struct clade_node_info node = { .size = sizeof(node),
					.input_count = 3,
					.output_count = 1,
					.inputs = inputs,
					.outputs = outputs,
					.sources = sources,
					.device = &info };
	char why[256];

	(void)state;
	info.dot = CLADE_DOT_NOBODY;
	assert_false(clade_impl_accepts(impl, &node, why, sizeof(why)));
	assert_non_null(strstr(why, "nobody"));
	info.dot = CLADE_DOT_FAILED;
	assert_false(clade_impl_accepts(impl, &node, why, sizeof(why)));
	assert_non_null(strstr(why, "failed"));
	info.dot = CLADE_DOT_NONE;
	assert_false(clade_impl_accepts(impl, &node, why, sizeof(why)));
	info.dot = CLADE_DOT_READY;
	assert_true(clade_impl_accepts(impl, &node, why, sizeof(why)));
	w.dtype = CLADE_F32;
	assert_false(clade_impl_accepts(impl, &node, why, sizeof(why)));
	assert_non_null(strstr(why, "q8_0"));
}

/* The suite's own device. */
static int open_suite(struct clade_diag *diag)
{
	struct clade_context_params params = { .size = sizeof(params),
					       .cache_dir = suite.folder,
					       .compile = on_compile };

	if (clade_context_create(&params, &suite.place.context, diag) ||
	    clade_context_add_builtins(suite.place.context, diag) ||
	    clade_device_open(suite.place.context, suite.selector, &suite.place.device, diag) ||
	    clade_queue_create(suite.place.device, false, &suite.place.queue, diag))
		return 1;
	return 0;
}

static void close_suite(void)
{
	clade_queue_destroy(&suite.place.queue);
	clade_device_unref(&suite.place.device);
	clade_context_destroy(&suite.place.context);
}

/* The bits of each form that passes when those before it are refused. */
static int test_forms(const char *label)
{
	static char dot[] = "cl.dot";
	const struct CMUnitTest tests[] = { { "dot", test_bits, NULL, NULL, dot } };
	int failed = 0, forms = 0;

	trial.helper = HELPS;
	for (; !failed && !open_suite(NULL); close_suite()) {
		const struct clade_device_info *info = clade_device_get_info(suite.place.device);
		const char *form;
		size_t at = strlen(trial.refused);

		clade_device_try_dot(suite.place.device);
		if (info->dot != CLADE_DOT_READY)
			break;
		form = strchr(info->dot_defines, '=') + 1;
		printf("%s: %s\n", label, info->dot_defines);
		failed = cmocka_run_group_tests_name(label, tests, NULL, NULL);
		snprintf(trial.refused + at, sizeof(trial.refused) - at, "%.*s,", (int)strcspn(form, " "), form);
		empty_cache();
		forms++;
	}
	close_suite();
	trial.refused[0] = 0;
	if (forms == 0)
		printf("%s: no form to test\n", label);
	return failed;
}

int main(int argc, char **argv)
{
	static char plain[] = "cl.dot.plain";
	const struct CMUnitTest trials[] = { cmocka_unit_test(test_trials) };
	const struct CMUnitTest tests[] = { { "plain", test_bits, NULL, NULL, plain },
					    cmocka_unit_test(test_table),
					    cmocka_unit_test(test_refusal) };
	struct clade_diag diag;
	bool tries;
	int failed = 1;

	suite.self = "/proc/self/exe";
	if (argc == 6 && strcmp(argv[1], "--work") == 0)
		return work(argv + 2);
	if (argc != 3)
		return 2;
	suite.selector = argv[1];
	snprintf(suite.folder, sizeof(suite.folder), "/tmp/clade-dot-XXXXXX");
	if (!mkdtemp(suite.folder))
		return 2;
	clade_diag_init(&diag);
	if (open_suite(&diag) == 0) {
		tries = clade_device_get_info(suite.place.device)->dot == CLADE_DOT_UNTRIED;
		suite.late = clade_device_get_info(suite.place.device)->compiles_late;
		failed = cmocka_run_group_tests_name(argv[2], tests, NULL, NULL);
		close_suite();
		if (!tries)
			printf("%s: nothing to try on this device\n", argv[2]);
		else
			failed += cmocka_run_group_tests_name("trials", trials, NULL, NULL) + test_forms(argv[2]);
	} else {
		fprintf(stderr, "%s\n", diag.text);
		close_suite();
	}
	clade_diag_finish(&diag);
	empty_cache();
	rmdir(suite.folder);
	return failed;
}
