/* SPDX-License-Identifier: MIT */
/* Which kernels a program's text holds: those that were wanted, on the lines where they stood. */
#include "../../runtime/src/cl/opencl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char text[] = "#define COPY(name, T) \\\n"
			   "\t__kernel void name(__global T *y) \\\n"
			   "\t{ \\\n"
			   "\t}\n"
			   "#define CALL(name) helper_##name\n"
			   "static inline int helper(int x)\n"
			   "{\n"
			   "\treturn x;\n"
			   "}\n"
			   "__kernel void first(__global int *y)\n"
			   "{\n"
			   "\tif (y)\n"
			   "\t{\n"
			   "\t}\n"
			   "}\n"
			   "__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void first_2(__global int *y,\n"
			   "\t\t\tint n)\n"
			   "{\n"
			   "}\n"
			   "COPY(third, int)\n"
			   "COPY(fourth,\n"
			   "     CALL(short))\n"
			   "CALL(fifth)\n"
			   "__kernel void sixth(void) {\n"
			   "}\n"
			   "kernel void unknown_form(void)\n"
			   "{\n"
			   "}\n";

/* What stays of the text, its empty lines dropped. */
static void pick(const char *const *wanted, bool whole, char *out)
{
	struct clade_cl_function functions[8];
	struct clade_cl_program program = { .functions = functions, .whole = whole };
	struct clade_cl_pick state;
	const char *line = text;

	for (; *wanted; wanted++)
		functions[program.function_count++] = (struct clade_cl_function) { "a.cl", (char *)*wanted };
	clade_cl_pick_init(&state, &program);
	for (*out = 0; *line; line += strcspn(line, "\n") + 1)
		if (clade_cl_pick_line(&state, line, strcspn(line, "\n")))
			strncat(out, line, strcspn(line, "\n") + 1);
}

static bool has(const char *out, const char *words)
{
	return strstr(out, words) != NULL;
}

static void wanted_kernels_stay(void **state)
{
	static const char *const names[] = { "first", "first_2", "third", "fourth", "sixth", NULL };
	static const char *const starts[] = { "void first(", "void first_2(", "COPY(third", "COPY(fourth",
					      "void sixth(" };
	char out[2048], rest[2048];

	for (int one = 0; names[one]; one++) {
		const char *wanted[] = { names[one], NULL };

		pick(wanted, false, out);
		for (int other = 0; names[other]; other++)
			assert_int_equal(has(out, starts[other]), one == other);
		assert_true(has(out, "#define COPY") && has(out, "__kernel void name(") && has(out, "int helper("));
		assert_true(has(out, "CALL(fifth)") && has(out, "unknown_form"));
		assert_int_equal(has(out, "CALL(short)"), one == 3);
	}
	/* first_2 is not first with something behind it, and nothing of a kernel's body stays */
	pick((const char *const[]) { "first_2", NULL }, false, out);
	assert_false(has(out, "if (y)"));
	assert_true(has(out, "int n)"));
	pick((const char *const[]) { NULL }, false, rest);
	assert_int_equal(strlen(out) - strlen(rest),
			 strlen("__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void "
				"first_2(__global int *y,\n\t\t\tint n)\n{\n}\n"));
}

static void all_of_a_whole_program_stays(void **state)
{
	char out[2048];

	pick((const char *const[]) { NULL }, true, out);
	assert_string_equal(out, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted_kernels_stay),
		cmocka_unit_test(all_of_a_whole_program_stays),
	};

	return cmocka_run_group_tests_name("kernels of a program", tests, NULL, NULL);
}
