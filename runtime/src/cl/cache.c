/* SPDX-License-Identifier: MIT */
/* See cache.h. An entry is: magic, format, key, payload's length, SHA-256 of the payload, payload. */
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FORMAT = 1, NAME_BYTES = 2 * CLADE_CACHE_KEY_BYTES + 4, TEMPORARY_HOURS = 2, MOST_TRIES = 16, MOST_ORDERS = 64 };

/* Host byte order: the key holds the pointer size and the driver, an entry never leaves its machine unnoticed. */
struct header {
	unsigned char magic[8];
	uint32_t format, zero;
	unsigned char key[CLADE_CACHE_KEY_BYTES];
	uint64_t bytes;
	unsigned char hash[CLADE_CACHE_KEY_BYTES];
};
static const unsigned char magic[8] = { 'c', 'l', 'a', 'd', 'e', 'b', 'i', 'n' };

bool clade_cache_hash(const void *const *parts, const size_t *lengths, size_t count,
		      unsigned char out[CLADE_CACHE_KEY_BYTES])
{
	EVP_MD_CTX *state = EVP_MD_CTX_new();
	bool ok = state && EVP_DigestInit_ex(state, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; i < count && ok; i++) {
		uint64_t length = lengths[i];

		ok = EVP_DigestUpdate(state, &length, sizeof(length)) == 1 &&
		     EVP_DigestUpdate(state, parts[i], lengths[i]) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(state, out, NULL) == 1;
	EVP_MD_CTX_free(state);
	return ok;
}

static bool payload_hash(const void *payload, size_t bytes, unsigned char out[CLADE_CACHE_KEY_BYTES])
{
	return clade_cache_hash(&payload, &bytes, 1, out);
}

static void entry_name(const unsigned char *key, char out[NAME_BYTES + 1])
{
	for (int i = 0; i < CLADE_CACHE_KEY_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", key[i]);
	memcpy(out + 2 * CLADE_CACHE_KEY_BYTES, ".bin", 5);
}

/* ---- the folder ---- */

/* mkdir -p; the folders that are missing get mode 0700. */
static bool make_folders(struct clade_context *context, const char *path)
{
	char *copy = clade_strdup(context, path);
	bool ok = copy != NULL;

	for (char *c = copy ? copy + 1 : NULL; c && *c && ok; c++)
		if (*c == '/') {
			*c = 0;
			ok = mkdir(copy, 0700) == 0 || errno == EEXIST || errno == EACCES || errno == EROFS;
			*c = '/';
		}
	ok = ok && (mkdir(copy, 0700) == 0 || errno == EEXIST);
	clade_free(context, copy);
	return ok;
}

int clade_cache_open(struct clade_context *context)
{
	const char *path = context->cache_dir, *why = NULL;
	struct stat st;
	int folder;

	if (!path || !*path)
		return -1;
	make_folders(context, path); /* open says what went wrong */
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		why = strerror(errno);
	else if (fstat(folder, &st))
		why = strerror(errno);
	else if (st.st_uid != geteuid())
		why = "it belongs to another user";
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		why = "others may write to it (chmod go-w)";
	if (!why)
		return folder;
	if (folder >= 0)
		close(folder);
	clade_log(context, CLADE_LOG_NOTE, "program", "no cache of programs: %s: %s", path, why);
	return -1;
}

/* ---- reading ---- */

static bool read_all(int fd, void *out, size_t bytes)
{
	char *at = out;

	while (bytes > 0) {
		ssize_t n = read(fd, at, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		bytes -= (size_t)n;
	}
	return true;
}

/* What is wrong with an open entry's file, or NULL. */
static const char *file_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is no regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others may write to it";
	if (st->st_nlink != 1)
		return "it has a second name";
	if (st->st_size < (off_t)sizeof(struct header) || (uint64_t)st->st_size > CLADE_CACHE_MOST_BYTES)
		return "its length is impossible";
	return NULL;
}

/* Reads and checks an open entry; *out is set only if all is right. Returns the fault, or NULL. */
static const char *read_entry(struct clade_context *context, int fd, const unsigned char *key, void **out,
			      size_t *out_bytes)
{
	unsigned char hash[CLADE_CACHE_KEY_BYTES];
	struct header header;
	struct stat st;
	const char *fault;
	void *payload;
	size_t bytes;

	if (fstat(fd, &st))
		return strerror(errno);
	fault = file_fault(&st);
	if (fault)
		return fault;
	if (!read_all(fd, &header, sizeof(header)))
		return "it cannot be read";
	bytes = (size_t)st.st_size - sizeof(header);
	if (memcmp(header.magic, magic, sizeof(magic)) || header.format != FORMAT || header.zero)
		return "its header is not of this format";
	if (memcmp(header.key, key, CLADE_CACHE_KEY_BYTES))
		return "its key is another";
	if (header.bytes != bytes || bytes == 0)
		return "its length is not what its header says";
	payload = clade_resize(context, NULL, bytes);
	if (!payload)
		return "there is no memory to read it";
	if (!read_all(fd, payload, bytes))
		fault = "it cannot be read";
	else if (!payload_hash(payload, bytes, hash) || memcmp(hash, header.hash, sizeof(hash)))
		fault = "its checksum is wrong";
	if (fault) {
		clade_free(context, payload);
		return fault;
	}
	*out = payload;
	*out_bytes = bytes;
	return NULL;
}

void *clade_cache_load(struct clade_context *context, int folder, const unsigned char *key, size_t *out_bytes)
{
	char name[NAME_BYTES + 1];
	void *payload = NULL;
	const char *fault;
	int fd;

	if (folder < 0)
		return NULL;
	entry_name(key, name);
	/* NONBLOCK: a FIFO put in the entry's place must not hang us. */
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return NULL;
	fault = fd < 0 ? strerror(errno) : read_entry(context, fd, key, &payload, out_bytes);
	if (fault) {
		clade_log(context, CLADE_LOG_NOTE, "program", "cached program %.16s... is not used: %s", name, fault);
		unlinkat(folder, name, 0);
	} else {
		futimens(fd, NULL); /* for trimming by age of use; a failure only costs a rebuild */
	}
	if (fd >= 0)
		close(fd);
	return payload;
}

void clade_cache_remove(struct clade_context *context, int folder, const unsigned char *key)
{
	char name[NAME_BYTES + 1];

	entry_name(key, name);
	if (folder >= 0)
		unlinkat(folder, name, 0);
}

/* ---- writing ---- */

static bool write_all(int fd, const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes > 0) {
		ssize_t n = write(fd, at, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		bytes -= (size_t)n;
	}
	return true;
}

/* A new file of a name nobody else has: ".KEY.PID.NS.tmp". */
static int open_temporary(int folder, const char *entry, char *name, size_t size)
{
	for (int i = 0; i < MOST_TRIES; i++) {
		struct timespec now;
		int fd;

		clock_gettime(CLOCK_MONOTONIC, &now);
		snprintf(name, size, ".%.16s.%ld.%lx.tmp", entry, (long)getpid(), now.tv_nsec + 0x40000000L * i);
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static bool save_as(struct clade_context *context, int folder, const char *name, const unsigned char *key,
		    const void *payload, size_t bytes)
{
	struct header header = { .format = FORMAT, .bytes = bytes };
	char temporary[96];
	struct rlimit limit;
	bool ok = false;
	int fd, error;

	if (folder < 0 || bytes == 0 || bytes > CLADE_CACHE_MOST_BYTES - sizeof(header))
		return false;
	/* Writing past this limit would end the process by a signal. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur < bytes + sizeof(header)) {
		clade_log(context, CLADE_LOG_NOTE, "program", "program not cached: %zu bytes exceed RLIMIT_FSIZE",
			  bytes);
		return false;
	}
	memcpy(header.magic, magic, sizeof(magic));
	memcpy(header.key, key, CLADE_CACHE_KEY_BYTES);
	if (!payload_hash(payload, bytes, header.hash))
		return false;
	fd = open_temporary(folder, name, temporary, sizeof(temporary));
	error = errno;
	if (fd >= 0) {
		ok = write_all(fd, &header, sizeof(header)) && write_all(fd, payload, bytes) && fsync(fd) == 0;
		error = errno;
		if (close(fd) && ok) {
			ok = false;
			error = errno;
		}
		if (ok && renameat(folder, temporary, folder, name)) {
			ok = false;
			error = errno;
		}
		if (!ok)
			unlinkat(folder, temporary, 0);
	}
	if (!ok)
		clade_log(context, CLADE_LOG_NOTE, "program", "program not cached: %s", strerror(error));
	return ok;
}

bool clade_cache_save(struct clade_context *context, int folder, const unsigned char *key, const void *payload,
		      size_t bytes)
{
	char name[NAME_BYTES + 1];

	entry_name(key, name);
	return save_as(context, folder, name, key, payload, bytes);
}

bool clade_cache_has(int folder, const unsigned char *key)
{
	char name[NAME_BYTES + 1];

	entry_name(key, name);
	return folder >= 0 && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- orders: "KEY.PART.src" ---- */

static void make_order_name(const unsigned char *key, unsigned part, char out[96])
{
	entry_name(key, out);
	snprintf(out + 2 * CLADE_CACHE_KEY_BYTES, 96 - 2 * CLADE_CACHE_KEY_BYTES, ".%u.src", part);
}

bool clade_cache_has_order(int folder, const unsigned char *key)
{
	char name[96];

	make_order_name(key, 0, name);
	return folder >= 0 && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool clade_cache_order(struct clade_context *context, int folder, const unsigned char *key, unsigned part,
		       const void *payload, size_t bytes)
{
	char name[96];

	if (part >= CLADE_CACHE_MOST_PARTS)
		return false;
	make_order_name(key, part, name);
	return save_as(context, folder, name, key, payload, bytes);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The key and part in an order's name; false: it is no order. */
static bool order_name(const char *name, unsigned char *key, unsigned *part)
{
	enum { DIGITS = 2 * CLADE_CACHE_KEY_BYTES };

	if (strlen(name) != DIGITS + strlen(".0.src") || strspn(name, "0123456789abcdef") != DIGITS ||
	    name[DIGITS] != '.' || name[DIGITS + 1] < '0' || name[DIGITS + 1] > '9' ||
	    strcmp(name + DIGITS + 2, ".src"))
		return false;
	for (int i = 0; i < CLADE_CACHE_KEY_BYTES; i++)
		key[i] = (unsigned char)(16 * hex_digit(name[2 * i]) + hex_digit(name[2 * i + 1]));
	*part = (unsigned)(name[DIGITS + 1] - '0');
	return true;
}

/* True if it was done. An order that fails a check is deleted. */
static bool work_at(struct clade_context *context, int folder, struct clade_cache_claim *claim,
		    clade_cache_work_fn *work, void *user)
{
	const char *fault = NULL;
	struct stat st;
	bool done = false;

	claim->payload = NULL;
	claim->fd = openat(folder, claim->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (claim->fd < 0)
		return false;
	/* the lock may be had because another has just done the order and unlinked it */
	if (flock(claim->fd, LOCK_EX | LOCK_NB) == 0 && fstat(claim->fd, &st) == 0 && st.st_nlink > 0) {
		fault = read_entry(context, claim->fd, claim->key, &claim->payload, &claim->bytes);
		if (fault)
			clade_log(context, CLADE_LOG_NOTE, "program", "order %.16s... is not used: %s", claim->name,
				  fault);
		done = !fault && work(user, claim);
		if (fault || done)
			unlinkat(folder, claim->name, 0);
	}
	clade_free(context, claim->payload);
	close(claim->fd);
	return done;
}

struct order {
	char name[96];
	unsigned part;
	off_t bytes;
};

/* Several processes share orders best if none begins a large one last, nor a program that another has begun while there
 * is one that nobody has. */
static int largest_first(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->name, y->name);
}

static size_t list_orders(int folder, struct order orders[MOST_ORDERS])
{
	int copy = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct clade_cache_claim claim;
	struct dirent *entry;
	struct stat st;
	size_t count = 0;

	if (!dir && copy >= 0)
		close(copy);
	while (dir && count < MOST_ORDERS && (entry = readdir(dir)))
		if (order_name(entry->d_name, claim.key, &claim.part) &&
		    fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			strcpy(orders[count].name, entry->d_name); /* an order's name fits */
			orders[count].part = claim.part;
			orders[count++].bytes = st.st_size;
		}
	if (dir)
		closedir(dir);
	qsort(orders, count, sizeof(*orders), largest_first);
	return count;
}

size_t clade_cache_claim_all(struct clade_context *context, int folder, clade_cache_work_fn *work, void *user)
{
	struct clade_cache_claim claim;
	struct order orders[MOST_ORDERS];
	size_t done = 0, count = list_orders(folder, orders);

	for (size_t i = 0; i < count; i++)
		if (order_name(orders[i].name, claim.key, &claim.part)) {
			memcpy(claim.name, orders[i].name, sizeof(claim.name));
			done += work_at(context, folder, &claim, work, user);
		}
	return done;
}

/* ---- trimming ---- */

struct file {
	char name[96];
	time_t used;
	uint64_t bytes;
};

static int older_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Whether a name is an entry's ("64 hex digits.bin"); nothing else in the folder is ever counted or deleted. */
static bool is_entry(const char *name)
{
	return strlen(name) == NAME_BYTES && strspn(name, "0123456789abcdef") == NAME_BYTES - 4 &&
	       !strcmp(name + NAME_BYTES - 4, ".bin");
}

static bool is_temporary(const char *name)
{
	unsigned char key[CLADE_CACHE_KEY_BYTES];
	size_t length = strlen(name);
	unsigned part;

	if (order_name(name, key, &part))
		return true;
	return name[0] == '.' && length > 20 && length < 96 && strspn(name + 1, "0123456789abcdef") == 16 &&
	       !strcmp(name + length - 4, ".tmp");
}

static struct file *list_files(struct clade_context *context, int folder, size_t *out_count, uint64_t *out_total)
{
	struct file *files = NULL;
	size_t room = 0;
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	*out_count = 0;
	*out_total = 0;
	if (!dir && copy >= 0)
		close(copy);
	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if ((!is_entry(entry->d_name) && !is_temporary(entry->d_name)) ||
		    fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (is_temporary(entry->d_name)) {
			if (st.st_mtime + TEMPORARY_HOURS * 3600 < time(NULL))
				unlinkat(folder, entry->d_name, 0);
			continue;
		}
		if (*out_count == room) {
			size_t more = room ? 2 * room : 64;
			struct file *larger = clade_resize(context, files, more * sizeof(*files));

			if (!larger)
				break;
			files = larger;
			room = more;
		}
		snprintf(files[*out_count].name, sizeof(files->name), "%s", entry->d_name);
		files[*out_count].used = st.st_mtime;
		files[*out_count].bytes = (uint64_t)st.st_size;
		*out_total += (uint64_t)st.st_size;
		(*out_count)++;
	}
	if (dir)
		closedir(dir);
	return files;
}

void clade_cache_trim(struct clade_context *context, int folder, uint64_t most)
{
	struct file *files;
	size_t count;
	uint64_t total;

	if (folder < 0)
		return;
	files = list_files(context, folder, &count, &total);
	if (total > most)
		qsort(files, count, sizeof(*files), older_first);
	for (size_t i = 0; i < count && total > most; i++) {
		unlinkat(folder, files[i].name, 0);
		total -= files[i].bytes;
	}
	clade_free(context, files);
}
