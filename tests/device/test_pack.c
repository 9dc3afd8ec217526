/* SPDX-License-Identifier: MIT */
/* Which kernels' numbers are put into vectors, how, and that lines keep their numbers. */
#include "../../runtime/src/cl/opencl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clade/clade.h>

struct fixture {
	struct clade_context *context;
	struct clade_text text;
	struct clade_cl_program program;
};

/* Packs `source`; the result is in fixture->text. */
static void pack(struct fixture *f, const char *source)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(clade_context_create(NULL, &f->context, NULL), CLADE_OK);
	clade_text_init(&f->text, f->context);
	clade_text_add(&f->text, source, strlen(source));
	clade_cl_pack(&f->program, &f->text);
	assert_false(f->text.failed);
}

static void finish(struct fixture *f)
{
	clade_text_finish(&f->text);
	clade_free(f->context, f->program.packed);
	clade_context_destroy(&f->context);
}

static bool has(const struct fixture *f, const char *words)
{
	return strstr(f->text.data, words) != NULL;
}

static size_t lines(const char *text)
{
	size_t count = 0;

	while ((text = strchr(text, '\n')) != NULL && *text++)
		count++;
	return count;
}

static void numbers_follow_pointers(void **state)
{
	struct fixture f;

	pack(&f, "/* __kernel void no(uint a, uint b) { */\n"
		 "__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void two(__global float *x, ulong x_at,\n"
		 "\tconst int n, __local uint *t, float s)\n"
		 "{\n\tx[x_at] = n * s;\n}\n");
	assert_int_equal(clade_cl_packed_words(&f.program, "two"), 4);
	assert_int_equal(clade_cl_packed_words(&f.program, "no"), 0);
	assert_true(has(&f, "void two(__global float *x, __local uint *t, uint4 clade_n0\n)\n{ "));
	assert_true(has(&f, "ulong x_at = (ulong)clade_n0.s0 | (ulong)(clade_n0.s1 ^ 1u) << 32;"));
	assert_true(has(&f, " int n = as_int(clade_n0.s2); float s = as_float(clade_n0.s3);\n\tx[x_at]"));
	assert_true(has(&f, "/* __kernel void no(uint a, uint b) { */"));
	assert_int_equal(lines(f.text.data), 6);
	finish(&f);
}

static void lists_and_makers_are_known(void **state)
{
	struct fixture f;

	pack(&f, "#define INNER long a, \\\n\tlong b\n#define LIST __global int *x, ulong x_at, INNER\n"
		 "__kernel void listed(LIST, uint n) {\n}\n"
		 "#define MAKE(name, T) \\\n\t__kernel void name(__global T *x, ulong x_at, \\\n\t\tuint n) \\\n"
		 "\t{ \\\n\t}\nMAKE(made, int)\nMAKE(other, uint)\n");
	assert_int_equal(clade_cl_packed_words(&f.program, "listed"), 7);
	assert_int_equal(clade_cl_packed_words(&f.program, "made"), 3);
	assert_int_equal(clade_cl_packed_words(&f.program, "other"), 3);
	assert_true(has(&f, "void listed(__global int *x, uint8 clade_n0) { "));
	assert_true(has(&f, "long b = as_long((ulong)clade_n0.s4 | (ulong)(clade_n0.s5 ^ 1u) << 32); uint n = "));
	assert_true(has(&f, "void name(__global T *x, uint4 clade_n0\\\n) \\\n\t{ "));
	assert_int_equal(lines(f.text.data), 12);
	finish(&f);
}

static void many_numbers_are_several_vectors(void **state)
{
	struct fixture f;

	pack(&f, "__kernel void many(ulong a, ulong b, ulong c, ulong d, ulong e, ulong f, ulong g, uint h, ulong i, "
		 "ulong j)\n{\n}\n");
	assert_int_equal(clade_cl_packed_words(&f.program, "many"), 19);
	assert_true(has(&f, "void many(uint16 clade_n0, uint4 clade_n1)"));
	assert_true(has(&f, "ulong i = (ulong)clade_n0.sf | (ulong)(clade_n1.s0 ^ 1u) << 32;"));
	finish(&f);
}

/* One number is as good alone, and what is not understood stays as it is. */
static void other_forms_stay(void **state)
{
	static const char *const texts[] = {
		"__kernel void one(__global float *x, ulong x_at)\n{\n}\n",
		"__kernel void none(void)\n{\n}\n",
		"__kernel void call(AXIS(0), uint a, uint b)\n{\n}\n",
		"__kernel void unknown(__global float *x, T a, uint b)\n{\n}\n",
		"__kernel void remark(uint a, /* the */ uint b)\n{\n}\n",
		"__kernel void declared(uint a, uint b);\n",
		"#define TWICE uint a, uint b\n#undef TWICE\n#define TWICE uint a\n__kernel void twice(TWICE)\n{\n}\n",
		"#define MAKE(T, name) __kernel void name(uint a, T b, uint c) { }\n",
		"void kernel_of_none(uint a, uint b)\n{\n}\n",
		"__kernel void open(uint a, uint b",
		"/* open",
		"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fixture f;

		pack(&f, texts[i]);
		assert_int_equal(f.program.packed_count, 0);
		if (*texts[i])
			assert_string_equal(f.text.data, texts[i]);
		finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_follow_pointers),
		cmocka_unit_test(lists_and_makers_are_known),
		cmocka_unit_test(many_numbers_are_several_vectors),
		cmocka_unit_test(other_forms_stay),
	};

	return cmocka_run_group_tests_name("numbers of a kernel", tests, NULL, NULL);
}
