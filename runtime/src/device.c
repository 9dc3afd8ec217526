/* SPDX-License-Identifier: MIT */
/* Devices: listing, choosing one by a user's words, reference counting, counters. */
#include "device.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct clade_driver *const drivers[] = { &clade_driver_host, &clade_driver_cl };
enum { DRIVER_COUNT = sizeof(drivers) / sizeof(drivers[0]) };

struct clade_found *clade_found_add(struct clade_context *context, struct clade_found_list *list,
				    const struct clade_driver *driver)
{
	struct clade_found *found;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 8, bytes;
		struct clade_found *items;

		if (!clade_size_mul(room, sizeof(*items), &bytes))
			return NULL;
		items = clade_resize(context, list->items, bytes);
		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	found = &list->items[list->count++];
	memset(found, 0, sizeof(*found));
	found->info.size = sizeof(found->info);
	found->driver = driver;
	return found;
}

bool clade_text_has(const char *text, const char *part)
{
	size_t length = strlen(part);

	for (; *text; text++)
		if (!strncasecmp(text, part, length))
			return true;
	return length == 0;
}

static enum clade_status find_all(struct clade_context *context, struct clade_found_list *list, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;

	memset(list, 0, sizeof(*list));
	for (size_t i = 0; i < DRIVER_COUNT && !status; i++)
		status = drivers[i]->list(context, list, diag);
	return status;
}

enum clade_status clade_device_list(struct clade_context *context, struct clade_device_info **out_infos,
				    size_t *out_count, struct clade_diag *diag)
{
	struct clade_found_list list;
	struct clade_device_info *infos = NULL;
	enum clade_status status;

	if (!context || !out_infos || !out_count)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_device_list: context, out_infos and out_count must not be NULL");
	*out_infos = NULL;
	*out_count = 0;
	status = find_all(context, &list, diag);
	if (!status) {
		infos = clade_alloc(context, list.count * sizeof(*infos));
		if (!infos)
			status = clade_fail_memory(diag, list.count * sizeof(*infos), "the list of devices");
	}
	for (size_t i = 0; infos && i < list.count; i++)
		infos[i] = list.items[i].info;
	if (infos) {
		*out_infos = infos;
		*out_count = list.count;
	}
	clade_free(context, list.items);
	return status;
}

void clade_device_list_free(struct clade_context *context, struct clade_device_info **infos)
{
	if (!infos)
		return;
	clade_free(context, *infos);
	*infos = NULL;
}

/* ---- selection ---- */

/* Whether a < b in preference: rank, then memory, then the order of listing. */
static bool better(const struct clade_found *a, const struct clade_found *b)
{
	if (a->info.rank != b->info.rank)
		return a->info.rank < b->info.rank;
	return a->info.global_bytes > b->info.global_bytes;
}

static const struct clade_found *best_opencl(const struct clade_found_list *list)
{
	const struct clade_found *best = NULL;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].driver != &clade_driver_host && (!best || better(&list->items[i], best)))
			best = &list->items[i];
	return best;
}

/* "0 ref, cl:0.0 NAME (PLATFORM), ..." of all devices, or of those that `part` names; cut if too long. */
static void describe(const struct clade_found_list *list, const char *part, char *out, size_t size)
{
	size_t at = 0;

	out[0] = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct clade_device_info *info = &list->items[i].info;
		int n;

		if (part && !clade_text_has(info->name, part) && !clade_text_has(info->platform, part) &&
		    !clade_text_has(info->quirks, part))
			continue;
		n = snprintf(out + at, size - at, "%s%s (%s, %s)", at ? "; " : "", info->id, info->name,
			     info->platform);
		if (n < 0 || (size_t)n >= size - at)
			return;
		at += (size_t)n;
	}
}

static enum clade_status unknown_device(const struct clade_found_list *list, const char *selector,
					struct clade_diag *diag)
{
	const char *words[64];
	size_t count = 0;
	const char *nearest;
	char all[600];

	for (size_t i = 0; i < list->count && count + 4 <= 64; i++) {
		words[count++] = list->items[i].info.id;
		words[count++] = list->items[i].info.name;
		words[count++] = list->items[i].info.platform;
		if (list->items[i].info.quirks[0])
			words[count++] = list->items[i].info.quirks;
	}
	nearest = clade_nearest(selector, words, count);
	describe(list, NULL, all, sizeof(all));
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_DEVICE_UNKNOWN, NULL,
			  "no device is called '%.100s'; a device is ref, cl, cl:P.D or part of a name; there are: %s"
			  "%s%.100s%s",
			  selector, all, nearest ? "; did you mean '" : "", nearest ? nearest : "",
			  nearest ? "'?" : "");
}

/* By part of a name. An exact name, or the only candidate, wins. */
static enum clade_status select_by_name(const struct clade_found_list *list, const char *selector,
					const struct clade_found **out, struct clade_diag *diag)
{
	size_t hits = 0;
	char candidates[700];

	for (size_t i = 0; i < list->count; i++) {
		const struct clade_found *found = &list->items[i];

		if (!strcasecmp(found->info.name, selector)) {
			*out = found;
			return CLADE_OK;
		}
		if (clade_text_has(found->info.name, selector) || clade_text_has(found->info.platform, selector) ||
		    clade_text_has(found->info.quirks, selector)) {
			*out = found;
			hits++;
		}
	}
	if (hits == 1)
		return CLADE_OK;
	*out = NULL;
	if (hits == 0)
		return unknown_device(list, selector, diag);
	describe(list, selector, candidates, sizeof(candidates));
	return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_DEVICE_AMBIGUOUS, NULL,
			  "'%.100s' names %zu devices; it must name one: %s", selector, hits, candidates);
}

static enum clade_status select_device(struct clade_context *context, const struct clade_found_list *list,
				       const char *selector, const struct clade_found **out, struct clade_diag *diag)
{
	const struct clade_found *best = best_opencl(list);

	*out = NULL;
	if (!selector) {
		*out = best ? best : &list->items[0];
		if (!best)
			clade_log(context, CLADE_LOG_NOTE, "device",
				  "no OpenCL device was found: using ref, the reference implementation in C");
		return CLADE_OK;
	}
	if (!strcasecmp(selector, "cl")) {
		*out = best;
		return best ? CLADE_OK
			    : clade_fail(diag, CLADE_ERR_DEVICE, CLADE_MSG_DEVICE_NONE, NULL,
					 "no OpenCL device was found; install an OpenCL driver (PoCL runs on any CPU) "
					 "or use the device ref");
	}
	for (size_t i = 0; i < list->count; i++)
		if (!strcasecmp(list->items[i].info.id, selector)) {
			*out = &list->items[i];
			return CLADE_OK;
		}
	if (!selector[0] || !strncasecmp(selector, "cl:", 3))
		return unknown_device(list, selector, diag);
	return select_by_name(list, selector, out, diag);
}

/* ---- lifetime ---- */

static enum clade_status open_found(struct clade_context *context, const struct clade_found *found,
				    struct clade_device **out_device, struct clade_diag *diag)
{
	struct clade_device *device = clade_alloc(context, sizeof(*device));
	enum clade_status status;

	if (!device)
		return clade_fail_memory(diag, sizeof(*device), "a device");
	device->context = context;
	device->driver = found->driver;
	device->info = found->info;
	atomic_init(&device->references, 1);
	pthread_mutex_init(&device->lock, NULL);
	status = device->driver->open(device, found, diag);
	if (status)
		clade_device_unref(&device);
	else
		clade_log(context, CLADE_LOG_INFO, "device", "opened %s: %s (%s, driver %s); VW=%u MR=%u NV=%u%s%s",
			  device->info.id, device->info.name, device->info.platform, device->info.driver,
			  device->info.vector_width, device->info.tile_rows, device->info.tile_vectors,
			  device->info.quirks[0] ? "; quirks: " : "", device->info.quirks);
	*out_device = device;
	return status;
}

enum clade_status clade_device_open(struct clade_context *context, const char *selector,
				    struct clade_device **out_device, struct clade_diag *diag)
{
	struct clade_found_list list;
	const struct clade_found *found = NULL;
	enum clade_status status;

	if (!context || !out_device)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_device_open: context and out_device must not be NULL");
	*out_device = NULL;
	if (selector && !strcasecmp(selector, clade_driver_host.name)) {
		/* No OpenCL driver is loaded for a run that does not need one. */
		memset(&list, 0, sizeof(list));
		status = clade_driver_host.list(context, &list, diag);
		found = list.items;
	} else {
		status = find_all(context, &list, diag);
		if (!status)
			status = select_device(context, &list, selector, &found, diag);
	}
	if (!status)
		status = open_found(context, found, out_device, diag);
	clade_free(context, list.items);
	return status;
}

struct clade_device *clade_device_ref(struct clade_device *device)
{
	if (device)
		atomic_fetch_add(&device->references, 1);
	return device;
}

void clade_device_unref(struct clade_device **device)
{
	struct clade_device *dead;

	if (!device || !*device)
		return;
	dead = *device;
	*device = NULL;
	if (atomic_fetch_sub(&dead->references, 1) != 1)
		return;
	dead->driver->close(dead);
	pthread_mutex_destroy(&dead->lock);
	clade_free(dead->context, dead);
}

const struct clade_device_info *clade_device_get_info(const struct clade_device *device)
{
	return device ? &device->info : NULL;
}

void clade_device_try_dot(struct clade_device *device)
{
	if (device && device->driver->try_dot)
		device->driver->try_dot(device);
}

void clade_device_get_counters(const struct clade_device *device, struct clade_device_counters *out)
{
	struct clade_device *d = (struct clade_device *)device; /* the lock and the atomics are not const */

	if (!out)
		return;
	memset(out, 0, sizeof(*out));
	if (!d)
		return;
	out->kernels_created = atomic_load(&d->kernels_created);
	out->launches = atomic_load(&d->launches);
	out->buffers_created = atomic_load(&d->buffers_created);
	out->buffer_bytes = atomic_load(&d->buffer_bytes);
	out->writes = atomic_load(&d->writes);
	out->reads = atomic_load(&d->reads);
	out->finishes = atomic_load(&d->finishes);
	pthread_mutex_lock(&d->lock);
	out->programs_built = d->programs_built;
	out->programs_from_cache = d->programs_from_cache;
	out->build_seconds = d->build_seconds;
	pthread_mutex_unlock(&d->lock);
}
