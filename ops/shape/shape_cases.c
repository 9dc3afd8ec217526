/* SPDX-License-Identifier: MIT */
/* The cases of the ops that move elements: empty, single, prime and many, each element width, strided. */
#include "shape_cases.h"

#include <clade/op_kit.h>

#define CASE CLADE_CASE

const struct clade_case *const shape_cases_reshape[] = {
	CASE("flat", "shape = [60]", CLADE_CASE_ALIAS, "x = f32[3, 4, 5] specials"),
	CASE("empty", "shape = [5, 0]", 0, "x = f32[0, 7]"),
	CASE("one", "shape = [1, 1, 1]", 0, "x = i32[1] ids:9"),
	CASE("bool", "shape = [7, 11]", 0, "x = bool[77] mask"),
	CASE("strided", "shape = [6, 65]", 0, "x = f32[2, 3, 65] normal strided"),
	CASE("other_count", "shape = [7, 8]", CLADE_CASE_FAILS, "x = f32[3, 4, 5]"),
	NULL
};

const struct clade_case *const shape_cases_transpose[] = {
	CASE("matrix", "axes = [1, 0]", CLADE_CASE_BENCH, "x = f32[257, 130]"),
	CASE("heads", "axes = [0, 2, 1, 3]", CLADE_CASE_BENCH, "x = f32[2, 31, 12, 64] specials"),
	CASE("eight", "axes = [7, 6, 5, 4, 3, 2, 1, 0]", 0, "x = f32[2, 3, 2, 3, 2, 3, 2, 3]"),
	CASE("eight_mixed", "axes = [1, 0, 3, 2, 5, 4, 7, 6]", 0, "x = bool[3, 2, 3, 2, 3, 2, 3, 5] mask"),
	CASE("same", "axes = [0, 1, 2]", 0, "x = i32[3, 5, 7] ids:1000"),
	CASE("empty", "axes = [1, 0]", 0, "x = f32[0, 7]"),
	CASE("strided", "axes = [2, 0, 1]", 0, "x = f32[5, 7, 13] normal strided"),
	CASE("many_rows", "axes = [1, 0, 2]", CLADE_CASE_LARGE, "x = f32[3, 30011, 2]"),
	CASE("twice", "axes = [0, 0]", CLADE_CASE_FAILS, "x = f32[3, 4]"),
	CASE("too_few", "axes = [0]", CLADE_CASE_FAILS, "x = f32[3, 4]"),
	NULL
};

const struct clade_case *const shape_cases_concat[] = {
	CASE("last", NULL, 0, "xs = f32[3, 5]", "xs = f32[3, 1]", "xs = f32[3, 33]"),
	CASE("first", "axis = 0", 0, "xs = f32[2, 7] specials", "xs = f32[5, 7]"),
	CASE("middle", "axis = -2", 0, "xs = i32[3, 2, 7] ids:50", "xs = i32[3, 4, 7] ids:50"),
	CASE("empty_part", "axis = 1", 0, "xs = f32[3, 0]", "xs = f32[3, 4]"),
	CASE("bools", NULL, 0, "xs = bool[3, 5] mask", "xs = bool[3, 6] mask"),
	CASE("single", NULL, 0, "xs = f32[17]"),
	CASE("strided", NULL, 0, "xs = f32[3, 40] normal strided", "xs = f32[3, 9]"),
	CASE("other_axis", NULL, CLADE_CASE_FAILS, "xs = f32[3, 5]", "xs = f32[4, 5]"),
	CASE("other_type", NULL, CLADE_CASE_FAILS, "xs = f32[3, 5]", "xs = i32[3, 5] ids:3"),
	CASE("no_axis", "axis = 2", CLADE_CASE_FAILS, "xs = f32[3, 5]", "xs = f32[3, 5]"),
	NULL
};

const struct clade_case *const shape_cases_slice[] = {
	CASE("last", "start = 3, end = 70", 0, "x = f32[5, 101] specials"),
	CASE("to_end", "axis = 0, start = 2", 0, "x = f32[5, 7]"),
	CASE("step", "axis = 1, start = 1, end = 10, step = 4", 0, "x = i32[2, 11, 3] ids:100"),
	CASE("step_last", "step = 2", 0, "x = f32[3, 33]"),
	CASE("nothing", "start = 4, end = 4", 0, "x = f32[3, 9]"),
	CASE("all", NULL, 0, "x = bool[3, 9] mask"),
	CASE("strided", "axis = 1, start = 2, end = 5", 0, "x = f32[3, 7, 9] normal strided"),
	CASE("past_end", "start = 3, end = 12", CLADE_CASE_FAILS, "x = f32[3, 9]"),
	CASE("backwards", "start = 5, end = 3", CLADE_CASE_FAILS, "x = f32[3, 9]"),
	CASE("no_axis", "axis = 2", CLADE_CASE_FAILS, "x = f32[3, 9]"),
	NULL
};

const struct clade_case *const shape_cases_split_heads[] = {
	CASE("twelve", "heads = 12", CLADE_CASE_BENCH, "x = f32[2, 17, 768]"),
	CASE("one", "heads = 1", 0, "x = f32[3, 5, 7] specials"),
	CASE("thin", "heads = 7", 0, "x = f32[1, 3, 7]"),
	CASE("no_rows", "heads = 2", 0, "x = f32[2, 0, 8]"),
	CASE("strided", "heads = 3", 0, "x = f32[2, 5, 21] normal strided"),
	CASE("inexact", "heads = 5", CLADE_CASE_FAILS, "x = f32[2, 3, 7]"),
	NULL
};

const struct clade_case *const shape_cases_merge_heads[] = {
	CASE("twelve", NULL, CLADE_CASE_BENCH, "x = f32[2, 12, 17, 64]"),
	CASE("one", NULL, 0, "x = f32[3, 1, 5, 7] specials"),
	CASE("thin", NULL, 0, "x = f32[2, 5, 3, 1]"),
	CASE("no_rows", NULL, 0, "x = f32[2, 3, 0, 8]"),
	CASE("strided", NULL, 0, "x = f32[2, 3, 5, 7] normal strided"),
	NULL
};

const struct clade_case *const shape_cases_gather[] = {
	CASE("rows", NULL, 0, "x = f32[11, 37] specials", "indices = i32[2, 5] ids:11"),
	CASE("numbers", NULL, 0, "x = i32[13] ids:100", "indices = i32[29] ids:13"),
	CASE("scalar_index", NULL, 0, "x = f32[5, 3, 7]", "indices = i32[] ids:5"),
	CASE("outside", NULL, 0, "x = f32[7, 19]", "indices = i32[23] badids:7"),
	CASE("outside_bool", NULL, 0, "x = bool[7, 19] mask", "indices = i32[23] badids:7"),
	CASE("empty", NULL, 0, "x = f32[7, 19]", "indices = i32[0] ids:7"),
	CASE("empty_x", NULL, 0, "x = f32[0, 19]", "indices = i32[3] badids:1"),
	CASE("many_rows", NULL, CLADE_CASE_LARGE, "x = f32[101, 3]", "indices = i32[70001] ids:101"),
	NULL
};

const struct clade_case *const shape_cases_gather_rows[] = {
	CASE("some", NULL, 0, "x = f32[3, 11, 37] specials", "rows = i32[3, 2] ids:11"),
	CASE("more_than_there_are", NULL, 0, "x = f32[2, 3, 7]", "rows = i32[2, 13] ids:3"),
	CASE("outside", NULL, 0, "x = i32[2, 5, 7] ids:9", "rows = i32[2, 13] badids:5"),
	CASE("none", NULL, 0, "x = f32[2, 3, 7]", "rows = i32[2, 0] ids:3"), NULL
};

const struct clade_case *const shape_cases_expand[] = {
	CASE("leading", "shape = [4, 3, 5]", 0, "x = f32[3, 5] specials"),
	CASE("inner", "shape = [2, 3, 7, 5]", 0, "x = f32[3, 1, 5]"),
	CASE("last", "shape = [3, 65]", 0, "x = i32[3, 1] ids:99"),
	CASE("scalar", "shape = [3, 5]", 0, "x = f32[]"),
	CASE("bool", "shape = [2, 2, 9, 9]", 0, "x = bool[2, 1, 1, 9] mask"),
	CASE("empty", "shape = [0, 5]", 0, "x = f32[1, 5]"),
	CASE("strided", "shape = [2, 3, 9]", 0, "x = f32[3, 9] normal strided"),
	CASE("other", "shape = [2, 4, 5]", CLADE_CASE_FAILS, "x = f32[3, 5]"),
	CASE("fewer", "shape = [5]", CLADE_CASE_FAILS, "x = f32[3, 5]"),
	NULL
};

const struct clade_case *const shape_cases_copy[] = {
	CASE("plain", NULL, CLADE_CASE_ALIAS | CLADE_CASE_BENCH, "x = f32[31, 1023] specials"),
	CASE("strided", NULL, 0, "x = f32[3, 5, 7] normal strided"),
	CASE("bool", NULL, 0, "x = bool[3, 5, 7] mask"),
	CASE("i32", NULL, 0, "x = i32[1009] ids:1000000"),
	CASE("scalar", NULL, 0, "x = f32[]"),
	CASE("long", NULL, 0, "x = f32[90001]"),
	CASE("empty", NULL, 0, "x = f32[0]"),
	CASE("many_rows", NULL, CLADE_CASE_LARGE, "x = f32[70001, 3] normal strided"),
	NULL
};
