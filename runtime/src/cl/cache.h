/* SPDX-License-Identifier: MIT */
/* A folder of checked program binaries. A driver that is handed damaged or foreign bytes may abort or run them, so an
 * entry is used only if its owner, mode, length, key and SHA-256 are right; in any doubt there is no entry. */
#ifndef CLADE_RUNTIME_CACHE_H
#define CLADE_RUNTIME_CACHE_H

#include "../internal.h"

enum { CLADE_CACHE_KEY_BYTES = 32, CLADE_CACHE_MOST_PARTS = 10 };
#define CLADE_CACHE_MOST_BYTES ((uint64_t)256 << 20)

/* SHA-256 of the parts, each preceded by its length. False if libcrypto fails. */
bool clade_cache_hash(const void *const *parts, const size_t *lengths, size_t count,
		      unsigned char out[CLADE_CACHE_KEY_BYTES]);
/* Opens the context's cache folder, made with mode 0700 if missing. -1 (logged once here, if a cache was asked for and
 * cannot be used): there is no cache. */
int clade_cache_open(struct clade_context *context);
/* The payload stored under `key` (clade_free), or NULL; an entry that fails a check is deleted. */
void *clade_cache_load(struct clade_context *context, int folder, const unsigned char *key, size_t *out_bytes);
/* Writes to a temporary file, then renames. False, with a note in the log, if it cannot. */
bool clade_cache_save(struct clade_context *context, int folder, const unsigned char *key, const void *payload,
		      size_t bytes);
void clade_cache_remove(struct clade_context *context, int folder, const unsigned char *key);
/* Whether there is an entry, sound or not. */
bool clade_cache_has(int folder, const unsigned char *key);
/* Deletes the least recently used entries until at most `most` bytes remain, and temporary files that are hours old. */
void clade_cache_trim(struct clade_context *context, int folder, uint64_t most);

/* ---- orders: what another process is asked to compile, under the key that it will have; one may come in parts ---- */
bool clade_cache_order(struct clade_context *context, int folder, const unsigned char *key, unsigned part,
		       const void *payload, size_t bytes);
/* Whether its first part is ordered. */
bool clade_cache_has_order(int folder, const unsigned char *key);
/* An order that this process works at: no other can claim it, and if this one dies it is free again. */
struct clade_cache_claim {
	int fd;
	unsigned part;
	char name[96];
	unsigned char key[CLADE_CACHE_KEY_BYTES];
	void *payload;
	size_t bytes;
};
/* Calls `work` with every order that nobody else works at. True: it is done, and goes. Returns how many were done. */
typedef bool clade_cache_work_fn(void *user, const struct clade_cache_claim *claim);
size_t clade_cache_claim_all(struct clade_context *context, int folder, clade_cache_work_fn *work, void *user);

#endif
