/* SPDX-License-Identifier: MIT */
/* Cases of one op with sizes put in: the letters of its port patterns, as the command line names them. */
#include "opcase.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LETTERS = 16, NAME = 32, WORTH_ODD = 16 };

/* ---- patterns ---- */

/* "[..., n]" taken apart. */
struct pattern {
	bool leading;
	size_t count;
	char names[CLADE_MAX_RANK][NAME]; /* "" is a number */
};

static bool says_shape(const struct clade_port *port)
{
	return port->shape != NULL && port->shape[0] == '[';
}

/* A port of any shape may have its axes' names in its help. */
static bool read_pattern(const struct clade_port *port, struct pattern *out)
{
	const char *at = says_shape(port) ? port->shape : port->help;
	*out = (struct pattern) { .count = 0 };
	if (at == NULL || *at++ != '[')
		return false;
	while (*at != ']' && *at != '\0' && out->count < CLADE_MAX_RANK) {
		size_t length = strcspn(at, ",]");
		if (strncmp(at, "...", 3) == 0)
			out->leading = true;
		else
			snprintf(out->names[out->count++], NAME, "%.*s", isalpha((unsigned char)*at) ? (int)length : 0,
				 at);
		at += length;
		at += strspn(at, ", ");
	}
	return true;
}

/* ---- a case's lines ---- */

struct line {
	const struct clade_port *port;
	char dtype[16], rest[64];
	uint32_t rank;
	int64_t dims[CLADE_MAX_RANK];
};
struct letter {
	char name[NAME]; /* "..." for the leading axes */
	int64_t value;
	size_t order;      /* in which the inputs name them */
	bool given, loose; /* loose: no pattern of the op names it, only a help text */
};
struct sizes {
	struct line lines[CLADE_MAX_PORTS];
	size_t line_count;
	struct letter letters[MOST_LETTERS];
	size_t letter_count;
};

static const struct clade_port *input_named(const struct clade_op *op, const char *name, size_t length)
{
	for (size_t i = 0; op->ports[i] != NULL; i++)
		if ((op->ports[i]->flags & CLADE_IN) != 0 && strlen(op->ports[i]->name) == length &&
		    strncasecmp(op->ports[i]->name, name, length) == 0)
			return op->ports[i];
	return NULL;
}

static bool read_line(const struct clade_op *op, const char *text, struct line *out)
{
	size_t length = strcspn(text, " =");
	*out = (struct line) { .port = input_named(op, text, length) };
	text += length + strspn(text + length, " =");
	length = strcspn(text, "[");
	if (out->port == NULL || text[length] != '[' || length >= sizeof(out->dtype))
		return false;
	memcpy(out->dtype, text, length);
	for (text += length + 1; *text != ']' && *text != '\0' && out->rank < CLADE_MAX_RANK;) {
		char *end;
		out->dims[out->rank++] = strtoll(text, &end, 10);
		text = end + strspn(end, ", ");
	}
	if (*text++ != ']')
		return false;
	snprintf(out->rest, sizeof(out->rest), "%s", text + strspn(text, " "));
	return true;
}

static struct letter *find_letter(struct sizes *sizes, const char *name)
{
	for (size_t i = 0; i < sizes->letter_count; i++)
		if (strcmp(sizes->letters[i].name, name) == 0)
			return &sizes->letters[i];
	return NULL;
}

static void bind(struct sizes *sizes, const struct clade_port *port, const char *name, int64_t value)
{
	struct letter *letter = find_letter(sizes, name);
	if (letter == NULL && sizes->letter_count < MOST_LETTERS) {
		letter = &sizes->letters[sizes->letter_count++];
		snprintf(letter->name, sizeof(letter->name), "%s", name);
		letter->value = value;
		letter->order = sizes->letter_count;
		letter->loose = !says_shape(port);
	}
	if (letter != NULL && letter->value == 1) /* an axis that is broadcast */
		letter->value = value;
}

/* The letters as the lines' dims say. */
static void bind_lines(struct sizes *sizes)
{
	struct pattern pattern;
	sizes->letter_count = 0;
	for (size_t i = 0; i < sizes->line_count; i++) {
		const struct line *line = &sizes->lines[i];
		if (!read_pattern(line->port, &pattern) || pattern.count > line->rank)
			continue;
		int64_t rows = 1;
		for (size_t a = 0; a < line->rank - pattern.count; a++)
			rows *= line->dims[a];
		if (pattern.leading && line->rank > pattern.count)
			bind(sizes, line->port, "...", rows);
		for (size_t a = 0; a < pattern.count; a++)
			if (pattern.names[a][0] != '\0')
				bind(sizes, line->port, pattern.names[a], line->dims[line->rank - pattern.count + a]);
	}
}

static bool read_sizes(const struct clade_op *op, const struct clade_case *from, struct sizes *out)
{
	*out = (struct sizes) { .line_count = 0 };
	for (size_t i = 0; from->inputs[i] != NULL && i < CLADE_MAX_PORTS; i++)
		if (!read_line(op, from->inputs[i], &out->lines[out->line_count++]))
			return false;
	bind_lines(out);
	return true;
}

/* ---- which cases ---- */

static bool is_plain(const struct clade_case *test_case)
{
	static const char *const fills[] = { "normal", "weight", "ids", "positions", "mask", "alltrue", "uniform" };
	for (size_t i = 0; test_case->inputs[i] != NULL; i++) {
		const char *rest = strchr(test_case->inputs[i], ']');
		size_t k = 0, count = sizeof(fills) / sizeof(fills[0]);
		if (rest == NULL)
			return false;
		rest += 1 + strspn(rest + 1, " ");
		while (*rest != '\0' && k < count && strncmp(rest, fills[k], strlen(fills[k])) != 0)
			k++;
		if (k == count)
			return false;
	}
	return (test_case->flags & (CLADE_CASE_FAILS | CLADE_CASE_LARGE)) == 0;
}

static bool is_timed(const struct clade_case *test_case)
{
	return (test_case->flags & CLADE_CASE_BENCH) != 0;
}

static bool has_timed(const struct clade_op *op)
{
	for (size_t i = 0; op->cases != NULL && op->cases[i] != NULL; i++)
		if (is_timed(op->cases[i]))
			return true;
	return false;
}

/* The case whose sizes are exchanged: the first that is worth timing, else the one with the most elements. */
static const struct clade_case *find_model(const struct clade_op *op)
{
	const struct clade_case *best = NULL;
	double most = -1;
	struct sizes sizes;
	for (size_t i = 0; op->cases != NULL && op->cases[i] != NULL; i++) {
		if (is_timed(op->cases[i]))
			return op->cases[i];
		if (!is_plain(op->cases[i]) || !read_sizes(op, op->cases[i], &sizes))
			continue;
		double total = 0;
		for (size_t k = 0; k < sizes.line_count; k++) {
			double count = 1;
			for (uint32_t a = 0; a < sizes.lines[k].rank; a++)
				count *= (double)sizes.lines[k].dims[a];
			total += count;
		}
		if (total > most) {
			most = total;
			best = op->cases[i];
		}
	}
	return has_timed(op) ? NULL : best;
}

/* Whether two letters are the same number in all cases that speak of both ("g" follows "h" where nothing is grouped).
 */
static bool always_equal(const struct clade_op *op, const char *a, const char *b)
{
	bool timed = has_timed(op), met = false;
	struct sizes sizes;
	for (size_t i = 0; op->cases != NULL && op->cases[i] != NULL; i++) {
		if ((timed ? !is_timed(op->cases[i]) : !is_plain(op->cases[i])) ||
		    !read_sizes(op, op->cases[i], &sizes))
			continue;
		const struct letter *left = find_letter(&sizes, a), *right = find_letter(&sizes, b);
		if (left == NULL || right == NULL)
			continue;
		if (left->value != right->value || left->loose || right->loose)
			return false;
		met = true;
	}
	return met;
}

/* ---- names of sizes ---- */

/* As people write it: single letters are capitals; the leading axes are M, or "rows" where m is taken. */
static const char *letter_text(struct sizes *sizes, const struct letter *letter, char out[NAME])
{
	if (strcmp(letter->name, "...") == 0)
		snprintf(out, NAME, "%s", find_letter(sizes, "m") != NULL ? "rows" : "M");
	else
		snprintf(out, NAME, "%s", letter->name);
	if (out[1] == '\0')
		out[0] = (char)toupper((unsigned char)out[0]);
	return out;
}

static struct letter *find_word(struct sizes *sizes, const char *word, size_t length)
{
	char text[NAME];
	for (size_t i = 0; i < sizes->letter_count; i++) {
		letter_text(sizes, &sizes->letters[i], text);
		if (strlen(text) == length && strncasecmp(text, word, length) == 0)
			return &sizes->letters[i];
	}
	return length == 4 && strncasecmp(word, "rows", 4) == 0 ? find_letter(sizes, "...") : NULL;
}

/* Letters of the outputs first, so that a product's sizes read M, N, K. */
static bool in_output(const struct clade_op *op, const char *name)
{
	struct pattern pattern;
	if (strcmp(name, "...") == 0)
		return true;
	for (size_t i = 0; op->ports[i] != NULL; i++) {
		if ((op->ports[i]->flags & CLADE_OUT) == 0 || !read_pattern(op->ports[i], &pattern))
			continue;
		for (size_t a = 0; a < pattern.count; a++)
			if (strcmp(pattern.names[a], name) == 0)
				return true;
	}
	return false;
}

static void sort_letters(const struct clade_op *op, struct sizes *sizes)
{
	struct letter sorted[MOST_LETTERS];
	size_t count = 0;
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < sizes->letter_count; i++) {
			const struct letter *letter = &sizes->letters[i];
			int when = strcmp(letter->name, "...") == 0 ? 0 : in_output(op, letter->name) ? 1 : 2;
			if (when == pass)
				sorted[count++] = *letter;
		}
	memcpy(sizes->letters, sorted, count * sizeof(sorted[0]));
}

static void append(char *out, size_t size, const char *format, ...) CLADE_PRINTF(3, 4);
static void append(char *out, size_t size, const char *format, ...)
{
	size_t used = strlen(out);
	va_list args;
	va_start(args, format);
	vsnprintf(out + used, size - used, format, args);
	va_end(args);
}

/* A letter that an earlier one implies is left out. */
static bool is_implied(const struct clade_op *op, const struct sizes *sizes, const struct letter *letter)
{
	for (size_t i = 0; i < sizes->letter_count; i++)
		if (sizes->letters[i].order < letter->order && sizes->letters[i].value == letter->value &&
		    always_equal(op, sizes->letters[i].name, letter->name))
			return true;
	return false;
}

static void print_shape(const struct clade_op *op, struct sizes *sizes, char *out, size_t size)
{
	struct pattern pattern;
	char text[NAME];
	out[0] = '\0';
	for (size_t i = 0; i < sizes->letter_count; i++)
		if (!is_implied(op, sizes, &sizes->letters[i]))
			append(out, size, "%s%s=%lld", out[0] != '\0' ? "," : "",
			       letter_text(sizes, &sizes->letters[i], text), (long long)sizes->letters[i].value);
	for (size_t i = 0; i < sizes->line_count; i++) {
		const struct line *line = &sizes->lines[i];
		if (read_pattern(line->port, &pattern))
			continue;
		append(out, size, "%s%s=%s", out[0] != '\0' ? "," : "", line->port->name, line->rank == 0 ? "[]" : "");
		for (uint32_t a = 0; a < line->rank; a++)
			append(out, size, "%s%lld", a > 0 ? "x" : "", (long long)line->dims[a]);
	}
}

static enum clade_status fail_size(struct tool *tool, const struct clade_op *op, struct sizes *sizes, const char *shape,
				   const char *problem)
{
	char list[256] = "", text[NAME];
	struct pattern pattern;
	sort_letters(op, sizes);
	for (size_t i = 0; i < sizes->letter_count; i++) {
		letter_text(sizes, &sizes->letters[i], text);
		append(list, sizeof(list), "%s%s%s", list[0] != '\0' ? ", " : "", text,
		       strcmp(sizes->letters[i].name, "...") == 0 && strcmp(text, "M") == 0
			       ? " (or rows: all leading axes)"
			       : "");
	}
	for (size_t i = 0; i < sizes->line_count; i++)
		if (!read_pattern(sizes->lines[i].port, &pattern))
			append(list, sizeof(list), "%s%s (as %s=512x768)", list[0] != '\0' ? ", " : "",
			       sizes->lines[i].port->name, sizes->lines[i].port->name);
	return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--shape", "\"%s\": %s; sizes of %s: %s", shape, problem,
			  op->name, list[0] != '\0' ? list : "none, only attributes (--attr)");
}

/* ---- putting sizes in ---- */

static bool read_dims(const char *text, size_t length, struct line *line)
{
	const char *end = text + length;
	line->rank = 0;
	if (length == 2 && strncmp(text, "[]", 2) == 0)
		return true;
	while (text < end) {
		char *stop;
		errno = 0;
		long long value = strtoll(text, &stop, 10);
		if (errno != 0 || stop == text || value < 0 || line->rank == CLADE_MAX_RANK ||
		    (stop != end && *stop != 'x'))
			return false;
		line->dims[line->rank++] = value;
		text = stop < end ? stop + 1 : stop;
		if (text == end && stop != end)
			return false;
	}
	return line->rank > 0;
}

/* One "NAME=NUMBER" or "PORT=2x3". */
static enum clade_status take_size(struct tool *tool, const struct clade_op *op, struct sizes *sizes, const char *shape,
				   const char *item, size_t length, bool *given_lines)
{
	const char *equals = memchr(item, '=', length);
	char problem[160];
	struct letter *letter = equals != NULL ? find_word(sizes, item, (size_t)(equals - item)) : NULL;
	struct line value = { .rank = 0 };
	bool good = equals != NULL && read_dims(equals + 1, length - (size_t)(equals - item) - 1, &value);
	if (good && letter != NULL && value.rank == 1 && value.dims[0] < INT32_MAX) {
		letter->value = value.dims[0];
		letter->given = true;
		return CLADE_OK;
	}
	for (size_t i = 0; good && letter == NULL && i < sizes->line_count; i++) {
		struct line *line = &sizes->lines[i];
		if (line->port != input_named(op, item, (size_t)(equals - item)))
			continue;
		memcpy(line->dims, value.dims, sizeof(line->dims));
		line->rank = value.rank;
		given_lines[i] = true;
		return CLADE_OK;
	}
	if (good && letter == NULL)
		snprintf(problem, sizeof(problem), "no size is called \"%.*s\"", (int)(equals - item), item);
	else
		snprintf(problem, sizeof(problem), "\"%.*s\" is not NAME=NUMBER", (int)(length > 60 ? 60 : length),
			 item);
	return fail_size(tool, op, sizes, shape, problem);
}

/* Letters that were not given: those that always equal a given one follow it, others are missed. */
static enum clade_status complete(struct tool *tool, const struct clade_op *op, struct sizes *sizes, const char *shape,
				  bool any_letter)
{
	char problem[96], text[NAME];
	for (size_t i = 0; any_letter && i < sizes->letter_count; i++) {
		struct letter *letter = &sizes->letters[i];
		for (size_t k = 0; k < sizes->letter_count && !letter->given; k++)
			if (sizes->letters[k].given && always_equal(op, sizes->letters[k].name, letter->name)) {
				letter->value = sizes->letters[k].value;
				letter->given = true;
			}
		if (letter->given || (strcmp(letter->name, "...") == 0 && find_letter(sizes, "m") != NULL))
			continue;
		snprintf(problem, sizeof(problem), "%s is missing", letter_text(sizes, letter, text));
		return fail_size(tool, op, sizes, shape, problem);
	}
	return CLADE_OK;
}

/* A line's dims by the letters; axes of 1 that may be broadcast stay. `before`: the model's line. */
static void apply_letters(struct sizes *sizes, struct line *line, const struct line *before)
{
	struct pattern pattern;
	const struct letter *rows = find_letter(sizes, "...");
	if (!read_pattern(line->port, &pattern) || pattern.count > before->rank)
		return;
	bool broadcasts = !says_shape(line->port);
	uint32_t rank = 0;
	if (pattern.leading && rows != NULL && rows->given)
		line->dims[rank++] = rows->value;
	else if (pattern.leading && find_letter(sizes, "m") == NULL)
		for (; rank < before->rank - pattern.count; rank++)
			line->dims[rank] = before->dims[rank];
	for (size_t a = 0; a < pattern.count; a++) {
		int64_t was = before->dims[before->rank - pattern.count + a];
		const struct letter *letter = find_letter(sizes, pattern.names[a]);
		line->dims[rank++] = letter == NULL || (broadcasts && was == 1) ? was : letter->value;
	}
	line->rank = rank;
}

/* "ids:1000" goes with the axis of 1000. */
static void follow_fill(struct line *line, int64_t was, int64_t now)
{
	char from[32], tail[64];
	snprintf(from, sizeof(from), "ids:%lld", (long long)was);
	size_t length = strlen(from);
	if (strncmp(line->rest, from, length) != 0 || isdigit((unsigned char)line->rest[length]))
		return;
	snprintf(tail, sizeof(tail), "%s", line->rest + length);
	snprintf(line->rest, sizeof(line->rest), "ids:%lld%.32s", (long long)now, tail);
}

static void follow_fills(struct sizes *sizes, const struct sizes *before)
{
	for (size_t i = 0; i < sizes->line_count; i++)
		for (size_t k = 0; k < sizes->letter_count; k++)
			if (before->letters[k].value != sizes->letters[k].value) {
				follow_fill(&sizes->lines[i], before->letters[k].value, sizes->letters[k].value);
				break;
			}
}

static enum clade_status apply_shape(struct tool *tool, const struct clade_op *op, const char *shape,
				     struct sizes *sizes)
{
	const struct sizes before = *sizes;
	bool given_lines[CLADE_MAX_PORTS] = { false }, any_letter = false;
	struct pattern pattern;
	enum clade_status status = CLADE_OK;
	for (const char *at = shape; status == CLADE_OK && *at != '\0';) {
		size_t length = strcspn(at, ",");
		status = take_size(tool, op, sizes, shape, at, length, given_lines);
		at += length + (at[length] == ',');
	}
	for (size_t i = 0; i < sizes->letter_count; i++)
		any_letter |= sizes->letters[i].given;
	if (status == CLADE_OK)
		status = complete(tool, op, sizes, shape, any_letter);
	for (size_t i = 0; status == CLADE_OK && i < sizes->line_count; i++) {
		struct line *line = &sizes->lines[i];
		if (given_lines[i])
			continue;
		apply_letters(sizes, line, &before.lines[i]);
		for (size_t k = 0; k < sizes->line_count && !read_pattern(line->port, &pattern); k++)
			if (given_lines[k] && before.lines[k].rank == before.lines[i].rank &&
			    memcmp(before.lines[k].dims, before.lines[i].dims, sizeof(line->dims)) == 0) {
				line->rank = sizes->lines[k].rank;
				memcpy(line->dims, sizes->lines[k].dims, sizeof(line->dims));
			}
	}
	follow_fills(sizes, &before);
	bind_lines(sizes);
	return status;
}

/* The same case with odd sizes: no row fills its vectors, tiles and blocks. False: it has none that could be. */
static bool make_odd(struct sizes *sizes)
{
	bool changed = false;
	struct sizes before = *sizes;
	for (size_t i = 0; i < sizes->line_count; i++)
		for (uint32_t a = 0; a < sizes->lines[i].rank; a++) {
			int64_t *dim = &sizes->lines[i].dims[a];
			if (*dim < WORTH_ODD || *dim % 2 != 0)
				continue;
			--*dim;
			changed = true;
		}
	for (size_t i = 0; i < sizes->letter_count; i++)
		if (sizes->letters[i].value >= WORTH_ODD && sizes->letters[i].value % 2 == 0)
			sizes->letters[i].value--;
	follow_fills(sizes, &before);
	bind_lines(sizes);
	return changed;
}

/* ---- storage types ---- */

/* Weights and kept states of the case in the type that --type names. False: it has none that may be stored so, or not
 * of these sizes.
 */
static bool apply_type(const char *type, struct sizes *sizes)
{
	enum clade_dtype dtype;
	bool any = false;
	if (type == NULL)
		return true;
	clade_dtype_from_name(type, &dtype);
	for (size_t i = 0; i < sizes->line_count; i++) {
		struct line *line = &sizes->lines[i];
		bool weight = (line->port->flags & CLADE_STORED) != 0 && strstr(line->rest, "weight") != NULL;
		if ((!weight && (line->port->flags & CLADE_KEPT) == 0) ||
		    (line->port->dtypes & CLADE_DTYPE_BIT(dtype)) == 0)
			continue;
		if (strcmp(line->dtype, "f32") != 0 && strcmp(line->dtype, type) != 0)
			return false; /* a case of another type */
		snprintf(line->dtype, sizeof(line->dtype), "%s", type);
		any = true;
	}
	return any;
}

/* Whether the op has a weight or kept state that may be stored as `type`; else an error that says how. */
static enum clade_status check_type(struct tool *tool, const struct clade_op *op, const char *type)
{
	char list[160] = "";
	uint32_t dtypes = 0;
	enum clade_dtype dtype;
	for (size_t i = 0; op->ports[i] != NULL; i++)
		if ((op->ports[i]->flags & (CLADE_STORED | CLADE_KEPT)) != 0)
			dtypes |= op->ports[i]->dtypes;
	for (int i = 0; i < CLADE_DTYPE_COUNT; i++)
		if ((dtypes & CLADE_DTYPE_BIT(i)) != 0)
			append(list, sizeof(list), "%s%s", list[0] != '\0' ? ", " : "",
			       clade_dtype_info((enum clade_dtype)i)->name);
	if (clade_dtype_from_name(type, &dtype) && (dtypes & CLADE_DTYPE_BIT(dtype)) != 0)
		return CLADE_OK;
	return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--type", "%s has no weight or state stored as \"%s\"; %s%s",
			  op->name, type, dtypes != 0 ? "its types: " : "it has none stored in other types than f32",
			  list);
}

/* ---- cases ---- */

static void fill_case(const struct clade_op *op, struct sizes *sizes, const char *name, const char *attrs,
		      struct op_case *out)
{
	*out = (struct op_case) { .op = op };
	sort_letters(op, sizes);
	print_shape(op, sizes, out->shape, sizeof(out->shape));
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->attrs, sizeof(out->attrs), "%s", attrs != NULL ? attrs : "");
	for (size_t i = 0; i < sizes->line_count; i++) {
		const struct line *line = &sizes->lines[i];
		char *text = out->lines[i];
		snprintf(text, sizeof(out->lines[i]), "%s = %s[", line->port->name, line->dtype);
		for (uint32_t a = 0; a < line->rank; a++)
			append(text, sizeof(out->lines[i]), "%s%lld", a > 0 ? ", " : "", (long long)line->dims[a]);
		append(text, sizeof(out->lines[i]), "]%s%s", line->rest[0] != '\0' ? " " : "", line->rest);
	}
}

const struct clade_case *op_case_get(struct op_case *op_case)
{
	size_t count = 0;
	for (; count < CLADE_MAX_PORTS && op_case->lines[count][0] != '\0'; count++)
		op_case->inputs[count] = op_case->lines[count];
	op_case->inputs[count] = NULL;
	op_case->test_case = (struct clade_case) { .size = sizeof(op_case->test_case),
						   .name = op_case->name[0] != '\0' ? op_case->name : op_case->shape,
						   .attrs = op_case->attrs[0] != '\0' ? op_case->attrs : NULL,
						   .inputs = op_case->inputs };
	return &op_case->test_case;
}

static struct op_case *add_case(struct tool *tool, struct op_cases *cases)
{
	struct op_case *grown = realloc(cases->items, (cases->count + 1) * sizeof(*grown));
	if (grown == NULL) {
		clade_fail_memory(&tool->diag, (cases->count + 1) * sizeof(*grown), "cases");
		return NULL;
	}
	cases->items = grown;
	return &grown[cases->count++];
}

/* Whether infer takes it: sizes made odd need not fit an attribute. */
static bool is_possible(struct tool *tool, struct op_case *op_case)
{
	struct clade_case_data data;
	struct clade_diag diag;
	clade_diag_init(&diag);
	bool good = clade_case_build(tool->context, op_case->op, op_case_get(op_case), 1, &data, &diag) == CLADE_OK;
	if (good)
		clade_case_finish(tool->context, &data);
	clade_diag_finish(&diag);
	return good;
}

static enum clade_status add_defaults(struct tool *tool, const struct clade_op *op, const char *attrs,
				      struct op_cases *out)
{
	const struct clade_case *model = find_model(op);
	struct sizes sizes;
	for (size_t i = 0; op->cases != NULL && op->cases[i] != NULL; i++) {
		const struct clade_case *from = op->cases[i];
		if ((from != model && !is_timed(from)) || !read_sizes(op, from, &sizes) ||
		    !apply_type(tool->options.type, &sizes))
			continue;
		struct op_case *added = add_case(tool, out);
		if (added == NULL)
			return CLADE_ERR_MEMORY;
		fill_case(op, &sizes, from->name, attrs != NULL ? attrs : from->attrs, added);
		if (tool->options.type != NULL) /* blocks may not fit its rows */
			out->count -= !is_possible(tool, added);
	}
	if (model == NULL || !read_sizes(op, model, &sizes) || !make_odd(&sizes) ||
	    !apply_type(tool->options.type, &sizes))
		return CLADE_OK;
	struct op_case *odd = add_case(tool, out);
	if (odd == NULL)
		return CLADE_ERR_MEMORY;
	fill_case(op, &sizes, "", attrs != NULL ? attrs : model->attrs, odd);
	out->count -= !is_possible(tool, odd);
	return CLADE_OK;
}

enum clade_status op_cases_make(struct tool *tool, const struct clade_op *op, const struct words *shapes,
				const char *attrs, struct op_cases *out)
{
	const struct clade_case *model = find_model(op);
	enum clade_status status = CLADE_OK;
	struct sizes sizes;
	*out = (struct op_cases) { .count = 0 };
	if (tool->options.type != NULL)
		status = check_type(tool, op, tool->options.type);
	if (status != CLADE_OK)
		return status;
	if (shapes->count == 0)
		return add_defaults(tool, op, attrs, out);
	if (model == NULL || !read_sizes(op, model, &sizes))
		return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--shape", "%s has no case that sizes could be put into",
				  op->name);
	for (size_t i = 0; i < shapes->count && status == CLADE_OK; i++) {
		read_sizes(op, model, &sizes);
		status = apply_shape(tool, op, shapes->items[i], &sizes);
		apply_type(tool->options.type, &sizes);
		struct op_case *added = status == CLADE_OK ? add_case(tool, out) : NULL;
		if (added != NULL)
			fill_case(op, &sizes, "", attrs != NULL ? attrs : model->attrs, added);
		else if (status == CLADE_OK)
			status = CLADE_ERR_MEMORY;
	}
	return status;
}

void op_cases_finish(struct op_cases *cases)
{
	free(cases->items);
	*cases = (struct op_cases) { .count = 0 };
}

/* ---- patterns of names ---- */

bool op_matches(const char *pattern, const char *name)
{
	for (; *pattern != '\0'; pattern++, name++) {
		if (*pattern == '*') {
			while (!op_matches(pattern + 1, name))
				if (*name++ == '\0')
					return false;
			return true;
		}
		if (*name == '\0' || (*pattern != '?' && *pattern != *name))
			return false;
	}
	return *name == '\0';
}

enum clade_status op_pattern_check(struct tool *tool, const char *pattern)
{
	for (size_t i = 0; i < clade_op_count(tool->context); i++)
		if (op_matches(pattern, clade_op_at(tool->context, i)->name))
			return CLADE_OK;
	const char *nearest = clade_op_nearest(tool->context, pattern);
	return fail_usage(tool, CLADE_MSG_TOOL_VALUE, "--op", "\"%s\" matches no op; %s%s%s", pattern,
			  nearest != NULL ? "did you mean " : "`clade ops` lists them", nearest != NULL ? nearest : "",
			  nearest != NULL ? "?" : "");
}

enum clade_status op_options_refuse(struct tool *tool)
{
	const struct options *o = &tool->options;
	const struct {
		bool given;
		const char *name;
	} words[] = { { o->shapes.count > 0, "--shape" },
		      { o->attrs != NULL, "--attr" },
		      { o->type != NULL, "--type" } };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].given)
			return fail_usage(tool, CLADE_MSG_TOOL_OPTION, words[i].name, "belongs to --op PATTERN");
	return CLADE_OK;
}
