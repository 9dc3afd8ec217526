/* SPDX-License-Identifier: MIT */
/* The cases of attention: sizes around the blocks of 256 keys, what hides keys, hostile values, grouped heads, strides.
 */
#include "attention.h"

#define CASE CLADE_CASE
#define QKV(b, h, t, d, g, s, e)                                                                                       \
	"q = f32[" #b ", " #h ", " #t ", " #d "]", "k = f32[" #b ", " #g ", " #s ", " #d "]",                          \
		"v = f32[" #b ", " #g ", " #s ", " #e "]"

#define F16(b, h, t, d, g, s, e)                                                                                       \
	"q = f32[" #b ", " #h ", " #t ", " #d "]", "k = f16[" #b ", " #g ", " #s ", " #d "]",                          \
		"v = f16[" #b ", " #g ", " #s ", " #e "]"

#define RING(case_name, attrs, ...)                                                                                    \
	CASE(case_name, "causal = true, ring = true, " attrs, CLADE_CASE_REQUIRED, __VA_ARGS__)

const struct clade_case *const attention_cases[] = {
	/* sizes */
	CASE("one", NULL, 0, QKV(1, 1, 1, 1, 1, 1, 1)), CASE("prime", NULL, 0, QKV(2, 3, 17, 7, 3, 13, 5)),
	CASE("no_keys", NULL, 0, QKV(2, 2, 3, 8, 2, 0, 8)), CASE("no_queries", NULL, 0, QKV(2, 2, 0, 8, 2, 5, 8)),
	CASE("no_batch", NULL, 0, QKV(0, 2, 3, 8, 2, 5, 8)), CASE("no_columns", NULL, 0, QKV(1, 2, 3, 0, 2, 5, 0)),
	CASE("keys_255", NULL, 0, QKV(1, 2, 3, 64, 2, 255, 64)),
	CASE("keys_256", "causal = true", 0, QKV(1, 1, 18, 64, 1, 256, 64)),
	CASE("keys_257", NULL, 0, QKV(1, 2, 3, 64, 2, 257, 64)),
	CASE("keys_513", "causal = true", 0, QKV(1, 1, 5, 100, 1, 513, 100)),
	CASE("long_rows", NULL, 0, QKV(1, 1, 2, 300, 1, 67, 515)),
	CASE("bench_512", "causal = true", CLADE_CASE_BENCH | CLADE_CASE_LARGE, QKV(1, 12, 512, 64, 12, 512, 64)),
	CASE("bench_decode", NULL, CLADE_CASE_BENCH | CLADE_CASE_LARGE, QKV(1, 8, 1, 64, 8, 4096, 64)),
	CASE("many_rows", "causal = true", CLADE_CASE_LARGE, QKV(1, 2, 33001, 1, 2, 9, 1)),
	/* hidden keys */
	CASE("causal", "causal = true", 0, QKV(2, 2, 19, 16, 2, 19, 16)),
	CASE("causal_more_keys", "causal = true", 0, QKV(1, 2, 5, 16, 2, 40, 16)),
	CASE("causal_more_queries", "causal = true", 0, QKV(1, 2, 40, 16, 2, 5, 16)),
	CASE("window", "causal = true, window = 7", 0, QKV(1, 1, 70, 8, 1, 560, 8)),
	CASE("window_1", "causal = true, window = 1", 0, QKV(1, 1, 9, 8, 1, 9, 8)),
	CASE("window_alone", "window = 300", 0, QKV(1, 1, 21, 8, 1, 521, 8)),
	CASE("q_pos", "causal = true", 0, QKV(2, 2, 7, 16, 2, 300, 16), "q_pos = i32[2, 7] positions:290"),
	CASE("q_pos_gaps", "causal = true", 0, QKV(3, 2, 11, 16, 2, 40, 16), "q_pos = i32[3, 11] badids:40"),
	CASE("q_pos_window", "causal = true, window = 5", 0, QKV(3, 2, 11, 16, 2, 40, 16),
	     "q_pos = i32[3, 11] badids:40"),
	CASE("q_pos_plain", NULL, 0, QKV(3, 2, 11, 16, 2, 40, 16), "q_pos = i32[3, 11] badids:40"),
	CASE("kv_len", NULL, 0, QKV(5, 1, 3, 16, 1, 270, 16), "kv_len = i32[5] ids:271"),
	CASE("kv_len_short", "causal = true", 0, QKV(5, 2, 3, 16, 2, 9, 16), "kv_len = i32[5] ids:4"),
	CASE("kv_len_outside", NULL, 0, QKV(7, 1, 3, 16, 1, 9, 16), "kv_len = i32[7] badids:9"),
	CASE("mask_padding", NULL, 0, QKV(3, 2, 5, 16, 2, 31, 16), "mask = bool[3, 1, 1, 31] rowmask"),
	CASE("mask_full", NULL, 0, QKV(2, 2, 5, 16, 2, 261, 16), "mask = bool[2, 2, 5, 261] rowmask"),
	CASE("mask_heads", "causal = true", 0, QKV(2, 3, 18, 16, 3, 20, 16), "mask = bool[1, 3, 18, 1] mask"),
	CASE("mask_all_false", NULL, 0, QKV(1, 2, 17, 16, 2, 20, 16), "mask = bool[1, 1, 17, 20] allfalse"),
	CASE("mask_all_true", NULL, 0, QKV(1, 2, 17, 16, 2, 20, 16), "mask = bool[1, 1, 17, 20] alltrue"),
	CASE("mask_and_causal", "causal = true", 0, QKV(2, 1, 20, 16, 1, 300, 16), "mask = bool[2, 1, 1, 300] mask"),
	/* a ring: positions beyond its rows, blocks that wrap, padding */
	RING("ring", "window = 200", QKV(2, 2, 3, 16, 2, 512, 16), "q_pos = i32[2, 3] positions:1000"),
	RING("ring_decode", "window = 300", QKV(1, 8, 1, 64, 2, 1024, 64), "q_pos = i32[1, 1] positions:5000"),
	RING("ring_first", "window = 256", QKV(1, 2, 40, 16, 2, 768, 16), "q_pos = i32[1, 40] positions"),
	RING("ring_prompt", "window = 270, softcap = 3", QKV(1, 3, 70, 9, 1, 768, 20),
	     "q_pos = i32[1, 70] positions:740"),
	RING("ring_one_block", "window = 100", QKV(2, 2, 9, 8, 2, 256, 8), "q_pos = i32[2, 9] positions:250"),
	RING("ring_gaps", "window = 7", QKV(3, 2, 11, 16, 2, 256, 16), "q_pos = i32[3, 11] badids:40"),
	RING("ring_padding", "window = 40", QKV(2, 2, 5, 16, 1, 256, 16), "q_pos = i32[2, 5] badids:3"),
	RING("ring_of_few", "window = 30", QKV(1, 2, 5, 16, 2, 100, 16), "q_pos = i32[1, 5] positions:97"),
	RING("ring_of_none", "window = 30", QKV(1, 2, 5, 16, 2, 0, 16), "q_pos = i32[1, 5] positions"),
	/* scores */
	CASE("bias", NULL, 0, QKV(2, 3, 18, 16, 3, 33, 16), "bias = f32[1, 3, 18, 33]"),
	CASE("bias_rows", "causal = true", 0, QKV(2, 3, 18, 16, 3, 33, 16), "bias = f32[2, 1, 1, 33]"),
	CASE("bias_ninf", NULL, 0, QKV(1, 2, 9, 16, 2, 263, 16), "bias = f32[1, 2, 9, 263] ninf"),
	CASE("bias_specials", NULL, 0, QKV(2, 3, 18, 16, 3, 33, 16), "bias = f32[2, 3, 18, 33] specials"),
	CASE("softcap", "softcap = 2.5", 0, QKV(1, 2, 18, 16, 2, 33, 16), "bias = f32[1, 1, 18, 33]"),
	CASE("scale", "scale = 3.7", 0, QKV(1, 1, 18, 16, 1, 300, 16)),
	CASE("scale_zero", "scale = 0", 0, QKV(1, 2, 18, 16, 2, 33, 16)),
	CASE("few_rows", "causal = true, window = 270, softcap = 3", 0, QKV(2, 4, 2, 40, 2, 600, 100),
	     "mask = bool[2, 1, 2, 600] mask", "bias = f32[1, 4, 2, 600] ninf", "q_pos = i32[2, 2] positions:570"),
	CASE("few_rows_window", "causal = true, window = 3", 0, QKV(1, 2, 3, 16, 2, 260, 80)),
	/* hostile values */
	CASE("huge", NULL, 0, "q = f32[1, 2, 5, 16] huge", "k = f32[1, 2, 20, 16] huge", "v = f32[1, 2, 20, 16]"),
	CASE("tiny", NULL, 0, "q = f32[1, 2, 5, 16] tiny", "k = f32[1, 2, 20, 16] tiny", "v = f32[1, 2, 20, 16] tiny"),
	CASE("huge_many", NULL, 0, "q = f32[1, 2, 18, 16]", "k = f32[1, 2, 300, 16] huge",
	     "v = f32[1, 2, 300, 16] huge"),
	CASE("nan_many", NULL, 0, "q = f32[1, 2, 18, 16]", "k = f32[1, 2, 300, 16] nan", "v = f32[1, 2, 300, 16]"),
	CASE("nan_keys", "causal = true", 0, "q = f32[1, 2, 20, 16]", "k = f32[1, 2, 20, 16] nan",
	     "v = f32[1, 2, 20, 16]"),
	CASE("nan_values", "causal = true", 0, "q = f32[1, 2, 20, 16]", "k = f32[1, 2, 20, 16]",
	     "v = f32[1, 2, 20, 16] nan"),
	CASE("inf_queries", NULL, 0, "q = f32[1, 2, 20, 4] inf", "k = f32[1, 2, 20, 4]", "v = f32[1, 2, 20, 4]"),
	CASE("dead_values", "causal = true", 0, "q = f32[1, 1, 20, 16]", "k = f32[1, 1, 300, 16]",
	     "v = f32[1, 1, 300, 16] specials", "mask = bool[1, 1, 20, 300] mask"),
	CASE("equal", NULL, 0, "q = f32[1, 1, 5, 16]", "k = f32[1, 1, 300, 16] equal", "v = f32[1, 1, 300, 16]"),
	CASE("cancel", NULL, 0, "q = f32[1, 2, 5, 64] cancel", "k = f32[1, 2, 20, 64]", "v = f32[1, 2, 20, 16] cancel"),
	/* heads and strides */
	CASE("grouped", "causal = true", 0, QKV(2, 6, 11, 16, 2, 40, 16)),
	CASE("one_key_head", "causal = true", 0, QKV(2, 3, 4, 16, 1, 290, 16), "q_pos = i32[2, 4] positions:200",
	     "mask = bool[2, 3, 4, 290] mask"),
	CASE("grouped_decode", "causal = true", 0, QKV(2, 8, 1, 64, 2, 300, 64), "q_pos = i32[2, 1] positions:280",
	     "kv_len = i32[2] ids:300"),
	CASE("one_head_decode", "causal = true", 0, QKV(1, 1, 1, 64, 1, 700, 80), "q_pos = i32[1, 1] positions:600"),
	CASE("one_key_head_decode", "causal = true, softcap = 4", 0, QKV(1, 8, 1, 64, 1, 1030, 64),
	     "q_pos = i32[1, 1] positions:1027"),
	CASE("three_heads_decode", "causal = true, window = 300", 0, QKV(1, 9, 1, 40, 3, 900, 40),
	     "bias = f32[1, 9, 1, 900]", "q_pos = i32[1, 1] positions:890"),
	CASE("strided", "causal = true", 0, "q = f32[2, 4, 11, 16] normal strided",
	     "k = f32[2, 2, 40, 16] normal strided", "v = f32[2, 2, 40, 9] normal strided", "bias = f32[1, 4, 11, 40]"),
	/* keys and values kept as f16 */
	CASE("f16", NULL, 0, F16(2, 3, 17, 7, 3, 13, 5)),
	CASE("f16_keys_257", "causal = true", 0, F16(1, 2, 18, 64, 1, 257, 64)),
	CASE("f16_long_rows", NULL, 0, F16(1, 1, 2, 300, 1, 67, 515)),
	CASE("f16_decode", "causal = true", 0, F16(2, 8, 1, 64, 2, 300, 64), "q_pos = i32[2, 1] positions:280",
	     "kv_len = i32[2] ids:300"),
	CASE("f16_one_head", "causal = true", 0, F16(1, 1, 1, 64, 1, 700, 80), "q_pos = i32[1, 1] positions:600"),
	CASE("f16_ring", "causal = true, ring = true, window = 300", CLADE_CASE_REQUIRED, F16(1, 8, 1, 64, 2, 1024, 64),
	     "q_pos = i32[1, 1] positions:5000"),
	CASE("f16_few_rows", "causal = true, window = 270, softcap = 3", 0, F16(2, 4, 2, 40, 2, 600, 100),
	     "mask = bool[2, 1, 2, 600] mask", "bias = f32[1, 4, 2, 600] ninf", "q_pos = i32[2, 2] positions:570"),
	CASE("f16_strided", "causal = true", 0, "q = f32[2, 4, 11, 16] normal strided",
	     "k = f16[2, 2, 40, 16] normal strided", "v = f16[2, 2, 40, 9] normal strided"),
	CASE("f16_tiny", NULL, 0, "q = f32[1, 2, 5, 16]", "k = f16[1, 2, 20, 16] tiny", "v = f16[1, 2, 20, 16] tiny"),
	CASE("f16_nan", "causal = true", 0, "q = f32[1, 2, 20, 16]", "k = f16[1, 2, 20, 16] nan",
	     "v = f16[1, 2, 20, 16] inf"),
	CASE("f16_specials", "causal = true", 0, "q = f32[1, 2, 20, 16]", "k = f16[1, 2, 20, 16]",
	     "v = f16[1, 2, 20, 16] specials"),
	/* refused */
	CASE("two_types", NULL, CLADE_CASE_FAILS, "q = f32[1, 1, 3, 8]", "k = f16[1, 1, 4, 8]", "v = f32[1, 1, 4, 8]"),
	CASE("ring_without_window", "causal = true, ring = true", CLADE_CASE_FAILS, QKV(1, 1, 3, 8, 1, 256, 8),
	     "q_pos = i32[1, 3] positions"),
	CASE("ring_with_mask", "causal = true, ring = true, window = 9", CLADE_CASE_FAILS, QKV(1, 1, 3, 8, 1, 256, 8),
	     "mask = bool[1, 1, 3, 256] mask", "q_pos = i32[1, 3] positions"),
	CASE("heads_inexact", NULL, CLADE_CASE_FAILS, QKV(1, 5, 3, 8, 2, 4, 8)),
	CASE("other_width", NULL, CLADE_CASE_FAILS, "q = f32[1, 2, 3, 8]", "k = f32[1, 2, 4, 7]",
	     "v = f32[1, 2, 4, 8]"),
	CASE("other_keys", NULL, CLADE_CASE_FAILS, "q = f32[1, 2, 3, 8]", "k = f32[1, 2, 4, 8]", "v = f32[1, 2, 5, 8]"),
	CASE("mask_rank", NULL, CLADE_CASE_FAILS, QKV(1, 2, 3, 8, 2, 4, 8), "mask = bool[3, 4] mask"),
	CASE("mask_shape", NULL, CLADE_CASE_FAILS, QKV(1, 2, 3, 8, 2, 4, 8), "mask = bool[1, 1, 2, 4] mask"), NULL
};
