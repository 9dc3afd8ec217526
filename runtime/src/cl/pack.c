/* SPDX-License-Identifier: MIT */
/* Numbers of a kernel travel in vectors: drivers copy and free each argument of each launch for itself (PoCL 3.1: 0.08
 * us each, and some kernels have thirty). A kernel's signature is rewritten so that its pointers come first, then one
 * vector of words or a few, and its body begins with the numbers under their own names, on the same line. Known is what
 * pick.c knows: `__kernel ... void NAME(...) {`, and macros with the kernel's name as their first parameter that are
 * called at the start of a line. A signature may use macros that are lists of parameters. Whatever has another form
 * stays as it is, and its numbers are arguments of their own. */
#include "opencl.h"

#include <ctype.h>
#include <string.h>

enum { MOST_PARAMETERS = 96, MOST_MAKERS = 32, DEEPEST_MACRO = 8 };

static const struct {
	const char *name, *open;
	unsigned words;
	const char *close;
} types[] = {
	{ "uint", "", 1, "" },  { "int", "as_int(", 1, ")" },   { "float", "as_float(", 1, ")" },
	{ "ulong", "", 2, "" }, { "long", "as_long(", 2, ")" },
};

struct slice {
	const char *at;
	size_t length;
};

struct parameters {
	struct slice pointers[MOST_PARAMETERS], names[MOST_PARAMETERS];
	size_t types[MOST_PARAMETERS], pointer_count, number_count;
	unsigned words;
};

struct packer {
	struct clade_cl_program *program;
	const char *text;
	struct clade_text *out;
	struct {
		struct slice name;
		unsigned words;
	} makers[MOST_MAKERS];
	size_t maker_count;
};

/* ---- reading ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const char *at)
{
	size_t length = 0;

	while (is_word(at[length]))
		length++;
	return length;
}

/* Behind blanks and ends of lines, of macros' too. */
static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\n' || (*at == '\\' && at[1] == '\n'))
		at++;
	return at;
}

static bool is(const struct slice *slice, const char *word)
{
	return slice->length == strlen(word) && !memcmp(slice->at, word, slice->length);
}

static struct slice trim(const char *at, const char *end)
{
	at = skip_blanks(at);
	while (end > at && (isspace((unsigned char)end[-1]) || end[-1] == '\\'))
		end--;
	return (struct slice) { at, at < end ? (size_t)(end - at) : 0 };
}

/* The body of the only definition of a macro without parameters; length 0: there is none, or another. */
static struct slice find_macro(const char *text, const struct slice *name)
{
	struct slice found = { NULL, 0 };
	const char *at = text;

	while ((at = strstr(at, "#define ")) != NULL) {
		const char *start = at, *end;

		at += strlen("#define ");
		if (strncmp(at, name->at, name->length) || is_word(at[name->length]) ||
		    (start > text && start[-1] != '\n'))
			continue;
		if (found.at || at[name->length] == '(')
			return (struct slice) { NULL, 0 };
		for (end = at; *end && (*end != '\n' || end[-1] == '\\'); end++)
			;
		found = trim(at + name->length, end);
	}
	return found;
}

static bool read_parameters(const char *text, struct slice list, int depth, struct parameters *out);

static bool read_parameter(const char *text, struct slice one, int depth, struct parameters *out)
{
	struct slice name = { one.at + one.length, 0 }, type, macro;

	if (out->pointer_count == MOST_PARAMETERS || out->number_count == MOST_PARAMETERS || !one.length ||
	    memchr(one.at, '(', one.length) || memchr(one.at, '/', one.length) || memchr(one.at, '#', one.length))
		return false;
	if (memchr(one.at, '*', one.length)) {
		out->pointers[out->pointer_count++] = one;
		return true;
	}
	while (name.at > one.at && is_word(name.at[-1])) {
		name.at--;
		name.length++;
	}
	type = trim(one.at, name.at);
	if (type.length == 0 && name.length) {
		macro = find_macro(text, &name);
		return macro.length && depth < DEEPEST_MACRO && read_parameters(text, macro, depth + 1, out);
	}
	if (type.length > 6 && !memcmp(type.at, "const ", 6))
		type = trim(type.at + 6, type.at + type.length);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is(&type, types[i].name)) {
			out->types[out->number_count] = i;
			out->names[out->number_count++] = name;
			out->words += types[i].words;
			return true;
		}
	return false;
}

/* False: something in the list is not understood. */
static bool read_parameters(const char *text, struct slice list, int depth, struct parameters *out)
{
	const char *end = list.at + list.length, *start = list.at;
	int open = 0;

	for (const char *at = list.at; at <= end; at++) {
		if (at < end)
			open += *at == '(' ? 1 : *at == ')' ? -1 : 0;
		if (at < end && (*at != ',' || open))
			continue;
		if (!read_parameter(text, trim(start, at), depth, out))
			return false;
		start = at + 1;
	}
	return true;
}

/* ---- writing ---- */

static void add_slice(struct clade_text *out, const struct slice *slice)
{
	for (size_t i = 0; i < slice->length; i++)
		if (slice->at[i] != '\n' && slice->at[i] != '\\')
			clade_text_add(out, slice->at + i, 1);
}

static void add_signature(struct packer *p, const struct parameters *parameters, struct slice list)
{
	for (size_t i = 0; i < parameters->pointer_count; i++) {
		add_slice(p->out, &parameters->pointers[i]);
		clade_text_add(p->out, ", ", 2);
	}
	for (unsigned i = 0; i < clade_cl_vectors(parameters->words); i++)
		clade_text_format(p->out, "%suint%u clade_n%u", i ? ", " : "", clade_cl_lanes(parameters->words, i), i);
	for (size_t i = 0; i < list.length; i++) /* lines keep their numbers */
		if (list.at[i] == '\n')
			clade_text_format(p->out, "%s\n", i && list.at[i - 1] == '\\' ? "\\" : "");
}

/* A number of two words is its low half, then its high half with the lowest bit turned: whoever wants all numbers to be
 * 1 sets every word to 1 (order.c). */
static void add_numbers(struct packer *p, const struct parameters *parameters)
{
	unsigned word = 0;

	for (size_t i = 0; i < parameters->number_count; i++) {
		size_t type = parameters->types[i];

		clade_text_format(p->out, " %s ", types[type].name);
		add_slice(p->out, &parameters->names[i]);
		clade_text_format(p->out, " = %s", types[type].open);
		for (unsigned k = 0; k < types[type].words; k++, word++)
			clade_text_format(p->out,
					  k                       ? " | (ulong)(clade_n%u.s%x ^ 1u) << 32"
					  : types[type].words > 1 ? "(ulong)clade_n%u.s%x"
								  : "clade_n%u.s%x",
					  word / CLADE_CL_LANES, word % CLADE_CL_LANES);
		clade_text_format(p->out, "%s;", types[type].close);
	}
}

static void record(struct packer *p, const struct slice *name, unsigned words)
{
	struct clade_cl_program *program = p->program;
	struct clade_cl_packed *grown;

	if (name->length >= sizeof(grown->name))
		p->out->failed = true;
	if (p->out->failed)
		return;
	grown = clade_resize(p->out->context, program->packed, (program->packed_count + 1) * sizeof(*grown));
	if (!grown) {
		p->out->failed = true;
		return;
	}
	program->packed = grown;
	grown += program->packed_count++;
	memset(grown, 0, sizeof(*grown));
	memcpy(grown->name, name->at, name->length);
	grown->words = words;
}

/* ---- kernels ---- */

/* The macro whose definition `at` is in, if its first parameter is `name`. *in_macro: it is in one at all. */
static struct slice maker_at(const char *text, const char *at, const struct slice *name, bool *in_macro)
{
	struct slice maker = { NULL, 0 };
	const char *line = at;

	while (line > text && (line[-1] != '\n' || (line - 1 > text && line[-2] == '\\')))
		line--;
	*in_macro = !strncmp(line, "#define ", 8);
	if (!*in_macro)
		return maker;
	line += 8;
	maker.at = line;
	maker.length = word_length(line);
	line += maker.length + (line[maker.length] == '(');
	if (word_length(line) != name->length || memcmp(line, name->at, name->length))
		maker.length = 0;
	return maker;
}

/* Rewrites the kernel whose `__kernel` is at `at`. Returns where its body goes on, NULL: it stays as it is. */
static const char *pack_kernel(struct packer *p, const char *from, const char *at)
{
	const char *head = strstr(at, " void "), *brace = strpbrk(at, "{;"), *end;
	struct parameters parameters = { 0 };
	struct slice name, list, maker;
	bool in_macro;

	if (!head || !brace || *brace != '{' || head > brace)
		return NULL;
	name.at = head + strlen(" void ");
	name.length = word_length(name.at);
	list.at = name.at + name.length + 1;
	if (!name.length || list.at[-1] != '(')
		return NULL;
	for (end = brace; end > list.at && *end != ')'; end--)
		;
	list.length = (size_t)(end - list.at);
	maker = maker_at(p->text, at, &name, &in_macro);
	if (skip_blanks(end + 1) != brace || (in_macro && (!maker.length || p->maker_count == MOST_MAKERS)) ||
	    name.length >= CLADE_CL_KERNEL_NAME || !read_parameters(p->text, list, 0, &parameters) ||
	    parameters.number_count < 2 || parameters.words > CLADE_CL_MOST_WORDS)
		return NULL;
	clade_text_add(p->out, from, (size_t)(list.at - from));
	add_signature(p, &parameters, list);
	clade_text_add(p->out, end, (size_t)(brace + 1 - end));
	add_numbers(p, &parameters);
	if (in_macro) {
		p->makers[p->maker_count].name = maker;
		p->makers[p->maker_count++].words = parameters.words;
	} else {
		record(p, &name, parameters.words);
	}
	return brace + 1;
}

/* A call at the start of a line, `MACRO(NAME, ...)`, of a macro that makes kernels. */
static void note_call(struct packer *p, const char *line)
{
	size_t length = word_length(line);
	struct slice name = { line + length + 1, 0 };

	if (!length || line[length] != '(')
		return;
	name.length = word_length(name.at);
	for (size_t i = 0; i < p->maker_count; i++)
		if (p->makers[i].name.length == length && !memcmp(p->makers[i].name.at, line, length))
			record(p, &name, p->makers[i].words);
}

static const char *skip_comment(const char *at)
{
	const char *end = at[1] == '*' ? strstr(at + 2, "*/") : strchr(at, '\n');

	return end ? end : at + strlen(at) - 1;
}

void clade_cl_pack(struct clade_cl_program *program, struct clade_text *text)
{
	struct clade_text out;
	struct packer p = { .program = program, .text = text->data, .out = &out };
	const char *from = text->data, *at = text->data;

	clade_text_init(&out, text->context);
	program->packed_count = 0;
	for (; at && *at; at++) {
		const char *body;

		if (at == text->data || at[-1] == '\n')
			note_call(&p, at);
		if (*at == '/' && (at[1] == '*' || at[1] == '/'))
			at = skip_comment(at);
		if (*at != '_' || strncmp(at, "__kernel", 8) || is_word(at[8]) || (at > text->data && is_word(at[-1])))
			continue;
		body = pack_kernel(&p, from, at);
		at = body ? body - 1 : at + 7;
		from = body ? body : from;
	}
	if (from)
		clade_text_add(&out, from, strlen(from));
	clade_text_finish(text);
	*text = out;
}

unsigned clade_cl_packed_words(const struct clade_cl_program *program, const char *function)
{
	for (size_t i = 0; i < program->packed_count; i++)
		if (!strcmp(program->packed[i].name, function))
			return program->packed[i].words;
	return 0;
}
