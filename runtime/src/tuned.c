/* SPDX-License-Identifier: MIT */
/* The file of measured winners: "clade-tuned 1", the device's lines, a line a winner, and a checksum at the end. */
#include "internal.h"
#include "pattern.h"

#include <clade/tuned.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WINNERS = 100000, IDENTITY = 512 };
static const char head[] = "clade-tuned 1\n";

struct entry {
	char *key, *impl, *values;
	double seconds, before;
};
struct clade_tuned {
	struct clade_context *context;
	char name[128], platform[128], driver[64], version[64], device[IDENTITY];
	struct entry *entries; /* by key */
	size_t count, room;
};

/* FNV-1a: any single changed byte changes it. */
static uint64_t checksum(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash;
}

/* One line of a device's text; control characters become spaces. */
static void set_line(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	for (size_t length = strlen(out); length && out[length - 1] == ' '; length--)
		out[length - 1] = 0;
}

static void name_device(struct clade_tuned *tuned)
{
	snprintf(tuned->device, sizeof(tuned->device), "%s, driver %s", tuned->name, tuned->driver);
}

enum clade_status clade_tuned_create(struct clade_context *context, const struct clade_device_info *device,
				     struct clade_tuned **out_tuned, struct clade_diag *diag)
{
	struct clade_tuned *tuned = clade_alloc(context, sizeof(*tuned));

	*out_tuned = tuned;
	if (!tuned)
		return clade_fail_memory(diag, sizeof(*tuned), "measured winners");
	tuned->context = context;
	if (device) {
		set_line(tuned->name, sizeof(tuned->name), device->name);
		set_line(tuned->platform, sizeof(tuned->platform), device->platform);
		set_line(tuned->driver, sizeof(tuned->driver), device->driver);
		set_line(tuned->version, sizeof(tuned->version), device->version);
	}
	name_device(tuned);
	return CLADE_OK;
}

void clade_tuned_destroy(struct clade_tuned **pointer)
{
	struct clade_tuned *tuned = pointer ? *pointer : NULL;

	if (!tuned)
		return;
	*pointer = NULL;
	for (size_t i = 0; i < tuned->count; i++)
		clade_free(tuned->context, tuned->entries[i].key);
	clade_free(tuned->context, tuned->entries);
	clade_free(tuned->context, tuned);
}

bool clade_tuned_fits(const struct clade_tuned *tuned, const struct clade_device_info *device, char *why,
		      size_t why_size)
{
	const struct {
		const char *what, *has, *is;
	} parts[] = { { "device", tuned->name, device->name },
		      { "platform", tuned->platform, device->platform },
		      { "driver", tuned->driver, device->driver },
		      { "version", tuned->version, device->version } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char line[128];

		set_line(line, sizeof(line), parts[i].is);
		if (!strcmp(parts[i].has, line))
			continue;
		if (why && why_size)
			snprintf(why, why_size, "it was measured with %s \"%s\", this is \"%s\"", parts[i].what,
				 parts[i].has, line);
		return false;
	}
	return true;
}

const char *clade_tuned_device(const struct clade_tuned *tuned)
{
	return tuned->device;
}

/* ---- keys ---- */

static int64_t bucket(int64_t dim)
{
	int64_t size = 1;

	while (size < dim && size < INT64_MAX / 2)
		size *= 2;
	return dim > 0 ? size : 0;
}

struct writer {
	char *text;
	size_t size, used;
};

static void put(struct writer *w, const char *format, ...) CLADE_PRINTF(2, 3);
static void put(struct writer *w, const char *format, ...)
{
	va_list args;
	int length;

	if (w->used >= w->size)
		return;
	va_start(args, format);
	length = vsnprintf(w->text + w->used, w->size - w->used, format, args);
	va_end(args);
	w->used += length < 0 ? w->size : (size_t)length;
}

/* Attributes that are not at their defaults. Dims are part of the types. */
static void put_attr(struct writer *w, const struct clade_attr *attr, const void *params)
{
	const char *at = (const char *)params + attr->offset;

	if (attr->type == CLADE_ATTR_BOOL && *(const bool *)at != attr->def.b)
		put(w, " %s", attr->name);
	else if (attr->type == CLADE_ATTR_INT && (attr->required || *(const int64_t *)at != attr->def.i))
		put(w, " %s:%lld", attr->name, (long long)*(const int64_t *)at);
	else if (attr->type == CLADE_ATTR_WORD && (attr->required || *(const int32_t *)at != attr->def.i))
		put(w, " %s:%s", attr->name, attr->words[*(const int32_t *)at]);
	else if (attr->type == CLADE_ATTR_FLOAT && *(const float *)at != (float)attr->def.f &&
		 *(const float *)at == *(const float *)at)
		put(w, " %s:%.9g", attr->name, (double)*(const float *)at);
}

static void put_type(struct writer *w, const struct clade_port *port, const struct clade_type *type, bool weight)
{
	const struct clade_dtype_info *dtype = clade_dtype_info(type->dtype);
	struct clade_pattern pattern;
	uint32_t from = 0;

	put(w, " %s:%s%s[", port->name, dtype ? dtype->name : "?", weight ? "!" : "");
	/* leading axes count as rows, however many there are */
	if (clade_pattern_parse(port->shape, &pattern) && pattern.leading && type->rank > pattern.dim_count) {
		int64_t rows = 1;

		for (; from < type->rank - pattern.dim_count; from++)
			if (!clade_i64_mul(rows, type->dims[from], &rows))
				rows = INT64_MAX;
		put(w, "%lld%s", (long long)(weight ? rows : bucket(rows)), from < type->rank ? "," : "");
	}
	for (uint32_t i = from; i < type->rank; i++)
		put(w, "%lld%s", (long long)(weight ? type->dims[i] : bucket(type->dims[i])),
		    i + 1 < type->rank ? "," : "");
	put(w, "]");
}

bool clade_tuned_key(const struct clade_op *op, const struct clade_node_info *node, bool fast, char *out, size_t size)
{
	struct writer w = { out, size, 0 };
	const struct clade_port *port = NULL;
	uint32_t outputs = 0;

	put(&w, "%s%s", fast ? "--fast " : "", op->name);
	for (size_t i = 0; op->attrs && op->attrs[i] && node->params; i++)
		put_attr(&w, op->attrs[i], node->params);
	for (uint32_t i = 0; i < node->input_count; i++) {
		if (op->ports[i] && op->ports[i]->flags & CLADE_IN && (!port || !(port->flags & CLADE_VARIADIC)))
			port = op->ports[i];
		if (node->inputs[i] && port)
			put_type(&w, port, node->inputs[i], node->sources && node->sources[i] == CLADE_FROM_WEIGHT);
	}
	for (uint32_t i = 0; i < node->output_count; i++)
		outputs += node->outputs[i] != NULL;
	if (outputs > 1)
		put(&w, " outputs:%u", outputs);
	return w.used < size;
}

/* ---- values ---- */

bool clade_tuned_values(const struct clade_impl *impl, const char *values, int32_t out[CLADE_MAX_TUNABLES])
{
	const struct clade_tunable *const *list = clade_impl_tunables(impl);

	memset(out, 0, CLADE_MAX_TUNABLES * sizeof(*out));
	while (*values) {
		size_t name = strcspn(values, "= "), i = 0, k = 0;
		char *end;
		long number;

		if (values[name] != '=')
			return false;
		while (list[i] && (strlen(list[i]->name) != name || strncmp(list[i]->name, values, name) != 0))
			i++;
		number = strtol(values + name + 1, &end, 10);
		if (!list[i] || end == values + name + 1 || (*end && *end != ' '))
			return false;
		while (list[i]->candidates[k] && list[i]->candidates[k] != number)
			k++;
		if (!list[i]->candidates[k])
			return false;
		out[i] = (int32_t)number;
		values = end + (*end == ' ');
	}
	return true;
}

const char *clade_tuned_values_text(const struct clade_impl *impl, const int32_t *values, char *out, size_t size)
{
	const struct clade_tunable *const *list = clade_impl_tunables(impl);
	struct writer w = { out, size, 0 };

	out[0] = 0;
	for (size_t i = 0; list[i] && values; i++)
		if (values[i])
			put(&w, "%s%s=%d", w.used ? " " : "", list[i]->name, (int)values[i]);
	return out;
}

/* ---- winners ---- */

/* The place of `key`, or where it belongs. */
static size_t place_of(const struct clade_tuned *tuned, const char *key, bool *out_found)
{
	size_t low = 0, high = tuned->count;

	*out_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(tuned->entries[middle].key, key);

		if (order == 0) {
			*out_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum clade_status clade_tuned_put(struct clade_tuned *tuned, const struct clade_winner *winner, struct clade_diag *diag)
{
	size_t key = strlen(winner->key) + 1, impl = strlen(winner->impl) + 1, values = strlen(winner->values) + 1;
	char *text = clade_alloc(tuned->context, key + impl + values);
	struct entry entry = { text, text + key, text + key + impl, winner->seconds, winner->before };
	bool found;
	size_t at = place_of(tuned, winner->key, &found);

	if (!text)
		return clade_fail_memory(diag, key + impl + values, "a measured winner");
	memcpy(entry.key, winner->key, key);
	memcpy(entry.impl, winner->impl, impl);
	memcpy(entry.values, winner->values, values);
	if (found) {
		clade_free(tuned->context, tuned->entries[at].key);
		tuned->entries[at] = entry;
		return CLADE_OK;
	}
	if (tuned->count == tuned->room) {
		size_t room = tuned->room ? 2 * tuned->room : 32;
		struct entry *grown = clade_resize(tuned->context, tuned->entries, room * sizeof(*grown));

		if (!grown) {
			clade_free(tuned->context, text);
			return clade_fail_memory(diag, room * sizeof(*grown), "measured winners");
		}
		tuned->entries = grown;
		tuned->room = room;
	}
	memmove(tuned->entries + at + 1, tuned->entries + at, (tuned->count - at) * sizeof(entry));
	tuned->entries[at] = entry;
	tuned->count++;
	return CLADE_OK;
}

bool clade_tuned_remove(struct clade_tuned *tuned, const char *key)
{
	bool found;
	size_t at = place_of(tuned, key, &found);

	if (!found)
		return false;
	clade_free(tuned->context, tuned->entries[at].key);
	tuned->count--;
	memmove(tuned->entries + at, tuned->entries + at + 1, (tuned->count - at) * sizeof(*tuned->entries));
	return true;
}

bool clade_tuned_at(const struct clade_tuned *tuned, size_t index, struct clade_winner *out)
{
	const struct entry *entry;

	if (!tuned || index >= tuned->count)
		return false;
	entry = &tuned->entries[index];
	*out = (struct clade_winner) { entry->key, entry->impl, entry->values, entry->seconds, entry->before };
	return true;
}

bool clade_tuned_find(const struct clade_tuned *tuned, const char *key, struct clade_winner *out)
{
	bool found = false;
	size_t at = tuned ? place_of(tuned, key, &found) : 0;

	return found && clade_tuned_at(tuned, at, out);
}

enum clade_status clade_tuned_merge(struct clade_tuned *into, const struct clade_tuned *from, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	struct clade_winner winner;

	for (size_t i = 0; !status && clade_tuned_at(from, i, &winner); i++)
		status = clade_tuned_put(into, &winner, diag);
	return status;
}

/* ---- text ---- */

enum clade_status clade_tuned_print(const struct clade_tuned *tuned, char **out_text, struct clade_diag *diag)
{
	size_t size = 1024;
	struct writer w;

	for (size_t i = 0; i < tuned->count; i++)
		size += strlen(tuned->entries[i].key) + strlen(tuned->entries[i].impl) +
			strlen(tuned->entries[i].values) + 64;
	w = (struct writer) { clade_alloc(tuned->context, size), size, 0 };
	*out_text = w.text;
	if (!w.text)
		return clade_fail_memory(diag, size, "the text of measured winners");
	put(&w, "%sdevice %s\nplatform %s\ndriver %s\nversion %s\n", head, tuned->name, tuned->platform, tuned->driver,
	    tuned->version);
	for (size_t i = 0; i < tuned->count; i++) {
		const struct entry *entry = &tuned->entries[i];

		put(&w, "%s = %s%s%s ; %.4g %.4g\n", entry->key, entry->impl, entry->values[0] ? " " : "",
		    entry->values, entry->seconds, entry->before);
	}
	put(&w, "end %016llx\n", (unsigned long long)checksum(w.text, w.used));
	return CLADE_OK;
}

static enum clade_status damaged(const char *where, size_t line, const char *what, struct clade_diag *diag)
{
	char place[320];

	snprintf(place, sizeof(place), "%.280s:%zu", where, line);
	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TUNED, place, "%s", what);
}

/* The head, the end and what lies between; *out_end is where the winners' lines end. */
static enum clade_status verify(const char *text, const char *where, const char **out_end, struct clade_diag *diag)
{
	const char *end = strstr(text, "\nend ");
	char expected[32];

	if (strncmp(text, head, sizeof(head) - 1) != 0)
		return damaged(where, 1,
			       "the first line must be 'clade-tuned 1'; it is no file of measured winners, or of "
			       "another version",
			       diag);
	while (end && strstr(end + 1, "\nend "))
		end = strstr(end + 1, "\nend ");
	if (!end)
		return damaged(where, 1, "the last line, 'end' with a checksum, is missing: the file is cut short",
			       diag);
	end++;
	snprintf(expected, sizeof(expected), "end %016llx\n", (unsigned long long)checksum(text, (size_t)(end - text)));
	if (strcmp(end, expected) != 0)
		return damaged(where, 1, "the checksum is not that of the text: the file is damaged", diag);
	*out_end = end;
	return CLADE_OK;
}

/* "word rest" into `out`. */
static const char *read_head(const char *at, const char *word, char *out, size_t size)
{
	size_t length = strlen(word), line = strcspn(at, "\n");

	if (strncmp(at, word, length) != 0 || line < length || line - length >= size)
		return NULL;
	memcpy(out, at + length, line - length);
	out[line - length] = 0;
	return at + line + 1;
}

/* "KEY = IMPL [NAME=VALUE ...] ; SECONDS BEFORE", taken apart in place. */
static bool read_winner(char *line, struct clade_winner *out)
{
	char *equals = strstr(line, " = "), *numbers = strstr(line, " ; "), *space, *end;

	if (!equals || !numbers || numbers < equals + 4)
		return false;
	*equals = *numbers = 0;
	*out = (struct clade_winner) { .key = line, .impl = equals + 3, .values = "" };
	space = strchr(equals + 3, ' ');
	if (space) {
		*space = 0;
		out->values = space + 1;
	}
	out->seconds = strtod(numbers + 3, &end);
	if (end == numbers + 3 || *end != ' ' || !(out->seconds >= 0))
		return false;
	out->before = strtod(end, &end);
	return !*end && out->before >= 0 && line[0] && out->impl[0];
}

static enum clade_status read_winners(struct clade_tuned *tuned, const char *at, const char *end, const char *where,
				      struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	for (size_t line = 6; at < end && !status; line++) {
		size_t length = strcspn(at, "\n");
		char *copy = clade_alloc(tuned->context, length + 1);
		struct clade_winner winner;

		if (!copy)
			return clade_fail_memory(diag, length + 1, "a measured winner");
		memcpy(copy, at, length);
		if (tuned->count == MOST_WINNERS || !read_winner(copy, &winner))
			status = damaged(where, line, "it does not read KEY = IMPLEMENTATION VALUES ; SECONDS SECONDS",
					 diag);
		else
			status = clade_tuned_put(tuned, &winner, diag);
		clade_free(tuned->context, copy);
		at += length + 1;
	}
	return status;
}

enum clade_status clade_tuned_read(struct clade_context *context, const char *text, const char *where,
				   struct clade_tuned **out_tuned, struct clade_diag *diag)
{
	struct clade_tuned *tuned = NULL;
	const char *end = NULL, *at = text + sizeof(head) - 1;
	enum clade_status status = verify(text, where, &end, diag);

	*out_tuned = NULL;
	if (!status)
		status = clade_tuned_create(context, NULL, &tuned, diag);
	if (status)
		return status;
	at = read_head(at, "device ", tuned->name, sizeof(tuned->name));
	at = at ? read_head(at, "platform ", tuned->platform, sizeof(tuned->platform)) : NULL;
	at = at ? read_head(at, "driver ", tuned->driver, sizeof(tuned->driver)) : NULL;
	at = at ? read_head(at, "version ", tuned->version, sizeof(tuned->version)) : NULL;
	name_device(tuned);
	status = at && at <= end ? read_winners(tuned, at, end, where, diag)
				 : damaged(where, 2, "device, platform, driver and version must stand here", diag);
	if (status)
		clade_tuned_destroy(&tuned);
	*out_tuned = tuned;
	return status;
}
