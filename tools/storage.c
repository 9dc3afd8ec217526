/* SPDX-License-Identifier: MIT */
/* How a model's weights lie in memory: as their files store them, or expanded to f32, and why. */
#include "storage.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_GROUPS = 64 };

/* Weights that are stored alike, held alike, and for the same reason. */
struct group {
	struct clade_weight_info first;
	uint64_t count, bytes;
};

static bool is_alike(const struct clade_weight_info *a, const struct clade_weight_info *b)
{
	bool stored =
		a->stored == b->stored || (a->stored != NULL && b->stored != NULL && !strcmp(a->stored, b->stored));
	return stored && a->type.dtype == b->type.dtype && !strcmp(a->why, b->why);
}

uint64_t storage_bytes(const struct clade_session *session)
{
	struct clade_weight_info info;
	uint64_t bytes = 0;
	for (size_t i = 0; clade_session_weight(session, i, &info); i++)
		bytes += info.bytes;
	return bytes;
}

/* In the order in which they are met; reasons beyond the last place are counted there. */
static size_t make_groups(const struct clade_session *session, struct group *groups)
{
	struct clade_weight_info info;
	size_t count = 0;
	for (size_t i = 0; clade_session_weight(session, i, &info); i++) {
		size_t at = 0;
		while (at < count && !is_alike(&groups[at].first, &info))
			at++;
		if (at == MOST_GROUPS)
			at--;
		else if (at == count)
			groups[count++] = (struct group) { .first = info };
		groups[at].count++;
		groups[at].bytes += info.bytes;
	}
	return count;
}

static const char *held_as(const struct clade_weight_info *info)
{
	return clade_dtype_info(info->type.dtype)->name;
}

void print_storage(const struct clade_session *session)
{
	struct group groups[MOST_GROUPS];
	size_t count = make_groups(session, groups);
	char size[32];
	for (size_t i = 0; i < count; i++) {
		const struct group *group = &groups[i];
		printf("weights: %" PRIu64 " ", group->count);
		if (group->first.expanded)
			printf("%s expanded to %s, %s: %s\n", group->first.stored, held_as(&group->first),
			       bytes_text(group->bytes, size), group->first.why);
		else
			printf("%s%s, %s\n", held_as(&group->first), group->first.stored != NULL ? " as stored" : "",
			       bytes_text(group->bytes, size));
	}
}

void print_expanded(const struct clade_session *session)
{
	struct clade_weight_info info;
	for (size_t i = 0; clade_session_weight(session, i, &info); i++)
		if (info.expanded)
			printf("expanded %-31s %s to %s: %s%s%s%s\n", info.name, info.stored, held_as(&info), info.why,
			       info.node != NULL ? " (" : "", info.node != NULL ? info.node : "",
			       info.node != NULL ? ")" : "");
}

/* Without a name: a group. */
static json_t *info_json(const char *name, const struct clade_weight_info *info, uint64_t bytes)
{
	return json_pack("{s:s*, s:s?, s:s, s:b, s:s?, s:I}", "name", name, "stored", info->stored, "held",
			 held_as(info), "expanded", info->expanded, "why", info->expanded ? info->why : NULL, "bytes",
			 (json_int_t)bytes);
}

json_t *storage_json(const struct clade_session *session)
{
	struct group groups[MOST_GROUPS];
	size_t count = make_groups(session, groups);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *item = info_json(NULL, &groups[i].first, groups[i].bytes);
		json_object_set_new(item, "count", json_integer((json_int_t)groups[i].count));
		json_array_append_new(list, item);
	}
	return list;
}

json_t *weights_json(const struct clade_session *session)
{
	json_t *list = json_array();
	struct clade_weight_info info;
	for (size_t i = 0; clade_session_weight(session, i, &info); i++) {
		json_t *item = info_json(info.name, &info, info.bytes), *shape = json_array();
		for (uint32_t axis = 0; axis < info.type.rank; axis++)
			json_array_append_new(shape, json_integer(info.type.dims[axis]));
		json_object_set_new(item, "shape", shape);
		json_object_set_new(item, "node", info.node != NULL ? json_string(info.node) : json_null());
		json_array_append_new(list, item);
	}
	return list;
}
