/* SPDX-License-Identifier: MIT */
/* fma_chain against its closed form, 1 + (x - 1) / 2^rounds, in double precision. */
#include <clade/builtin.h>
#include <single.h>

#include <math.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static void test_closed_form(void **state)
{
	struct clade_context *context = *state;
	struct clade_device *device = NULL;
	struct clade_queue *queue = NULL;
	struct clade_diag diag;
	float x[301];

	clade_diag_init(&diag);
	assert_int_equal(clade_device_open(context, "ref", &device, &diag), CLADE_OK);
	assert_int_equal(clade_queue_create(device, false, &queue, &diag), CLADE_OK);
	for (int i = 0; i < 301; i++)
		x[i] = ldexpf((float)(i - 150) / 7.0f, i % 40 - 20);
	for (int rounds = 0; rounds <= 40; rounds++) {
		char attrs[32];
		struct single single = { .context = context,
					 .device = device,
					 .queue = queue,
					 .op = "fma_chain",
					 .attrs = attrs,
					 .input_count = 1,
					 .inputs = { { true, { CLADE_F32, 1, { 301 } }, x } } };

		snprintf(attrs, sizeof(attrs), "rounds = %d", rounds);
		assert_int_equal(single_run(&single, &diag), CLADE_OK);
		for (int i = 0; i < 301; i++) {
			double right = 1 + ldexp((double)x[i] - 1, -rounds), got = ((float *)single.outputs[0].data)[i];

			/* each step halves the error that it inherits and adds half an ULP */
			assert_true(fabs(got - right) <=
				    ldexp(fmax(fmax(fabs(right), 1), ldexp(fabs((double)x[i]), -rounds)), -23));
		}
		single_finish(&single);
	}
	clade_queue_destroy(&queue);
	clade_device_unref(&device);
	clade_diag_finish(&diag);
}

static int create(void **state)
{
	struct clade_context *context = NULL;

	if (clade_context_create(NULL, &context, NULL) || clade_context_add_builtins(context, NULL))
		return 1;
	*state = context;
	return 0;
}

static int destroy(void **state)
{
	struct clade_context *context = *state;

	clade_context_destroy(&context);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_closed_form, create, destroy) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
