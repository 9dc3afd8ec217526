/* SPDX-License-Identifier: MIT */
/* A small safetensors file with its config.json, for the tests of source maps. Element i of every tensor is i + 1. */
#ifndef GRAPH_STORE_H
#define GRAPH_STORE_H

#include <clade/graph.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store_tensor {
	const char *name, *dtype, *shape;
	unsigned count;
};

/* Fills `folder` ("/tmp/...XXXXXX") and opens it. False on any failure. */
static bool graph_store_make(struct clade_context *context, char *folder, const struct store_tensor *tensors,
			     size_t tensor_count, const char *config, struct clade_store **out)
{
	char path[128], header[8192] = "{";
	unsigned long long length, at = 0;
	FILE *file;

	if (!mkdtemp(folder))
		return false;
	snprintf(path, sizeof(path), "%s/config.json", folder);
	file = fopen(path, "w");
	if (!file || fputs(config, file) < 0 || fclose(file))
		return false;
	for (size_t i = 0; i < tensor_count; i++) {
		size_t used = strlen(header);

		snprintf(header + used, sizeof(header) - used,
			 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%llu,%llu]}", i ? "," : "",
			 tensors[i].name, tensors[i].dtype, tensors[i].shape, at, at + tensors[i].count * 4ull);
		at += tensors[i].count * 4ull;
	}
	strcat(header, "}");
	while (strlen(header) % 8)
		strcat(header, " ");
	length = strlen(header);
	snprintf(path, sizeof(path), "%s/model.safetensors", folder);
	file = fopen(path, "wb");
	if (!file || fwrite(&length, 8, 1, file) != 1 || fwrite(header, length, 1, file) != 1)
		return false;
	for (size_t i = 0; i < tensor_count; i++)
		for (unsigned e = 0; e < tensors[i].count; e++) {
			float value = (float)(e + 1);
			int integer = (int)e + 1;

			if (fwrite(*tensors[i].dtype == 'F' ? (void *)&value : (void *)&integer, 4, 1, file) != 1)
				return false;
		}
	if (fclose(file))
		return false;
	return !clade_store_create(context, out, NULL) && !clade_store_add(*out, folder, NULL);
}

static void graph_store_remove(const char *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/config.json", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/model.safetensors", folder);
	unlink(path);
	rmdir(folder);
}

#endif
