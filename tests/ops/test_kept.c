/* SPDX-License-Identifier: MIT */
/* States kept as f16: rounding and reading against NumPy's float16 (checksums by tests/golden/make_kept.py), and
 * attention over f16, bit for bit attention over the same values as f32.
 *	test_kept [DEVICE LABEL] */
#include <clade/builtin.h>
#include <single_place.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST 0x33000u
#define LAST 0x47810u
#define PROBES ((LAST - FIRST) * 6 + 8)

static struct single_place place;

static uint64_t add_word(uint64_t sum, uint32_t word, int size)
{
	for (int shift = 0; shift < 8 * size; shift += 8)
		sum = (sum ^ (word >> shift & 0xffu)) * 0x100000001b3u;
	return sum;
}

static void test_rounding(void **state)
{
	static const uint32_t specials[] = { 0x00000000, 0x80000000, 0x00000001, 0x7f800000,
					     0xff800000, 0x7fc00000, 0x7f7fffff, 0x00800000 };
	uint32_t *probes = malloc(PROBES * sizeof(*probes)), half = (LAST - FIRST) * 3;
	struct single single = { .op = "store", .input_count = 2 };
	uint64_t sum = 0xcbf29ce484222325u;

	(void)state;
	for (uint32_t i = 0; i < half; i++) {
		probes[i] = ((FIRST + i / 3) << 12) + i % 3 - 1;
		probes[half + i] = probes[i] | 0x80000000u;
	}
	memcpy(probes + 2 * half, specials, sizeof(specials));
	single.inputs[0] = (struct single_tensor) { true, { CLADE_F16, 1, { PROBES } }, calloc(PROBES, 2) };
	single.inputs[1] = (struct single_tensor) { true, { CLADE_F32, 1, { PROBES } }, probes };
	single_run_at(&place, &single, CLADE_OK);
	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t bits = ((const uint16_t *)single.outputs[0].data)[i];

		bits = bits == 0x8000u ? 0 : (bits & 0x7fffu) > 0x7c00u ? 0x7e00u : bits;
		sum = add_word(sum, bits, 2);
	}
	assert_true(sum == UINT64_C(0x6be88687e09c7aff));
	printf("store.%s: %u values rounded as NumPy rounds them\n", single.used, PROBES);
	free(single.inputs[0].data);
	free(probes);
	single_finish(&single);
}

/* With one key the result is its value. */
static void test_reading(void **state)
{
	struct single single = { .op = "attention", .input_count = 3 };
	const struct clade_type ones = { CLADE_F32, 4, { 1, 64, 1, 1 } };
	float q[64];
	uint16_t k[64], *v = malloc(65536 * sizeof(*v));
	uint64_t sum = 0xcbf29ce484222325u;

	(void)state;
	for (int i = 0; i < 65536; i++)
		v[i] = (uint16_t)i;
	for (int i = 0; i < 64; i++) {
		q[i] = 1.0f;
		k[i] = 0x3c00;
	}
	single.inputs[0] = (struct single_tensor) { true, ones, q };
	single.inputs[1] = (struct single_tensor) { true, ones, k };
	single.inputs[1].type.dtype = CLADE_F16;
	single.inputs[2] = (struct single_tensor) { true, { CLADE_F16, 4, { 1, 64, 1, 1024 } }, v };
	single_run_at(&place, &single, CLADE_OK);
	for (int i = 0; i < 65536; i++) {
		uint32_t bits = ((const uint32_t *)single.outputs[0].data)[i];

		bits = bits == 0x80000000u ? 0 : (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits;
		sum = add_word(sum, bits, 4);
	}
	assert_true(sum == UINT64_C(0xc0cc737df25dc145));
	printf("attention.%s: all of f16 read as NumPy reads it\n", single.used);
	free(v);
	single_finish(&single);
}

struct problem {
	const char *attrs;
	int64_t h, t, d, g, s;
	int32_t position; /* of the first query */
};

static void test_attention(void **state)
{
	const struct problem *p = *state;
	const struct clade_type kept = { CLADE_F16, 4, { 2, p->g, p->s, p->d } };
	struct single single[2];
	struct single_tensor q = { true, { CLADE_F32, 4, { 2, p->h, p->t, p->d } }, NULL };
	struct single_tensor positions = { true, { CLADE_I32, 2, { 2, p->t } }, NULL };
	size_t queries = (size_t)(2 * p->h * p->t * p->d), keys = (size_t)(2 * p->g * p->s * p->d);
	struct clade_compare compare;
	uint32_t seed = 1;

	q.data = malloc(queries * sizeof(float));
	positions.data = malloc((size_t)(2 * p->t) * sizeof(int32_t));
	for (size_t i = 0; i < queries; i++)
		((float *)q.data)[i] = (float)(int32_t)(seed = seed * 1664525u + 1013904223u) * 0x1p-30f;
	for (int32_t i = 0; i < 2 * p->t; i++)
		((int32_t *)positions.data)[i] = p->position + i % (int32_t)p->t;
	for (int wide = 0; wide < 2; wide++) {
		single[wide] = (struct single) { .op = "attention", .attrs = p->attrs, .input_count = 6 };
		single[wide].inputs[0] = q;
		single[wide].inputs[5] = positions;
	}
	for (int port = 1; port < 3; port++) {
		uint16_t *halves = malloc(keys * sizeof(*halves));
		float *floats = malloc(keys * sizeof(*floats));

		for (size_t i = 0; i < keys; i++) {
			float value = (float)(int32_t)(seed = seed * 1664525u + 1013904223u) * 0x1p-30f;

			halves[i] = clade_f32_to_f16(i % 97 ? value : value * 0x1p-16f);
			floats[i] = clade_f16_to_f32(halves[i]);
		}
		single[0].inputs[port] = (struct single_tensor) { true, kept, halves };
		single[1].inputs[port] = (struct single_tensor) { true, kept, floats };
		single[1].inputs[port].type.dtype = CLADE_F32;
	}
	single_run_at(&place, &single[0], CLADE_OK);
	single_run_at(&place, &single[1], CLADE_OK);
	clade_compare_arrays(&single[0].outputs[0].type, single[0].outputs[0].data, single[1].outputs[0].data,
			     &compare);
	assert_true(compare.bit_equal);
	free(q.data);
	free(positions.data);
	for (int wide = 0; wide < 2; wide++) {
		free(single[wide].inputs[1].data);
		free(single[wide].inputs[2].data);
		single_finish(&single[wide]);
	}
}

int main(int argc, char **argv)
{
	static struct problem problems[] = {
		{ "causal = true", 4, 1, 64, 4, 300, 290 },
		{ "causal = true", 6, 2, 20, 2, 520, 515 },
		{ "causal = true", 2, 40, 33, 2, 60, 20 },
	};
	struct CMUnitTest tests[5] = { { "rounding", test_rounding, NULL, NULL, NULL },
				       { "reading", test_reading, NULL, NULL, NULL } };
	struct clade_diag diag;
	int failed = 1;

	if (argc != 1 && argc != 3) {
		fprintf(stderr, "usage: test_kept [DEVICE LABEL]\n");
		return 2;
	}
	for (int i = 0; i < 3; i++)
		tests[2 + i] = (struct CMUnitTest) { "attention", test_attention, NULL, NULL, &problems[i] };
	clade_diag_init(&diag);
	if (!clade_context_create(NULL, &place.context, &diag) && !clade_context_add_builtins(place.context, &diag) &&
	    !clade_device_open(place.context, argc == 3 ? argv[1] : "ref", &place.device, &diag) &&
	    !clade_queue_create(place.device, false, &place.queue, &diag))
		failed = cmocka_run_group_tests_name("kept states", tests, NULL, NULL);
	else
		fprintf(stderr, "%s\n", diag.text);
	clade_queue_destroy(&place.queue);
	clade_device_unref(&place.device);
	clade_context_destroy(&place.context);
	clade_diag_finish(&diag);
	return failed;
}
