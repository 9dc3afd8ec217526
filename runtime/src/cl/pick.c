/* SPDX-License-Identifier: MIT */
/* Leaves kernels that nobody wants out of a program's text. Two forms are known, both at the start of a line: a
 * function `__kernel void NAME(` up to the line that starts with `}`, and a call `MACRO(NAME, ...)` of a macro whose
 * body defines `__kernel`. Anything else stays, which costs time and nothing more. */
#include "opencl.h"

#include <ctype.h>
#include <string.h>

void clade_cl_pick_init(struct clade_cl_pick *pick, const struct clade_cl_program *program)
{
	memset(pick, 0, sizeof(*pick));
	pick->program = program;
}

static size_t word_length(const char *text, const char *end)
{
	size_t length = 0;

	while (text + length < end && (isalnum((unsigned char)text[length]) || text[length] == '_'))
		length++;
	return length;
}

static bool is_wanted(const struct clade_cl_program *program, const char *name, size_t length)
{
	for (size_t i = 0; i < program->function_count; i++)
		if (strlen(program->functions[i].name) == length && !memcmp(program->functions[i].name, name, length))
			return true;
	return false;
}

static bool starts_with(const char *line, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - line) >= length && !memcmp(line, word, length);
}

static bool contains(const char *line, const char *end, const char *word)
{
	for (; line < end; line++)
		if (starts_with(line, end, word))
			return true;
	return false;
}

/* A line of a macro's definition: remembers the macro if it makes kernels. */
static void note_macro(struct clade_cl_pick *pick, const char *line, const char *end)
{
	if (!pick->in_macro) {
		size_t length;

		line += strlen("#define ");
		length = word_length(line, end);
		pick->name_length = length < sizeof(pick->name) ? length : 0;
		memcpy(pick->name, line, pick->name_length);
	}
	pick->in_macro = end[-1] == '\\';
	if (!pick->name_length || !contains(line, end, "__kernel") || pick->maker_count == CLADE_CL_MOST_MAKERS)
		return;
	memcpy(pick->makers[pick->maker_count].name, pick->name, pick->name_length);
	pick->makers[pick->maker_count++].length = pick->name_length;
	pick->name_length = 0;
}

/* The name of the kernel that is defined from this line on, or NULL. *call: by a macro. */
static const char *kernel_at(const struct clade_cl_pick *pick, const char *line, const char *end, size_t *out_length,
			     bool *call)
{
	size_t length = word_length(line, end);

	*call = false;
	if (starts_with(line, end, "__kernel ")) {
		while (line < end && !starts_with(line, end, " void "))
			line++;
		line += line < end ? strlen(" void ") : 0;
		*out_length = word_length(line, end);
		return *out_length && line + *out_length < end && line[*out_length] == '(' ? line : NULL;
	}
	for (size_t i = 0; i < pick->maker_count && length && line + length < end && line[length] == '('; i++)
		if (pick->makers[i].length == length && !memcmp(pick->makers[i].name, line, length)) {
			*call = true;
			*out_length = word_length(line + length + 1, end);
			return *out_length ? line + length + 1 : NULL;
		}
	return NULL;
}

/* Whether the call ends with this line; pick->depth counts parentheses that are open. */
static bool call_ends(struct clade_cl_pick *pick, const char *line, const char *end)
{
	for (; line < end; line++)
		pick->depth += *line == '(' ? 1 : *line == ')' ? -1 : 0;
	return pick->depth <= 0;
}

bool clade_cl_pick_line(struct clade_cl_pick *pick, const char *line, size_t length)
{
	const char *end = line + length, *name;
	size_t name_length;
	bool call;

	if (pick->program->whole)
		return true;
	if (pick->dropping == CLADE_CL_DROP_BODY) {
		pick->dropping = length && line[0] == '}' ? CLADE_CL_DROP_NOTHING : CLADE_CL_DROP_BODY;
		return false;
	}
	if (pick->dropping == CLADE_CL_DROP_CALL) {
		pick->dropping = call_ends(pick, line, end) ? CLADE_CL_DROP_NOTHING : CLADE_CL_DROP_CALL;
		return false;
	}
	if (pick->in_macro || starts_with(line, end, "#define ")) {
		if (length)
			note_macro(pick, line, end);
		else
			pick->in_macro = false;
		return true;
	}
	name = kernel_at(pick, line, end, &name_length, &call);
	if (!name || is_wanted(pick->program, name, name_length))
		return true;
	pick->depth = 0;
	if (!call)
		pick->dropping = CLADE_CL_DROP_BODY;
	else if (!call_ends(pick, line, end))
		pick->dropping = CLADE_CL_DROP_CALL;
	return false;
}
