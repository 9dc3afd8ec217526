/* SPDX-License-Identifier: MIT */
/* The element-wise ops: ports, broadcasting and cases. */
#include "elementwise.h"

#include <clade/op_kit.h>

#define F32 CLADE_DTYPE_BIT(CLADE_F32)
#define I32 CLADE_DTYPE_BIT(CLADE_I32)
#define BOOL CLADE_DTYPE_BIT(CLADE_BOOL)
#define PORT(variable, name_, flags_, dtypes_, shape_, like_, help_)                                                   \
	static const struct clade_port variable = CLADE_PORT(.name = name_, .flags = flags_, .dtypes = dtypes_,        \
							     .shape = shape_, .like = like_, .help = help_)

PORT(x_f32, "x", CLADE_IN, F32, "*", NULL, "any shape");
PORT(x_bool, "x", CLADE_IN, BOOL, "*", NULL, "any shape");
PORT(x_any, "x", CLADE_IN, F32 | I32 | BOOL, "*", NULL, "any shape");
PORT(a_f32, "a", CLADE_IN, F32, "*", NULL, "any shape that broadcasts with b");
PORT(b_f32, "b", CLADE_IN, F32, "*", NULL, "any shape that broadcasts with a");
PORT(a_bool, "a", CLADE_IN, BOOL, "*", NULL, "any shape that broadcasts with b");
PORT(b_bool, "b", CLADE_IN, BOOL, "*", NULL, "any shape that broadcasts with a");
PORT(a_number, "a", CLADE_IN, F32 | I32, "*", NULL, "any shape that broadcasts with b");
PORT(b_number, "b", CLADE_IN, F32 | I32, "*", NULL, "of a's element type; any shape that broadcasts with a");
PORT(cond, "cond", CLADE_IN, BOOL, "*", NULL, "true takes a, false b");
PORT(a_any, "a", CLADE_IN, F32 | I32 | BOOL, "*", NULL, "any shape that broadcasts with cond and b");
PORT(b_any, "b", CLADE_IN, F32 | I32 | BOOL, "*", NULL, "of a's element type; any shape that broadcasts");
PORT(y_like_x, "y", CLADE_OUT, 0, NULL, "x", "x's shape");
PORT(y_like_a, "y", CLADE_OUT, 0, NULL, "a", "the inputs' shapes broadcast");
PORT(y_bool, "y", CLADE_OUT, BOOL, NULL, NULL, "the inputs' shapes broadcast");
PORT(y_f32, "y", CLADE_OUT, F32, NULL, NULL, "x's shape, in the element type that `to` names");

static const char *const approximate_words[] = { "none", "tanh", NULL };
static const struct clade_attr approximate =
	CLADE_ATTR(.name = "approximate", .type = CLADE_ATTR_WORD, .offset = offsetof(struct gelu_params, approximate),
		   .words = approximate_words, .help = "none: by erf; tanh: the approximation that GPT-2 uses");
static const char *const to_words[] = { "f32", "i32", "bool", NULL };
static const struct clade_attr to =
	CLADE_ATTR(.name = "to", .type = CLADE_ATTR_WORD, .offset = offsetof(struct cast_params, to), .required = true,
		   .words = to_words, .help = "the element type wanted");

/* numpy's rule: shapes are aligned from the right; where sizes differ, one of them is 1. */
static enum clade_status infer_broadcast(struct clade_infer *infer)
{
	struct clade_type *out = &infer->outputs[0];
	const struct clade_type *last = infer->inputs[infer->input_count - 1];
	const struct clade_type *before = infer->inputs[infer->input_count - 2];

	if (last->dtype != before->dtype)
		return infer->ops->fail(infer, "the inputs' element types differ; cast one to the other's");
	out->rank = 0;
	for (uint32_t k = 0; k < infer->input_count; k++)
		if (infer->inputs[k]->rank > out->rank)
			out->rank = infer->inputs[k]->rank;
	for (uint32_t axis = 0; axis < out->rank; axis++) {
		out->dims[axis] = 1;
		for (uint32_t k = 0; k < infer->input_count; k++) {
			uint32_t missing = out->rank - infer->inputs[k]->rank;
			int64_t dim = axis < missing ? 1 : infer->inputs[k]->dims[axis - missing];

			if (out->dims[axis] == 1)
				out->dims[axis] = dim;
			else if (dim != 1 && dim != out->dims[axis])
				return infer->ops->fail(infer,
							"the inputs do not broadcast: axis %u, counted from the last, "
							"has different sizes, neither of them 1",
							out->rank - 1 - axis);
		}
	}
	return CLADE_OK;
}

static enum clade_status infer_cast(struct clade_infer *infer)
{
	static const enum clade_dtype dtypes[] = { CLADE_F32, CLADE_I32, CLADE_BOOL };
	const struct cast_params *params = infer->params;

	infer->outputs[0] = *infer->inputs[0];
	infer->outputs[0].dtype = dtypes[params->to];
	return CLADE_OK;
}

#define CASE(name_, flags_, attrs_, ...) CLADE_CASE(name_, attrs_, flags_, __VA_ARGS__)
#define CASES static const struct clade_case *const
#define ALIAS CLADE_CASE_ALIAS
#define LARGE CLADE_CASE_LARGE
#define BENCH (CLADE_CASE_LARGE | CLADE_CASE_BENCH)
#define FAILS CLADE_CASE_FAILS

#define UNARY_CASES(attrs)                                                                                             \
	CASE("empty", 0, attrs, "x = f32[3, 0, 2]"), CASE("scalar", ALIAS, attrs, "x = f32[]"),                        \
		CASE("one", 0, attrs, "x = f32[1]"), CASE("prime", ALIAS, attrs, "x = f32[7, 13]"),                    \
		CASE("odd", 0, attrs, "x = f32[1023]"), CASE("even", ALIAS, attrs, "x = f32[4096] uniform"),           \
		CASE("specials", 0, attrs, "x = f32[3, 67] specials"), CASE("huge", 0, attrs, "x = f32[131] huge"),    \
		CASE("tiny", 0, attrs, "x = f32[131] tiny"), CASE("nan", 0, attrs, "x = f32[33] nan"),                 \
		CASE("inf", ALIAS, attrs, "x = f32[33] inf"),                                                          \
		CASE("strided", 0, attrs, "x = f32[2, 3, 37] normal strided")
CASES unary_cases[] = { UNARY_CASES(NULL), CASE("positive", 0, NULL, "x = f32[257] ones"),
			CASE("timed", BENCH, NULL, "x = f32[512, 3072]"), NULL };
CASES relu_cases[] = { UNARY_CASES(NULL), CASE("70001 rows", LARGE, NULL, "x = f32[70001, 3]"),
		       CASE("timed", BENCH, NULL, "x = f32[512, 3072]"), NULL };
CASES gelu_cases[] = { UNARY_CASES(NULL), UNARY_CASES("approximate = \"tanh\""),
		       CASE("timed", BENCH, NULL, "x = f32[512, 3072]"),
		       CASE("timed tanh", BENCH, "approximate = \"tanh\"", "x = f32[512, 3072]"), NULL };

#define BINARY_CASES(t, fill)                                                                                          \
	CASE(#t " empty", 0, NULL, "a = " #t "[0, 3] " fill, "b = " #t "[3] " fill),                                   \
		CASE(#t " scalars", ALIAS, NULL, "a = " #t "[] " fill, "b = " #t "[] " fill),                          \
		CASE(#t " same", ALIAS, NULL, "a = " #t "[7, 13] " fill, "b = " #t "[7, 13] " fill),                   \
		CASE(#t " odd", 0, NULL, "a = " #t "[1023] " fill, "b = " #t "[1023] " fill),                          \
		CASE(#t " even", ALIAS, NULL, "a = " #t "[2, 4096] " fill, "b = " #t "[2, 4096] " fill),               \
		CASE(#t " b a scalar", ALIAS, NULL, "a = " #t "[5, 67] " fill, "b = " #t "[] " fill),                  \
		CASE(#t " a a scalar", 0, NULL, "a = " #t "[1] " fill, "b = " #t "[5, 67] " fill),                     \
		CASE(#t " b a row", ALIAS, NULL, "a = " #t "[2, 5, 67] " fill, "b = " #t "[67] " fill),                \
		CASE(#t " b a column", ALIAS, NULL, "a = " #t "[5, 67] " fill, "b = " #t "[5, 1] " fill),              \
		CASE(#t " outer", 0, NULL, "a = " #t "[33, 1] " fill, "b = " #t "[1, 35] " fill),                      \
		CASE(#t " inside", 0, NULL, "a = " #t "[2, 1, 3, 5] " fill, "b = " #t "[2, 7, 1, 5] " fill),           \
		CASE(#t " alternating", 0, NULL, "a = " #t "[2, 1, 2, 1, 2, 1, 2, 3] " fill,                           \
		     "b = " #t "[1, 3, 1, 3, 1, 3, 1, 3] " fill),                                                      \
		CASE(#t " strided", 0, NULL, "a = " #t "[3, 5, 19] " fill " strided",                                  \
		     "b = " #t "[5, 19] " fill " strided")
#define HOSTILE_CASES                                                                                                  \
	CASE("specials", 0, NULL, "a = f32[24, 1] specials", "b = f32[1, 24] specials"),                               \
		CASE("huge", ALIAS, NULL, "a = f32[131] huge", "b = f32[131] huge"),                                   \
		CASE("tiny", 0, NULL, "a = f32[131] tiny", "b = f32[131]"),                                            \
		CASE("nan", 0, NULL, "a = f32[33] nan", "b = f32[33] nan"),                                            \
		CASE("equal", 0, NULL, "a = f32[33] equal", "b = f32[33] equal"),                                      \
		CASE("sizes differ", FAILS, NULL, "a = f32[3, 4]", "b = f32[3]")
CASES number_cases[] = { BINARY_CASES(f32, "normal"),
			 BINARY_CASES(i32, "ids:1000"),
			 HOSTILE_CASES,
			 CASE("types differ", FAILS, NULL, "a = f32[3]", "b = i32[3] ids:9"),
			 CASE("70001 rows", LARGE, NULL, "a = f32[70001, 3]", "b = f32[70001, 1]"),
			 CASE("timed", BENCH, NULL, "a = f32[512, 768]", "b = f32[512, 768]"),
			 CASE("timed row", BENCH, NULL, "a = f32[512, 3072]", "b = f32[3072]"),
			 NULL };
CASES f32_cases[] = { BINARY_CASES(f32, "normal"), HOSTILE_CASES,
		      CASE("timed", BENCH, NULL, "a = f32[512, 768]", "b = f32[512, 768]"), NULL };
CASES bool_cases[] = { BINARY_CASES(bool, "mask"), NULL };
CASES not_cases[] = { CASE("empty", 0, NULL, "x = bool[0] mask"),
		      CASE("scalar", 0, NULL, "x = bool[] mask"),
		      CASE("odd", ALIAS, NULL, "x = bool[3, 341] mask"),
		      CASE("true", 0, NULL, "x = bool[37] alltrue"),
		      CASE("strided", 0, NULL, "x = bool[5, 19] mask strided"),
		      NULL };
#define WHERE_CASES(t, fill)                                                                                           \
	CASE(#t " same", 0, NULL, "cond = bool[7, 41] mask", "a = " #t "[7, 41] " fill, "b = " #t "[7, 41] " fill),    \
		CASE(#t " scalar", 0, NULL, "cond = bool[1023] mask", "a = " #t "[1023] " fill, "b = " #t "[] " fill), \
		CASE(#t " mask of rows", 0, NULL, "cond = bool[2, 1, 1, 37] mask", "a = " #t "[2, 3, 5, 37] " fill,    \
		     "b = " #t "[] " fill),                                                                            \
		CASE(#t " column", 0, NULL, "cond = bool[33, 1] mask", "a = " #t "[1, 35] " fill,                      \
		     "b = " #t "[1] " fill)
CASES where_cases[] = { WHERE_CASES(f32, "specials"),
			WHERE_CASES(i32, "ids:1000"),
			WHERE_CASES(bool, "mask"),
			CASE("empty", 0, NULL, "cond = bool[0] mask", "a = f32[1]", "b = f32[]"),
			CASE("alternating", 0, NULL, "cond = bool[2, 1, 2, 1, 2, 1, 2] mask",
			     "a = f32[1, 3, 1, 3, 1, 3, 1]", "b = f32[2, 3, 1, 1, 2, 3, 1]"),
			CASE("types differ", FAILS, NULL, "cond = bool[3] mask", "a = f32[3]", "b = i32[3] ids:9"),
			CASE("sizes differ", FAILS, NULL, "cond = bool[3] mask", "a = f32[2]", "b = f32[3]"),
			NULL };
CASES cast_cases[] = { CASE("f32 to i32", ALIAS, "to = \"i32\"", "x = f32[3, 341] huge"),
		       CASE("specials to i32", 0, "to = \"i32\"", "x = f32[67] specials"),
		       CASE("specials to bool", 0, "to = \"bool\"", "x = f32[67] specials"),
		       CASE("f32 to bool", 0, "to = \"bool\"", "x = f32[67]"),
		       CASE("f32 to f32", 0, "to = \"f32\"", "x = f32[67] specials"),
		       CASE("i32 to f32", ALIAS, "to = \"f32\"", "x = i32[7, 9] ids:2000000000"),
		       CASE("i32 to bool", 0, "to = \"bool\"", "x = i32[67] ids:3"),
		       CASE("i32 to i32", 0, "to = \"i32\"", "x = i32[67] ids:300"),
		       CASE("bool to f32", 0, "to = \"f32\"", "x = bool[67] mask"),
		       CASE("bool to i32", 0, "to = \"i32\"", "x = bool[67] mask"),
		       CASE("bool to bool", ALIAS, "to = \"bool\"", "x = bool[67] mask"),
		       CASE("empty", 0, "to = \"i32\"", "x = f32[0]"),
		       CASE("strided", 0, "to = \"i32\"", "x = f32[5, 19] normal strided"),
		       NULL };

#define OP(name_, doc_, cases_, infer_, params_, attrs_, ...)                                                          \
	static const struct clade_op op_##name_ = { .size = sizeof(struct clade_op),                                   \
						    .name = #name_,                                                    \
						    .doc = (doc_),                                                     \
						    .params_size = (params_),                                          \
						    .attrs = attrs_,                                                   \
						    .ports = CLADE_LIST(struct clade_port, __VA_ARGS__),               \
						    .infer = (infer_),                                                 \
						    .cases = (cases_),                                                 \
						    .family = "elementwise",                                           \
						    .rows = "*" }
#define UNARY(name, doc) OP(name, doc, unary_cases, NULL, 0, NULL, &x_f32, &y_like_x)
#define BROADCAST " Shapes broadcast as in numpy."
#define NUMBERS(name, doc)                                                                                             \
	OP(name, doc BROADCAST, number_cases, infer_broadcast, 0, NULL, &a_number, &b_number, &y_like_a)
#define FLOATS(name, doc) OP(name, doc BROADCAST, f32_cases, infer_broadcast, 0, NULL, &a_f32, &b_f32, &y_like_a)
#define COMPARE(name, doc)                                                                                             \
	OP(name, doc BROADCAST, number_cases, infer_broadcast, 0, NULL, &a_number, &b_number, &y_bool)
#define LOGIC(name, doc) OP(name, doc BROADCAST, bool_cases, infer_broadcast, 0, NULL, &a_bool, &b_bool, &y_bool)

NUMBERS(add, "y = a + b; f32 rounded once, i32 wraps.");
NUMBERS(sub, "y = a - b; f32 rounded once, i32 wraps.");
NUMBERS(mul, "y = a b; f32 rounded once, i32 wraps.");
FLOATS(div, "y = a / b, correctly rounded; operands and results below 2^-126 count as zero.");
FLOATS(pow, "y = a^b with C's special cases (C11 F.10.4.4).");
FLOATS(maximum, "y = the larger of a and b; a NaN if either is one.");
FLOATS(minimum, "y = the smaller of a and b; a NaN if either is one.");
UNARY(neg, "y = -x.");
UNARY(abs, "y = |x|.");
UNARY(sqrt, "y = the square root of x, correctly rounded; NaN below zero.");
UNARY(rsqrt, "y = 1 / sqrt(x), correctly rounded; NaN below zero.");
UNARY(reciprocal, "y = 1 / x, correctly rounded; results below 2^-126 are zero.");
UNARY(exp, "y = e^x; 0 where that is below 2^-126.");
UNARY(log, "y = the natural logarithm of x; -inf at zero, NaN below.");
UNARY(erf, "y = the error function of x.");
UNARY(tanh, "y = the hyperbolic tangent of x.");
OP(relu, "y = x, but 0 where x < 0 (a NaN stays; Nair & Hinton 2010).", relu_cases, NULL, 0, NULL, &x_f32, &y_like_x);
UNARY(sigmoid, "y = 1 / (1 + exp(-x)).");
UNARY(silu, "y = x / (1 + exp(-x)) (Elfwing et al. 2017; also called swish).");
OP(gelu,
   "approximate none: y = (x/2) (1 + erf(x sqrt(1/2))); tanh: y = (x/2) (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) "
   "(Hendrycks & Gimpel 2016).",
   gelu_cases, NULL, sizeof(struct gelu_params), CLADE_LIST(struct clade_attr, &approximate), &x_f32, &y_like_x);
COMPARE(equal, "y = a equals b (a NaN equals nothing).");
COMPARE(less, "y = a < b.");
COMPARE(greater, "y = a > b.");
LOGIC(and, "y = a and b.");
LOGIC(or, "y = a or b.");
OP(not, "y = not x.", not_cases, NULL, 0, NULL, &x_bool, &y_like_x);
OP(where, "y = cond ? a : b, element by element." BROADCAST, where_cases, infer_broadcast, 0, NULL, &cond, &a_any,
   &b_any, &y_like_a);
OP(cast,
   "y = x in another element type: f32 to i32 towards zero, saturating, NaN to 0; i32 to f32 to the nearest even; to "
   "bool: not zero.",
   cast_cases, infer_cast, sizeof(struct cast_params), CLADE_LIST(struct clade_attr, &to), &x_any, &y_f32);

#define ENTRY(name, inputs, source) [EW_##name] = &op_##name,
const struct clade_op *const clade_elementwise_ops[EW_COUNT] = { EW_OPS(ENTRY) };
