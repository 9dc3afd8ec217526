/* SPDX-License-Identifier: MIT */
/* The text of a program: prelude and sources, includes expanded, so that no compiler reads a file and the cache's key
 * is the whole text. Lines keep their names and numbers by #line. */
#include "opencl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST_INCLUDE = 16, LONGEST_NAME = 256, MOST_TEXT = 8 << 20 };

/* ---- text that grows ---- */

void clade_text_init(struct clade_text *text, struct clade_context *context)
{
	memset(text, 0, sizeof(*text));
	text->context = context;
}

void clade_text_finish(struct clade_text *text)
{
	clade_free(text->context, text->data);
	text->data = NULL;
	text->length = text->room = 0;
}

void clade_text_add(struct clade_text *text, const char *data, size_t length)
{
	size_t need;

	if (text->failed || !clade_size_add(text->length, length, &need) || need > MOST_TEXT) {
		text->failed = true;
		return;
	}
	if (need + 1 > text->room) {
		size_t room = need + 1 > 2 * text->room ? need + 1 : 2 * text->room;
		char *larger = clade_resize(text->context, text->data, room);

		if (!larger) {
			text->failed = true;
			return;
		}
		text->data = larger;
		text->room = room;
	}
	memcpy(text->data + text->length, data, length);
	text->length = need;
	text->data[need] = 0;
}

void clade_text_format(struct clade_text *text, const char *format, ...)
{
	char small[512], *large = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (length < 0) {
		text->failed = true;
		return;
	}
	if ((size_t)length >= sizeof(small)) {
		large = clade_resize(text->context, NULL, (size_t)length + 1);
		if (!large) {
			text->failed = true;
			return;
		}
		va_start(args, format);
		vsnprintf(large, (size_t)length + 1, format, args);
		va_end(args);
	}
	clade_text_add(text, large ? large : small, (size_t)length);
	clade_free(text->context, large);
}

/* ---- sources ---- */

static bool safe_name(const char *name)
{
	return name[0] && name[0] != '/' && !strstr(name, "..") && !strpbrk(name, "\"\\\n\r") &&
	       strlen(name) < LONGEST_NAME;
}

/* The text of `folder`/`sub``name` (clade_free), or NULL if it is not there or cannot be read. */
static char *read_file(struct clade_context *context, const char *folder, const char *sub, const char *name)
{
	char path[4096];
	struct stat st;
	char *text = NULL;
	size_t at = 0;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s%s", folder, sub, name) >= sizeof(path))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < MOST_TEXT)
		text = clade_alloc(context, (size_t)st.st_size + 1);
	while (text && at < (size_t)st.st_size) {
		ssize_t n = read(fd, text + at, (size_t)st.st_size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(fd);
	if (text)
		text[at] = 0;
	return text;
}

/* The text of a source: the file in the context's kernel_dir if there is one, else what was registered. *out_owned is
 * what must be freed, if anything. NULL: there is no such source. */
static const char *find_text(struct clade_context *context, const char *name, char **out_owned)
{
	const struct clade_kernel_source *source = clade_kernel_source_find(context, name);

	*out_owned = NULL;
	if (context->kernel_dir && safe_name(name)) {
		*out_owned = read_file(context, context->kernel_dir, "", name);
		if (!*out_owned)
			*out_owned = read_file(context, context->kernel_dir, "include/", name);
		if (*out_owned) {
			clade_log(context, CLADE_LOG_INFO, "program", "source %s is taken from %s", name,
				  context->kernel_dir);
			return *out_owned;
		}
	}
	return source ? source->text : NULL;
}

/* If the line is an #include "name", copies the name. <name> is left to the compiler, which will refuse it. */
static bool is_include(const char *line, size_t length, char name[LONGEST_NAME])
{
	const char *end = line + length, *start;

#define SKIP_BLANKS                                                                                                    \
	while (line < end && (*line == ' ' || *line == '\t'))                                                          \
	line++
	SKIP_BLANKS;
	if (line >= end || *line++ != '#')
		return false;
	SKIP_BLANKS;
	if ((size_t)(end - line) < 7 || memcmp(line, "include", 7))
		return false;
	line += 7;
	SKIP_BLANKS;
#undef SKIP_BLANKS
	if (line >= end || *line++ != '"')
		return false;
	start = line;
	while (line < end && *line != '"')
		line++;
	if (line >= end || (size_t)(line - start) >= LONGEST_NAME)
		return false;
	memcpy(name, start, (size_t)(line - start));
	name[line - start] = 0;
	return true;
}

static enum clade_status expand(struct clade_context *context, const char *name, const char *from, unsigned line,
				int depth, struct clade_cl_pick *pick, struct clade_text *out, struct clade_diag *diag)
{
	char *owned = NULL, where[LONGEST_NAME + 16];
	const char *text = find_text(context, name, &owned);
	enum clade_status status = CLADE_OK;

	snprintf(where, sizeof(where), "%.255s:%u", from, line);
	if (!text || !safe_name(name))
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_BUILD, where,
				    "kernel source '%.200s' is included, but no source of this name is registered",
				    name);
	else if (depth > DEEPEST_INCLUDE)
		status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_BUILD, where,
				    "kernel sources include each other more than %d deep at '%.200s'", DEEPEST_INCLUDE,
				    name);
	if (!status)
		clade_text_format(out, "#line 1 \"%s\"\n", name);
	line = 1;
	while (!status && *text) {
		size_t length = strcspn(text, "\n");
		char included[LONGEST_NAME];

		if (is_include(text, length, included)) {
			status = expand(context, included, name, line, depth + 1, pick, out, diag);
			clade_text_format(out, "#line %u \"%s\"\n", line + 1, name);
		} else {
			if (clade_cl_pick_line(pick, text, length))
				clade_text_add(out, text, length);
			clade_text_add(out, "\n", 1);
		}
		text += length + (text[length] == '\n');
		line++;
	}
	clade_free(context, owned);
	return status;
}

size_t clade_cl_source_length(struct clade_context *context, const char *name, int depth)
{
	const struct clade_kernel_source *source = clade_kernel_source_find(context, name);
	const char *text = source && depth <= DEEPEST_INCLUDE ? source->text : "";
	size_t total = strlen(text);
	char included[LONGEST_NAME];

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (is_include(text, strcspn(text, "\n"), included))
			total += clade_cl_source_length(context, included, depth + 1);
	return total;
}

/* Whether the program's own defines already give `name` a value. */
static bool is_defined(const char *defines, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = defines; *at; at += strcspn(at, " "), at += *at == ' ')
		if (!strncmp(at, name, length) && at[length] == '=')
			return true;
	return false;
}

static void add_prelude(const struct clade_device *device, const char *defines, struct clade_text *out)
{
	const struct {
		const char *name;
		uint32_t value;
	} values[] = {
		{ "VW", device->info.vector_width },
		{ "MR", device->info.tile_rows },
		{ "NV", device->info.tile_vectors },
		{ "CLADE_SOFT_FMA", device->info.soft_fma },
	};

	clade_text_format(out, "#line 1 \"prelude\"\n#pragma OPENCL FP_CONTRACT OFF\n");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!is_defined(defines, values[i].name))
			clade_text_format(out, "#define %s %u\n", values[i].name, values[i].value);
	while (*defines) {
		size_t length = strcspn(defines, " "), name = strcspn(defines, "=");

		clade_text_format(out, "#define %.*s %.*s\n", (int)name, defines, (int)(length - name - 1),
				  defines + name + 1);
		defines += length + (defines[length] == ' ');
	}
}

enum clade_status clade_cl_expand(struct clade_device *device, struct clade_cl_program *program, struct clade_text *out,
				  struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	struct clade_cl_pick pick;

	clade_cl_pick_init(&pick, program);
	add_prelude(device, program->defines, out);
	for (size_t i = 0; i < program->source_count && !status; i++)
		status = expand(device->context, program->sources[i], "a plan", 1, 0, &pick, out, diag);
	if (!status && !out->failed)
		clade_cl_pack(program, out);
	if (!status && out->failed)
		status = clade_fail(diag, CLADE_ERR_MEMORY, CLADE_MSG_MEMORY, NULL,
				    "no memory for the text of a program (%zu bytes so far, at most %d)", out->length,
				    MOST_TEXT);
	return status;
}
