/* SPDX-License-Identifier: MIT */
/* Metadata of a store by key: scalars, and arrays that have one key for all their elements. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By key; of equal keys the first given. NULL: none. */
static const struct store_meta *find(const struct clade_store *store, const char *key)
{
	size_t low = 0, high = store->meta_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(key, store->metas[store->by_key[middle]].key) <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == store->meta_count || strcmp(key, store->metas[store->by_key[low]].key) != 0)
		return NULL;
	uint32_t first = store->by_key[low];
	for (; low < store->meta_count && strcmp(key, store->metas[store->by_key[low]].key) == 0; low++)
		if (store->by_key[low] < first)
			first = store->by_key[low];
	return &store->metas[first];
}

void clade_meta_number(const unsigned char *bytes, uint32_t width, bool is_signed, enum clade_meta_kind kind,
		       struct clade_meta *out)
{
	uint64_t bits = 0;
	*out = (struct clade_meta) { .kind = kind };
	memcpy(&bits, bytes, width);
	if (kind == CLADE_META_FLOAT && width == 4) {
		float value;
		memcpy(&value, bytes, 4);
		out->f = (double)value;
	} else if (kind == CLADE_META_FLOAT) {
		memcpy(&out->f, bytes, 8);
	} else {
		uint64_t sign = is_signed && width < 8 ? (uint64_t)1 << (8 * width - 1) : 0;
		out->i = (int64_t)((bits ^ sign) - sign);
		out->f = kind == CLADE_META_INT ? (double)out->i : 0;
	}
}

static bool array_item(const struct store_array *array, size_t index, struct clade_meta *out)
{
	if (index >= array->count)
		return false;
	if (array->kind == CLADE_META_STRING)
		*out = (struct clade_meta) { .kind = CLADE_META_STRING, .s = array->text + array->starts[index] };
	else
		clade_meta_number(array->numbers + index * array->width, array->width, array->is_signed, array->kind,
				  out);
	return true;
}

/* "key.7" where "key" is a GGUF array. */
static bool find_item(const struct clade_store *store, const char *key, struct clade_meta *out)
{
	const char *dot = strrchr(key, '.');
	char name[256], *end;
	if (dot == NULL || (size_t)(dot - key) >= sizeof(name) || dot[1] < '0' || dot[1] > '9')
		return false;
	if (dot[1] == '0' && dot[2] != '\0')
		return false;
	memcpy(name, key, (size_t)(dot - key));
	name[dot - key] = '\0';
	const struct store_meta *meta = find(store, name);
	unsigned long long index = strtoull(dot + 1, &end, 10);
	return meta != NULL && meta->array != NULL && *end == '\0' && array_item(meta->array, (size_t)index, out);
}

bool clade_store_meta(const struct clade_store *store, const char *key, struct clade_meta *out)
{
	const struct store_meta *meta = find(store, key);
	*out = (struct clade_meta) { .kind = CLADE_META_NONE };
	if (meta == NULL)
		return find_item(store, key, out);
	*out = meta->value;
	return out->kind != CLADE_META_NONE;
}

bool clade_store_meta_at(const struct clade_store *store, size_t index, const char **out_key, struct clade_meta *out)
{
	if (index >= store->meta_count)
		return false;
	*out_key = store->metas[index].key;
	*out = store->metas[index].value;
	return true;
}

const char *clade_store_meta_type(const struct clade_store *store, size_t index)
{
	return index < store->meta_count ? store->metas[index].type : NULL;
}

bool clade_store_array_item(const struct clade_store *store, const char *key, size_t index, struct clade_meta *out)
{
	const struct store_meta *meta = find(store, key);
	char name[288];
	*out = (struct clade_meta) { .kind = CLADE_META_NONE };
	if (meta != NULL && meta->array != NULL)
		return array_item(meta->array, index, out);
	if (meta == NULL || meta->value.kind != CLADE_META_OTHER ||
	    (size_t)snprintf(name, sizeof(name), "%s.%zu", key, index) >= sizeof(name))
		return false;
	meta = find(store, name);
	if (meta != NULL)
		*out = meta->value;
	return meta != NULL;
}

bool clade_store_array(const struct clade_store *store, const char *key, size_t *out_count,
		       enum clade_meta_kind *out_kind)
{
	const struct store_meta *meta = find(store, key);
	struct clade_meta item;
	*out_count = 0;
	*out_kind = CLADE_META_NONE;
	if (meta == NULL || (meta->array == NULL && meta->value.kind != CLADE_META_OTHER))
		return false;
	if (meta->array != NULL) {
		*out_count = meta->array->count;
		*out_kind = meta->array->count > 0 ? meta->array->kind : CLADE_META_NONE;
		return true;
	}
	for (; clade_store_array_item(store, key, *out_count, &item); ++*out_count)
		*out_kind = *out_count == 0 || *out_kind == item.kind ? item.kind : CLADE_META_OTHER;
	return *out_count > 0; /* an object, too, is OTHER; its members have names */
}
