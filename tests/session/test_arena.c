/* SPDX-License-Identifier: MIT */
/* The arena's offsets and the patterns of rules. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plan.h"

static bool overlap(const struct clade_span *a, const struct clade_span *b)
{
	return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes &&
	       b->offset < a->offset + a->bytes;
}

static void test_live_spans_never_overlap(void **state)
{
	struct clade_span spans[200];
	uint64_t x = 7, total, apart;

	for (int round = 0; round < 50; round++) {
		uint32_t count = 1 + (uint32_t)round * 4;

		for (uint32_t i = 0; i < count; i++) {
			x = x * UINT64_C(6364136223846793005) + 1;
			spans[i] = (struct clade_span) {
				.bytes = x >> 50, .first = i / 2, .last = i / 2 + (x >> 33) % 5, .used = i % 7 != 3
			};
		}
		assert_true(clade_arena_assign(spans, count, true, &total));
		for (uint32_t i = 0; i < count; i++)
			for (uint32_t j = 0; j < i; j++)
				assert_false(spans[i].used && spans[j].used && overlap(&spans[i], &spans[j]));
		for (uint32_t i = 0; i < count; i++) {
			assert_true(!spans[i].used || spans[i].offset + spans[i].bytes <= total);
			assert_int_equal(spans[i].used ? spans[i].offset % CLADE_ARENA_ALIGN : 0, 0);
		}
		assert_true(clade_arena_assign(spans, count, false, &apart));
		assert_true(total <= apart);
	}
}

static void test_chain_reuses_memory(void **state)
{
	struct clade_span spans[100];
	uint64_t total;

	for (uint32_t i = 0; i < 100; i++)
		spans[i] = (struct clade_span) { .bytes = 1000, .first = i, .last = i + 1, .used = true };
	assert_true(clade_arena_assign(spans, 100, true, &total));
	assert_int_equal(total, 2 * 1024);
	assert_true(clade_arena_assign(spans, 100, false, &total));
	assert_int_equal(total, 100 * 1024);
}

static void test_overflow_is_refused(void **state)
{
	struct clade_span spans[2] = { { .bytes = UINT64_MAX - 5, .used = true }, { .bytes = 1, .used = true } };
	uint64_t total;

	assert_false(clade_arena_assign(spans, 2, true, &total));
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "linear", "linear", true },
		{ "linear", "linear2", false },
		{ "*", "linear", true },
		{ "*", "a/b", false },
		{ "**", "a/b/c", true },
		{ "layers.1/*", "layers.1/q", true },
		{ "layers.1/*", "layers.10/q", false },
		{ "layers.1/*", "layers.1/attn/q", false },
		{ "layers.1/**", "layers.1/attn/q", true },
		{ "layers.?/q", "layers.3/q", true },
		{ "layers.?/q", "layers.13/q", false },
		{ "**/q", "layers.3/attn/q", true },
		{ "**/q", "layers.3/attn/k", false },
		{ "a*c", "abbc", true },
		{ "a*c", "ab/c", false },
		{ "", "", true },
		{ "?", "", false },
		{ "a**", "a", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (clade_glob(cases[i].pattern, cases[i].text) != cases[i].match)
			fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_spans_never_overlap),
		cmocka_unit_test(test_chain_reuses_memory),
		cmocka_unit_test(test_overflow_is_refused),
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
