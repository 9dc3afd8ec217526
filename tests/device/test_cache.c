/* SPDX-License-Identifier: MIT */
/* The cache of program binaries: what is not exactly as it was written is never used, and never stops a run. The second
 * half runs on the OpenCL device that the environment shows. */
#include "toy.h"
#include "../../runtime/src/cl/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

extern char **environ;
static const char *program;
enum { HEADER = 88, PAYLOAD = 500 };

struct fixture {
	struct clade_context *context;
	struct clade_diag diag;
	char folder[64], path[1024];
	unsigned char entry[HEADER + PAYLOAD]; /* a sound entry file, byte for byte */
	unsigned char key[CLADE_CACHE_KEY_BYTES], payload[PAYLOAD];
	int fd, notes;
};

static void count_notes(void *user, enum clade_log_level level, const char *component, const char *text)
{
	struct fixture *f = user;

	if (level >= CLADE_LOG_NOTE)
		f->notes++;
}

static int remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	return system(command);
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;
	struct clade_context_params params = { .size = sizeof(params), .log = count_notes, .log_user = f };
	size_t at;

	memset(f, 0, sizeof(*f));
	clade_diag_init(&f->diag);
	snprintf(f->folder, sizeof(f->folder), "cache-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return 1;
	params.cache_dir = f->folder;
	for (int i = 0; i < PAYLOAD; i++)
		f->payload[i] = (unsigned char)(i * 31 + 7);
	for (int i = 0; i < CLADE_CACHE_KEY_BYTES; i++)
		f->key[i] = (unsigned char)(i * 5 + 1);
	if (clade_context_create(&params, &f->context, &f->diag) ||
	    clade_context_register(f->context, toy_entry, "", &f->diag))
		return 1;
	f->fd = clade_cache_open(f->context);
	at = (size_t)snprintf(f->path, sizeof(f->path), "%s/", f->folder);
	for (int i = 0; i < CLADE_CACHE_KEY_BYTES; i++)
		at += (size_t)snprintf(f->path + at, 3, "%02x", f->key[i]);
	memcpy(f->path + at, ".bin", 5);
	*state = f;
	return f->fd < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	clade_context_destroy(&f->context);
	clade_diag_finish(&f->diag);
	chmod(f->folder, 0700);
	return remove_tree(f->folder);
}

/* The payload is there, whole. */
static bool loads(struct fixture *f)
{
	size_t bytes = 0;
	void *payload = clade_cache_load(f->context, f->fd, f->key, &bytes);
	bool ok = payload && bytes == PAYLOAD && !memcmp(payload, f->payload, PAYLOAD);

	assert_true(!payload || ok); /* whole or not at all */
	clade_free(f->context, payload);
	return ok;
}

static void saves(struct fixture *f)
{
	assert_true(clade_cache_save(f->context, f->fd, f->key, f->payload, PAYLOAD));
	assert_true(loads(f));
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void keep_copy(struct fixture *f)
{
	int fd = open(f->path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, f->entry, sizeof(f->entry)), sizeof(f->entry));
	close(fd);
}

/* Not used, deleted, noted. Then the sound entry is put back, which is used. (Not by a save: those wait for the disk.)
 */
static void is_refused(struct fixture *f)
{
	int fd;

	f->notes = 0;
	assert_false(loads(f));
	assert_int_equal(f->notes, 1);
	assert_false(exists(f->path));
	fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->entry, sizeof(f->entry)), sizeof(f->entry));
	close(fd);
	assert_true(loads(f));
}

static void write_byte(struct fixture *f, off_t at, unsigned char mask)
{
	int fd = open(f->path, O_RDWR);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= mask;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void keeps_what_it_is_given(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_false(loads(f));
	assert_int_equal(f->notes, 0); /* absence is no news */
	saves(f);
	saves(f); /* over the old one */
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, HEADER + PAYLOAD);
	assert_false(clade_cache_save(f->context, f->fd, f->key, f->payload, 0));
}

static void truncated_entries(void **state)
{
	struct fixture *f = *state;

	saves(f);
	keep_copy(f);
	for (off_t length = 0; length < HEADER + PAYLOAD; length += length < HEADER + 4 ? 1 : 37) {
		assert_int_equal(truncate(f->path, length), 0);
		is_refused(f);
	}
	assert_int_equal(truncate(f->path, HEADER + PAYLOAD + 1), 0); /* and one that has grown */
	is_refused(f);
}

static void flipped_bits(void **state)
{
	struct fixture *f = *state;

	saves(f);
	keep_copy(f);
	for (off_t at = 0; at < HEADER; at++)
		for (int bit = 0; bit < 8; bit++) {
			write_byte(f, at, (unsigned char)(1 << bit));
			is_refused(f);
		}
	for (off_t at = HEADER; at < HEADER + PAYLOAD; at++) {
		write_byte(f, at, (unsigned char)(1 << (at % 8)));
		is_refused(f);
	}
}

static void foreign_entries(void **state)
{
	struct fixture *f = *state;
	unsigned char other[CLADE_CACHE_KEY_BYTES];
	char link_path[1024];
	size_t bytes;

	/* A sound entry under another key's name. */
	saves(f);
	keep_copy(f);
	memcpy(other, f->key, sizeof(other));
	other[0] ^= 1;
	assert_true(clade_cache_save(f->context, f->fd, other, f->payload, PAYLOAD));
	snprintf(link_path, sizeof(link_path), "%s", f->path);
	memcpy(link_path + strlen(f->folder) + 1, "00", 2);
	assert_int_equal(rename(link_path, f->path), 0);
	is_refused(f);
	/* Modes. */
	assert_int_equal(chmod(f->path, 0620), 0);
	is_refused(f);
	assert_int_equal(chmod(f->path, 0602), 0);
	is_refused(f);
	/* A link to a sound entry, by symbol and by name. */
	snprintf(link_path, sizeof(link_path), "%s/elsewhere", f->folder);
	assert_int_equal(rename(f->path, link_path), 0);
	assert_int_equal(symlink("elsewhere", f->path), 0);
	is_refused(f);
	assert_true(exists(link_path));
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(link(link_path, f->path), 0);
	is_refused(f);
	/* A FIFO does not hang us. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	is_refused(f);
	/* A folder cannot be deleted like a file, but is not used either. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_null(clade_cache_load(f->context, f->fd, f->key, &bytes));
	assert_false(clade_cache_save(f->context, f->fd, f->key, f->payload, PAYLOAD));
	assert_int_equal(rmdir(f->path), 0);
	saves(f);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->path, 12345, (gid_t)-1), 0);
		is_refused(f);
	} else {
		print_message("not run: an entry of another owner (needs root to make one)\n");
	}
}

/* Opens a cache at `path`; returns whether there is one. */
static bool opens(struct fixture *f, const char *path)
{
	struct clade_context_params params = {
		.size = sizeof(params), .log = count_notes, .log_user = f, .cache_dir = path
	};
	struct clade_context *context;
	int fd;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	f->notes = 0;
	fd = clade_cache_open(context);
	assert_int_equal(f->notes, fd < 0 && path && *path);
	if (fd >= 0)
		close(fd);
	clade_context_destroy(&context);
	return fd >= 0;
}

static void doubtful_folders(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	assert_true(opens(f, f->folder));
	assert_false(opens(f, NULL));
	assert_false(opens(f, ""));
	snprintf(path, sizeof(path), "%s/a/b/c", f->folder);
	assert_true(opens(f, path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(path, 0777), 0);
	assert_false(opens(f, path));
	assert_int_equal(chmod(path, 0720), 0);
	assert_false(opens(f, path));
	assert_int_equal(chmod(path, 0755), 0);
	assert_true(opens(f, path));
	snprintf(path, sizeof(path), "%s/link", f->folder);
	assert_int_equal(symlink("a", path), 0);
	assert_false(opens(f, path));
	snprintf(path, sizeof(path), "%s/file", f->folder);
	assert_int_equal(close(creat(path, 0600)), 0);
	assert_false(opens(f, path));
	strcat(path, "/below");
	assert_false(opens(f, path));
	assert_false(opens(f, "/proc/no-such-folder/cache"));
	if (geteuid() == 0) {
		snprintf(path, sizeof(path), "%s/a", f->folder);
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		assert_false(opens(f, path));
	} else {
		print_message("not run: a folder of another owner (needs root to make one)\n");
	}
}

static void refused_writes(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, small;
	char path[64];
	int fd;

	/* A file system that is full or read-only looks like this one: nothing can be made in it. */
	fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_false(clade_cache_save(f->context, fd, f->key, f->payload, PAYLOAD));
	assert_int_equal(f->notes, 1);
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(clade_cache_save(f->context, f->fd, f->key, f->payload, PAYLOAD));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(f->notes, 2);
	snprintf(path, sizeof(path), "%s", f->folder);
	assert_int_equal(rmdir(path), 0); /* nothing was left behind in it */
	assert_int_equal(mkdir(path, 0700), 0);
}

static void size_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	char path[1024], other[128], young[128], old[128];
	static const char half[] = ".0123456789abcdef.1.1.tmp", done[] = ".0123456789abcdef.2.2.tmp";

	snprintf(other, sizeof(other), "%s/README", f->folder);
	snprintf(young, sizeof(young), "%s/%s", f->folder, half);
	snprintf(old, sizeof(old), "%s/%s", f->folder, done);
	assert_int_equal(close(creat(other, 0600)), 0);
	assert_int_equal(close(creat(young, 0600)), 0);
	assert_int_equal(close(creat(old, 0600)), 0);
	assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, other, times, 0), 0);
	for (int i = 0; i < 10; i++) {
		f->key[0] = (unsigned char)i;
		assert_true(clade_cache_save(f->context, f->fd, f->key, f->payload, PAYLOAD));
		snprintf(path, sizeof(path), "%s", f->path);
		snprintf(path + strlen(f->folder) + 1, 3, "%02x", i);
		path[strlen(f->folder) + 3] = f->path[strlen(f->folder) + 3];
		times[0].tv_sec = times[1].tv_sec = 1000000 + (i == 0 ? 100 : i); /* entry 0 was used last */
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	clade_cache_trim(f->context, f->fd, 10 * (HEADER + PAYLOAD));
	clade_cache_trim(f->context, f->fd, 4 * (HEADER + PAYLOAD) + 1);
	for (int i = 0; i < 10; i++) {
		size_t bytes;
		void *payload;

		f->key[0] = (unsigned char)i;
		payload = clade_cache_load(f->context, f->fd, f->key, &bytes);
		assert_int_equal(payload != NULL, i == 0 || i >= 7);
		clade_free(f->context, payload);
	}
	assert_true(exists(other));
	assert_true(exists(young)); /* a writer may still be at it */
	assert_false(exists(old));
}

static void keys_keep_parts_apart(void **state)
{
	const void *one[] = { "ab", "c" }, *two[] = { "a", "bc" };
	const size_t one_lengths[] = { 2, 1 }, two_lengths[] = { 1, 2 };
	unsigned char a[32], b[32], c[32];

	assert_true(clade_cache_hash(one, one_lengths, 2, a));
	assert_true(clade_cache_hash(two, two_lengths, 2, b));
	assert_true(clade_cache_hash(one, one_lengths, 2, c));
	assert_memory_not_equal(a, b, 32);
	assert_memory_equal(a, c, 32);
}

/* ---- on a device ---- */

/* One start of a program that uses the cache. Returns 0, or a line number. */
static int start(const char *folder, const char *kernel_dir, struct clade_device_counters *out)
{
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = folder, .kernel_dir = kernel_dir };
	struct clade_context *context;
	struct clade_device *device = NULL;
	struct clade_diag diag;
	struct toy_case toy;
	int line = 0;

	clade_diag_init(&diag);
	memset(&toy, 0, sizeof(toy));
	if (clade_context_create(&params, &context, &diag) || clade_context_register(context, toy_entry, "", &diag) ||
	    clade_device_open(context, "cl", &device, &diag) || toy_open(&toy, device, &toy_cl, 100, true, 1, &diag))
		line = __LINE__;
	else if (toy_run(&toy, &diag) || toy_check(&toy, 2.0f, &diag))
		line = __LINE__;
	if (line)
		fprintf(stderr, "%s: %s\n", diag.where, diag.text);
	clade_device_save_programs(device);
	clade_device_save_programs(device); /* nothing is left to do */
	clade_device_get_counters(device, out);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
	return line;
}

/* Entries in the folder, and the name of the last. */
static int entries(const char *folder, char *path, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".bin") || strstr(entry->d_name, ".tmp")) {
			snprintf(path, size, "%s/%s", folder, entry->d_name);
			count++;
		}
	closedir(dir);
	return count;
}

static void expect(const char *folder, const char *kernel_dir, uint64_t built, uint64_t cached)
{
	struct clade_device_counters counters;

	assert_int_equal(start(folder, kernel_dir, &counters), 0);
	assert_int_equal(counters.programs_built, built);
	assert_int_equal(counters.programs_from_cache, cached);
}

static void processes_share_it(void **state)
{
	struct fixture *f = *state;
	char *const arguments[] = { (char *)program, "start", f->folder, NULL };
	pid_t children[4];
	char path[1024];

	for (int i = 0; i < 4; i++)
		assert_int_equal(posix_spawn(&children[i], "/proc/self/exe", NULL, NULL, arguments, environ), 0);
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(entries(f->folder, path, sizeof(path)), 1);
	expect(f->folder, NULL, 0, 1);
}

static void warm_starts_build_nothing(void **state)
{
	struct fixture *f = *state;
	char path[1024];

	expect(NULL, NULL, 1, 0);
	expect(f->folder, NULL, 1, 0);
	assert_int_equal(entries(f->folder, path, sizeof(path)), 1);
	for (int i = 0; i < 3; i++)
		expect(f->folder, NULL, 0, 1);
	/* Damaged in header and payload: built again, right again, stored again. */
	snprintf(f->path, sizeof(f->path), "%s", path);
	write_byte(f, 60, 4);
	expect(f->folder, NULL, 1, 0);
	expect(f->folder, NULL, 0, 1);
	write_byte(f, HEADER + 200, 1);
	expect(f->folder, NULL, 1, 0);
	assert_int_equal(truncate(f->path, HEADER + 64), 0);
	expect(f->folder, NULL, 1, 0);
	expect(f->folder, NULL, 0, 1);
	assert_int_equal(chmod(f->folder, 0777), 0);
	expect(f->folder, NULL, 1, 0);
	assert_int_equal(chmod(f->folder, 0700), 0);
	expect("/proc/no-such-folder", NULL, 1, 0);
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A changed include is another program; changed back, it is the old one. */
static void sources_from_disk(void **state)
{
	struct fixture *f = *state;
	struct clade_device_counters counters;
	char kernels[128];

	snprintf(kernels, sizeof(kernels), "%s/include", f->folder);
	assert_int_equal(mkdir(kernels, 0700), 0);
	expect(f->folder, NULL, 1, 0);
	expect(f->folder, f->folder, 0, 1);
	write_text(kernels, "toy.clh", "#define TOY_FMA(a, b, c) fma((a), (b), (c) + 0.0f)\n");
	expect(f->folder, f->folder, 1, 0);
	expect(f->folder, f->folder, 0, 1);
	expect(f->folder, NULL, 0, 1);
	write_text(kernels, "toy.clh", "#define TOY_FMA(a, b, c) 1.0f\n");
	print_message("next: a wrong kernel, which the check must find\n");
	assert_int_not_equal(start(f->folder, f->folder, &counters), 0);
	assert_int_equal(counters.programs_built, 1);
}

/* ---- orders ---- */

struct asked {
	const char *folder;
	int now, later;
	unsigned orders;
	bool refuse, idle;
	size_t done;
};

/* What a process does that was started to compile. */
static size_t fill(const char *folder, bool later)
{
	struct clade_context_params params = { .size = sizeof(params), .cache_dir = folder };
	struct clade_context *context;
	struct clade_device *device = NULL;
	size_t done;

	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	assert_int_equal(clade_device_open(context, "cl", &device, NULL), CLADE_OK);
	done = clade_device_fill_cache(device, later);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return done;
}

static bool on_compile(void *user, const char *device, unsigned orders, bool later)
{
	struct asked *asked = user;

	assert_int_equal(strncmp(device, "cl:", 3), 0);
	*(later ? &asked->later : &asked->now) += 1;
	asked->orders += orders;
	if (asked->refuse)
		return false;
	if (!asked->idle)
		asked->done += fill(asked->folder, later);
	return true;
}

static bool compiles_late(void)
{
	struct clade_context *context;
	struct clade_device *device = NULL;
	bool late;

	assert_int_equal(clade_context_create(NULL, &context, NULL), CLADE_OK);
	assert_int_equal(clade_device_open(context, "cl", &device, NULL), CLADE_OK);
	late = clade_device_get_info(device)->compiles_late;
	clade_device_unref(&device);
	clade_context_destroy(&context);
	return late;
}

static struct clade_step *make_step(struct clade_device *device)
{
	static const struct clade_type type = { CLADE_F32, 1, { 100 } };
	const struct clade_type *inputs[2] = { &type, NULL }, *outputs[1] = { &type };
	struct toy_params params = { 2.0f, 1 };
	struct clade_node_info node = { .size = sizeof(node),
					.params = &params,
					.input_count = 2,
					.output_count = 1,
					.inputs = inputs,
					.outputs = outputs,
					.device = clade_device_get_info(device) };
	struct clade_step *step = NULL;

	assert_int_equal(clade_step_create(device, &toy_op, &toy_cl, &node, &step, NULL), CLADE_OK);
	return step;
}

/* Builds one step or two at once, runs them, saves. */
static void start_asking(struct asked *asked, int steps, uint64_t built, uint64_t cached)
{
	struct clade_context_params params = {
		.size = sizeof(params), .cache_dir = asked->folder, .compile = on_compile, .compile_user = asked
	};
	struct clade_context *context;
	struct clade_device *device = NULL;
	struct clade_device_counters counters;
	struct clade_step *step = NULL;
	struct toy_case toy;
	struct clade_diag diag;

	clade_diag_init(&diag);
	assert_int_equal(clade_context_create(&params, &context, &diag), CLADE_OK);
	assert_int_equal(clade_context_register(context, toy_entry, "", &diag), CLADE_OK);
	assert_int_equal(clade_device_open(context, "cl", &device, &diag), CLADE_OK);
	if (steps > 1) {
		step = make_step(device);
		assert_int_equal(clade_steps_build(device, (struct clade_step *[]) { step, step }, 2, &diag), CLADE_OK);
	}
	assert_int_equal(toy_open(&toy, device, &toy_cl, 100, true, 1, &diag), CLADE_OK);
	assert_int_equal(toy_run(&toy, &diag), CLADE_OK);
	assert_int_equal(toy_check(&toy, 2.0f, &diag), CLADE_OK);
	clade_step_destroy(&step);
	clade_device_save_programs(device);
	clade_device_save_programs(device);
	clade_device_get_counters(device, &counters);
	assert_int_equal(counters.programs_built, built);
	assert_int_equal(counters.programs_from_cache, cached);
	toy_close(&toy);
	clade_device_unref(&device);
	clade_context_destroy(&context);
	clade_diag_finish(&diag);
}

/* Files of the folder whose name ends so. */
static int files(const char *folder, const char *end, char *path, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t a = strlen(entry->d_name), b = strlen(end);

		if (a > b && !strcmp(entry->d_name + a - b, end)) {
			snprintf(path, size, "%s/%s", folder, entry->d_name);
			count++;
		}
	}
	closedir(dir);
	return count;
}

static void others_fetch_binaries(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .folder = f->folder, .idle = true };
	char path[1024];

	start_asking(&asked, 1, 1, 0);
	assert_int_equal(asked.now, 0);
	assert_int_equal(asked.later, 1);
	assert_int_equal(files(f->folder, ".bin", path, sizeof(path)), 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 1);
	/* a process that was killed leaves the order to the next */
	start_asking(&asked, 1, 1, 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 1);
	assert_int_equal(fill(f->folder, true), 1);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 0);
	assert_int_equal(files(f->folder, ".bin", path, sizeof(path)), 1);
	assert_int_equal(fill(f->folder, true), 0);
	start_asking(&asked, 1, 0, 1);
	assert_int_equal(asked.later, 2);
	/* nobody to ask: here */
	assert_int_equal(unlink(path), 0);
	asked.refuse = true;
	start_asking(&asked, 1, 1, 0);
	assert_int_equal(files(f->folder, ".bin", path, sizeof(path)), 1);
}

/* Where building compiles, others' binaries are loaded; where launching does, they have filled the driver's own cache.
 */
static void others_compile_what_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .folder = f->folder };
	char path[1024];
	bool late = compiles_late();

	start_asking(&asked, 2, late, !late);
	assert_int_equal(asked.now, 1);
	assert_int_equal(asked.later, late);
	assert_int_equal(asked.orders, late ? 2 : 1);
	assert_int_equal(asked.done, asked.orders);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 0);
	assert_int_equal(files(f->folder, ".bin", path, sizeof(path)), 1);
	start_asking(&asked, 2, 0, 1);
	assert_int_equal(asked.now, 1);
}

static void doubtful_orders_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .folder = f->folder, .idle = true };
	char path[1024], moved[1100];

	start_asking(&asked, 1, 1, 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 1);
	snprintf(f->path, sizeof(f->path), "%s", path);
	write_byte(f, HEADER + 100, 1);
	assert_int_equal(fill(f->folder, true), 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 0);
	/* under another key: the header disagrees */
	start_asking(&asked, 1, 1, 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 1);
	snprintf(moved, sizeof(moved), "%s", path);
	moved[strlen(f->folder) + 1] = moved[strlen(f->folder) + 1] == '0' ? '1' : '0';
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(fill(f->folder, true), 0);
	assert_int_equal(files(f->folder, ".src", path, sizeof(path)), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_what_it_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(flipped_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(doubtful_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(size_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_keep_parts_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(processes_share_it, setup, teardown),
		cmocka_unit_test_setup_teardown(warm_starts_build_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(sources_from_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(others_fetch_binaries, setup, teardown),
		cmocka_unit_test_setup_teardown(others_compile_what_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(doubtful_orders_are_dropped, setup, teardown),
	};
	struct clade_device_counters counters;

	program = argv[0];
	if (argc == 3 && !strcmp(argv[1], "start"))
		return start(argv[2], NULL, &counters) ? 1 : 0;
	return cmocka_run_group_tests_name("program cache", tests, NULL, NULL);
}
