/* SPDX-License-Identifier: MIT */
/* How the program speaks: errors and notices on stderr in one form, data and JSON on stdout, exit codes. */
#include "tool.h"

#include <clade/tensor.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int exit_code(enum clade_status status)
{
	static const struct {
		enum clade_status status;
		int code;
	} codes[] = {
		{ CLADE_OK, 0 },         { CLADE_ERR_MISMATCH, 1 },
		{ CLADE_ERR_USAGE, 2 },  { CLADE_ERR_ARGUMENT, 2 },
		{ CLADE_ERR_DATA, 3 },   { CLADE_ERR_UNSUPPORTED, 3 },
		{ CLADE_ERR_IO, 3 },     { CLADE_ERR_DEVICE, 4 },
		{ CLADE_ERR_MEMORY, 5 }, { CLADE_ERR_CANCELLED, 130 },
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return 3;
}

/* Text without line ends or other control characters, so that one error stays one line. */
static void put_plain(const char *text, FILE *stream)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '\n' || c == '\t')
			fputc(' ', stream);
		else if (c < 0x20 || c == 0x7f)
			fprintf(stream, "\\x%02x", c);
		else
			fputc(c, stream);
	}
}

static const char *red(void)
{
	const char *no_color = getenv("NO_COLOR");
	return isatty(2) && (no_color == NULL || no_color[0] == '\0') ? "\x1b[31m" : "";
}

void print_error(const struct clade_diag *diag)
{
	const char *color = red();
	fprintf(stderr, "%sclade: error: ", color);
	if (diag->where[0] != '\0') {
		put_plain(diag->where, stderr);
		fputs(": ", stderr);
	}
	put_plain(diag->text[0] != '\0' ? diag->text : clade_status_name(diag->status), stderr);
	fprintf(stderr, " [CLADE-%03u]%s\n", diag->id, color[0] != '\0' ? "\x1b[0m" : "");
	for (const char *line = diag->log; line != NULL && *line != '\0';) {
		size_t length = strcspn(line, "\n");
		char *copy = strndup(line, length);
		fputs("clade: log: ", stderr);
		put_plain(copy != NULL ? copy : "", stderr);
		fputc('\n', stderr);
		free(copy);
		line += length + (line[length] == '\n');
	}
}

void print_note(const struct tool *tool, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (tool->options.quiet)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs("clade: note: ", stderr);
	put_plain(text, stderr);
	fputc('\n', stderr);
}

enum clade_status flush_stdout(struct clade_diag *diag)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLADE_OK;
	int error = errno;
	return clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_TOOL_STDOUT, "stdout", "write failed: %s",
			  error != 0 ? strerror(error) : "earlier output was lost");
}

enum clade_status print_json(json_t *root, struct clade_diag *diag)
{
	if (root == NULL)
		return clade_fail_memory(diag, 0, "a JSON document");
	int failed = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
	json_decref(root);
	putchar('\n');
	if (failed != 0 && !ferror(stdout))
		return clade_fail_memory(diag, 0, "a JSON document");
	return flush_stdout(diag);
}

json_t *json_text(const char *text)
{
	json_t *plain = json_string(text);
	size_t length = strlen(text), used = 0;
	char *mended = plain == NULL ? malloc(3 * length + 1) : NULL;
	if (plain != NULL || mended == NULL)
		return plain;
	for (size_t i = 0; i < length; i++) {
		bool plain_byte = (unsigned char)text[i] < 0x80;
		memcpy(mended + used, plain_byte ? &text[i] : "\uFFFD", plain_byte ? 1 : 3);
		used += plain_byte ? 1 : 3;
	}
	plain = json_stringn(mended, used);
	free(mended);
	return plain;
}

json_t *json_number(double value)
{
	if (isnan(value))
		return json_string("nan");
	if (isinf(value))
		return json_string(value > 0 ? "inf" : "-inf");
	return json_real(value);
}

const char *float_text(float value, char out[32])
{
	if (isnan(value) || isinf(value))
		return strcpy(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(out, 28, "%.*g", digits, (double)value);
		if (strtof(out, NULL) == value)
			break;
	}
	if (strpbrk(out, ".e") == NULL)
		strcat(out, ".0");
	return out;
}

enum clade_status fail_usage(struct tool *tool, unsigned id, const char *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	enum clade_status status = clade_fail_v(&tool->diag, CLADE_ERR_USAGE, id, where, format, args);
	va_end(args);
	return status;
}

double seconds_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

const char *bytes_text(uint64_t bytes, char out[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	int unit = 0;
	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return out;
}

const char *seconds_text(double seconds, char out[32])
{
	static const struct {
		const char *name;
		double most, per_second;
	} units[] = { { "us", 1e-3, 1e6 }, { "ms", 1, 1e3 }, { "s", INFINITY, 1 } };
	size_t unit = 0;
	while (unit < 2 && !(seconds < units[unit].most))
		unit++;
	snprintf(out, 32, "%.4g %s", seconds * units[unit].per_second, units[unit].name);
	return out;
}
