/* SPDX-License-Identifier: MIT */
/* Arrays on stdout: shortened as NumPy does, or whole as JSON. */
#include "input.h"

#include <inttypes.h>
#include <string.h>

enum { THRESHOLD = 1000, EDGE = 3 };

static const char *element_text(const struct clade_type *type, const void *data, int64_t i, bool json, char out[32])
{
	if (type->dtype == CLADE_BOOL)
		return strcpy(out, ((const uint8_t *)data)[i] ? (json ? "true" : "True") : (json ? "false" : "False"));
	if (!clade_dtype_info(type->dtype)->is_float) {
		snprintf(out, 32, "%" PRId64, (int64_t)array_value(type, data, i));
		return out;
	}
	return float_text((float)array_value(type, data, i), out);
}

struct printer {
	const struct clade_type *type;
	const void *data;
	int64_t strides[CLADE_MAX_RANK];
	bool shorten, measure;
	int width;
};

/* Prints (or measures) the part at `at` from `axis` on; `indent` brackets are open. */
static void print_part(struct printer *printer, uint32_t axis, int64_t at)
{
	const struct clade_type *type = printer->type;
	char text[32];
	if (axis == type->rank) {
		int length = (int)strlen(element_text(type, printer->data, at, false, text));
		if (printer->measure)
			printer->width = length > printer->width ? length : printer->width;
		else
			printf("%*s", printer->width, text);
		return;
	}
	int64_t count = type->dims[axis];
	bool cut = printer->shorten && count > 2 * EDGE, last = axis + 1 == type->rank;
	if (!printer->measure)
		printf("[");
	for (int64_t i = 0; i < count; i++) {
		if (!printer->measure && i > 0) {
			printf("%s", last ? " " : "\n");
			for (uint32_t k = 0; !last && k + 2 < type->rank - axis; k++)
				printf("\n");
			for (uint32_t k = 0; !last && k <= axis; k++)
				printf(" ");
		}
		if (cut && i == EDGE) {
			if (!printer->measure)
				printf("...");
			i = count - EDGE - 1;
			continue;
		}
		print_part(printer, axis + 1, at + i * printer->strides[axis]);
	}
	if (!printer->measure)
		printf("]");
}

void print_array(const struct clade_type *type, const void *data)
{
	struct printer printer = { .type = type, .data = data };
	int64_t count = 0;
	clade_type_count(type, &count);
	clade_dense_strides(type, printer.strides);
	printer.shorten = count > THRESHOLD;
	printer.measure = true;
	print_part(&printer, 0, 0);
	printer.measure = false;
	print_part(&printer, 0, 0);
	printf("\n");
}

static void print_json_part(const struct clade_type *type, const void *data, const int64_t *strides, uint32_t axis,
			    int64_t at)
{
	char text[32];
	if (axis == type->rank) {
		element_text(type, data, at, true, text);
		bool is_word = clade_dtype_info(type->dtype)->is_float && strpbrk(text, "ni") != NULL;
		printf(is_word ? "\"%s\"" : "%s", text);
		return;
	}
	printf("[");
	for (int64_t i = 0; i < type->dims[axis]; i++) {
		if (i > 0)
			printf(", ");
		print_json_part(type, data, strides, axis + 1, at + i * strides[axis]);
	}
	printf("]");
}

void print_array_json(const struct clade_type *type, const void *data)
{
	int64_t strides[CLADE_MAX_RANK];
	clade_dense_strides(type, strides);
	print_json_part(type, data, strides, 0, 0);
}
