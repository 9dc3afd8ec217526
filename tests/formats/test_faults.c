/* SPDX-License-Identifier: MIT */
/* Host faults under the file readers and writer: every allocation, read and system call of a write fails in turn, once
 * and for ever after; reads come short and interrupted. Each must end in its documented status, without a leak, with no
 * half-written file. Linked with --wrap for the calls below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gguf_image.h"

#include <clade/writer.h>

#include <errno.h>

/* Which call fails next: counts down; `persistent` keeps failing afterwards. */
static long countdown;
static bool persistent, short_reads;
static int fault_errno;

static bool strikes(void)
{
	if (countdown <= 0)
		return persistent && countdown == 0 && fault_errno != 0;
	if (--countdown > 0)
		return false;
	if (!persistent)
		countdown = -1; /* spent */
	return true;
}

/* pread, as it is called where file offsets have 64 bits. */
ssize_t __real_pread64(int fd, void *target, size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *target, size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *target, size_t bytes, off_t offset)
{
	static unsigned turn;
	if (short_reads && ++turn % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	if (short_reads && bytes > 3)
		bytes = 3;
	if (fault_errno == EIO && strikes()) {
		errno = EIO;
		return -1;
	}
	return __real_pread64(fd, target, bytes, offset);
}

/* The calls of a write, in their order; fault_errno ENOSPC makes them fail. */
#define WRITE_FAULT(type, name, parameters, arguments)                                                                 \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		if (fault_errno == ENOSPC && strikes()) {                                                              \
			errno = ENOSPC;                                                                                \
			return -1;                                                                                     \
		}                                                                                                      \
		return __real_##name arguments;                                                                        \
	}
WRITE_FAULT(ssize_t, write, (int fd, const void *data, size_t bytes), (fd, data, bytes))
WRITE_FAULT(int, fsync, (int fd), (fd))
WRITE_FAULT(int, rename, (const char *from, const char *to), (from, to))

static long live;
static void *failing_resize(void *user, void *memory, size_t bytes)
{
	(void)user;
	if (bytes == 0) {
		live -= memory != NULL;
		free(memory);
		return NULL;
	}
	if (fault_errno == ENOMEM && strikes())
		return NULL;
	void *grown = realloc(memory, bytes);
	live += memory == NULL && grown != NULL;
	return grown;
}

static void put_files(void)
{
	struct image image =
		image_safetensors("{\"__metadata__\":{\"a\":\"b\"},\"t\":{\"dtype\":\"F16\",\"shape\":[2,2],"
				  "\"data_offsets\":[0,8]},\"u\":{\"dtype\":\"F32\",\"shape\":[],"
				  "\"data_offsets\":[8,12]}}",
				  12);
	mkdir(SCRATCH("model"), 0700);
	put(SCRATCH("model/part.safetensors"), image.bytes, image.count);
	image_free(&image);
	put_text(SCRATCH("model/model.safetensors.index.json"),
		 "{\"weight_map\":{\"t\":\"part.safetensors\",\"u\":\"part.safetensors\"}}");
	put_text(SCRATCH("model/config.json"), "{\"layers\":2,\"rope\":{\"theta\":[1,2.5,\"x\",null,true]}}");
	image = gguf_rich();
	put(SCRATCH("rich.gguf"), image.bytes, image.count);
	image_free(&image);
	image = image_npy(1, "{'descr': '<i8', 'fortran_order': True, 'shape': (2, 1), }", 16);
	put(SCRATCH("array.npy"), image.bytes, image.count);
	image_free(&image);
}

/* Loads everything, reads everything. */
static enum clade_status read_all(struct clade_context *context, struct clade_diag *diag)
{
	struct clade_store *store;
	struct clade_type type;
	void *data;
	float values[4];
	enum clade_status status = clade_store_create(context, &store, diag);
	if (status == CLADE_OK)
		status = clade_store_add(store, SCRATCH("model"), diag);
	if (status == CLADE_OK)
		status = clade_store_read(store, clade_store_find(store, "t"), 0, 4, values, diag);
	clade_store_destroy(&store);
	assert_null(store);
	if (status != CLADE_OK)
		return status;
	status = clade_npy_read(context, SCRATCH("array.npy"), &type, &data, diag);
	assert_true((status == CLADE_OK) == (data != NULL));
	clade_free(context, data);
	return status;
}

/* GGUF into a store that holds something already, a range within a block, an array's element. */
static enum clade_status read_gguf(struct clade_context *context, struct clade_diag *diag)
{
	struct clade_store *store;
	struct clade_meta meta;
	float values[20];
	enum clade_status status = clade_store_create(context, &store, diag);
	if (status == CLADE_OK)
		status = clade_store_add(store, SCRATCH("model/config.json"), diag);
	if (status == CLADE_OK)
		status = clade_store_add(store, SCRATCH("rich.gguf"), diag);
	if (status == CLADE_OK)
		status = clade_store_read(store, clade_store_find(store, "q"), 5, 20, values, diag);
	if (status == CLADE_OK)
		assert_true(clade_store_array_item(store, "a.string", 0, &meta) && strcmp(meta.s, "a") == 0);
	clade_store_destroy(&store);
	return status;
}

static int count_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Repeats `act` with the N-th call failing until no fault is met any more. */
static long inject(int fault, bool for_ever, enum clade_status expected,
		   enum clade_status (*act)(struct clade_context *, struct clade_diag *))
{
	struct clade_allocator allocator = { .resize = failing_resize };
	struct clade_context_params params = { .size = sizeof(params), .allocator = &allocator };
	struct clade_context *context;
	int fds = count_fds();
	long n = 1;
	fault_errno = 0;
	assert_int_equal(clade_context_create(&params, &context, NULL), CLADE_OK);
	for (;; n++) {
		struct clade_diag diag;
		long before = live;
		clade_diag_init(&diag);
		countdown = n;
		persistent = for_ever;
		fault_errno = fault;
		enum clade_status status = act(context, &diag);
		bool met = countdown <= 0;
		fault_errno = 0;
		countdown = 0;
		assert_int_equal(live, before);
		assert_int_equal(count_fds(), fds);
		if (!met) {
			if (status != CLADE_OK)
				fail_msg("%s: %s", diag.where, diag.text);
			clade_diag_finish(&diag);
			break;
		}
		if (status != expected || diag.id == 0)
			fail_msg("fault %ld: %s, \"%s\"", n, clade_status_name(status), diag.text);
		clade_diag_finish(&diag);
	}
	clade_context_destroy(&context);
	assert_int_equal(live, 0);
	return n - 1;
}

static void test_allocations(void **state)
{
	long once = inject(ENOMEM, false, CLADE_ERR_MEMORY, read_all);
	long ever = inject(ENOMEM, true, CLADE_ERR_MEMORY, read_all);
	print_message("%ld allocations failed once, %ld for ever\n", once, ever);
	assert_true(once > 20 && ever > 20);
	once = inject(ENOMEM, false, CLADE_ERR_MEMORY, read_gguf);
	ever = inject(ENOMEM, true, CLADE_ERR_MEMORY, read_gguf);
	print_message("GGUF: %ld allocations failed once, %ld for ever\n", once, ever);
	assert_true(once > 40 && ever > 40);
}

static void test_reads(void **state)
{
	long once = inject(EIO, false, CLADE_ERR_IO, read_all), ever = inject(EIO, true, CLADE_ERR_IO, read_all);
	print_message("%ld reads failed once, %ld for ever\n", once, ever);
	assert_true(once >= 7 && ever >= 7);
	assert_true(inject(EIO, false, CLADE_ERR_IO, read_gguf) >= 3);
}

static void test_short_reads(void **state)
{
	struct clade_diag diag;
	clade_diag_init(&diag);
	short_reads = true;
	assert_int_equal(read_all(NULL, &diag), CLADE_OK);
	assert_int_equal(read_gguf(NULL, &diag), CLADE_OK);
	short_reads = false;
	clade_diag_finish(&diag);
}

static enum clade_status write_over(struct clade_context *context, struct clade_diag *diag)
{
	static const struct clade_type type = { CLADE_F32, 1, { 2 } };
	char text[8] = { 0 };
	put_text(SCRATCH("out.npy"), "old");
	int files = count_scratch();
	enum clade_status status = clade_npy_write(context, SCRATCH("out.npy"), &type, "12345678", diag);
	FILE *file = fopen(SCRATCH("out.npy"), "rb");
	assert_int_equal(fread(text, 1, 7, file), status == CLADE_OK ? 7 : 3);
	fclose(file);
	assert_memory_equal(text, status == CLADE_OK ? "\x93NUMPY" : "old", 3);
	assert_int_equal(count_scratch(), files);
	return status;
}

static void test_writes(void **state)
{
	assert_int_equal(inject(ENOSPC, false, CLADE_ERR_IO, write_over), 3);
	assert_int_equal(inject(ENOSPC, true, CLADE_ERR_IO, write_over), 3);
	assert_int_equal(inject(ENOMEM, false, CLADE_ERR_MEMORY, write_over), 1);
}

/* Streamed: the old file stays, and nothing lies beside it, until all is written. */
static enum clade_status stream_over(struct clade_context *context, struct clade_diag *diag)
{
	static const struct clade_type type = { CLADE_F32, 2, { 4, 32 } };
	static const float values[128];
	const struct clade_meta name = { .kind = CLADE_META_STRING, .s = "x" };
	struct clade_writer *writer;
	put_text(SCRATCH("out.gguf"), "old");
	int files = count_scratch();
	enum clade_status status = clade_writer_create(context, SCRATCH("out.gguf"), "gguf", &writer, diag);
	if (status == CLADE_OK)
		status = clade_writer_meta(writer, "general.name", "string", &name, diag);
	if (status == CLADE_OK)
		status = clade_writer_tensor(writer, "t", &type, "q8_0", diag);
	for (int i = 0; i < 4 && status == CLADE_OK; i++)
		status = clade_writer_rows(writer, values, 32, diag);
	if (status == CLADE_OK)
		status = clade_writer_finish(writer, diag);
	clade_writer_destroy(&writer);
	char text[8] = { 0 };
	FILE *file = fopen(SCRATCH("out.gguf"), "rb");
	assert_true(fread(text, 1, 4, file) >= 3);
	fclose(file);
	assert_memory_equal(text, status == CLADE_OK ? "GGUF" : "old", 3);
	assert_int_equal(count_scratch(), files);
	return status;
}

static void test_streams(void **state)
{
	assert_int_equal(inject(ENOSPC, false, CLADE_ERR_IO, stream_over), 8);
	assert_int_equal(inject(ENOSPC, true, CLADE_ERR_IO, stream_over), 8);
	assert_true(inject(ENOMEM, false, CLADE_ERR_MEMORY, stream_over) >= 6);
	assert_true(inject(ENOMEM, true, CLADE_ERR_MEMORY, stream_over) >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations), cmocka_unit_test(test_reads),   cmocka_unit_test(test_short_reads),
		cmocka_unit_test(test_writes),      cmocka_unit_test(test_streams),
	};
	put_files();
	return cmocka_run_group_tests_name("file faults", tests, NULL, remove_scratch);
}
