/* SPDX-License-Identifier: MIT */
/* LD_PRELOAD library that counts the calls of malloc, calloc, realloc, aligned allocations and free that come directly
 * from clade's code (the main program or libclade.so), and can make one of them fail. Drivers' and libc's own
 * allocations never fail; they are counted apart, together with ours. */
#include "allocs.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCS_API __attribute__((visibility("default")))

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

static struct range {
	uintptr_t start, end;
} ranges[8];
static atomic_int range_count;
static atomic_ulong allocations, everyones, frees, fail_at;
static atomic_int persistent, fired;

/* Code of the main program and of libclade. */
static int add_range(struct dl_phdr_info *info, size_t size, void *user)
{
	int *count = user;

	if (info->dlpi_name && info->dlpi_name[0] && !strstr(info->dlpi_name, "libclade.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum && *count < 8; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
			ranges[*count].start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			ranges[*count].end = ranges[*count].start + info->dlpi_phdr[i].p_memsz;
			(*count)++;
		}
	return 0;
}

__attribute__((constructor)) static void find_ranges(void)
{
	int count = 0;

	dl_iterate_phdr(add_range, &count);
	atomic_store(&range_count, count);
}

static bool is_ours(const void *caller)
{
	int count = atomic_load(&range_count);

	for (int i = 0; i < count; i++)
		if ((uintptr_t)caller >= ranges[i].start && (uintptr_t)caller < ranges[i].end)
			return true;
	return false;
}

/* Counts; whether this allocation must fail. */
static bool refuse(const void *caller)
{
	unsigned long at, now;

	atomic_fetch_add(&everyones, 1);
	if (!is_ours(caller))
		return false;
	now = atomic_fetch_add(&allocations, 1) + 1;
	at = atomic_load(&fail_at);
	if (at == 0 || now < at || (now > at && !atomic_load(&persistent)))
		return false;
	atomic_store(&fired, 1);
	return true;
}

ALLOCS_API void *malloc(size_t bytes)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

ALLOCS_API void *calloc(size_t count, size_t bytes)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

ALLOCS_API void *realloc(void *memory, size_t bytes)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, bytes);
}

ALLOCS_API void *reallocarray(void *memory, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total) || refuse(__builtin_return_address(0))) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(memory, total);
}

ALLOCS_API void *memalign(size_t alignment, size_t bytes)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);
}

ALLOCS_API void *aligned_alloc(size_t alignment, size_t bytes)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);
}

ALLOCS_API int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	void *memory = refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);

	if (!memory)
		return ENOMEM;
	*out = memory;
	return 0;
}

ALLOCS_API void free(void *memory)
{
	if (memory && is_ours(__builtin_return_address(0)))
		atomic_fetch_add(&frees, 1);
	__libc_free(memory);
}

ALLOCS_API void clade_allocs_reset(void)
{
	clade_allocs_fail(0, false);
	atomic_store(&allocations, 0);
	atomic_store(&everyones, 0);
	atomic_store(&frees, 0);
}

ALLOCS_API unsigned long clade_allocs_count(void)
{
	return atomic_load(&allocations);
}

ALLOCS_API unsigned long clade_allocs_all(void)
{
	return atomic_load(&everyones);
}

ALLOCS_API unsigned long clade_allocs_frees(void)
{
	return atomic_load(&frees);
}

ALLOCS_API void clade_allocs_fail(unsigned long n, bool for_ever)
{
	atomic_store(&fail_at, 0);
	atomic_store(&fired, 0);
	atomic_store(&persistent, for_ever);
	atomic_store(&fail_at, n ? atomic_load(&allocations) + n : 0);
}

ALLOCS_API bool clade_allocs_fired(void)
{
	return atomic_load(&fired) != 0;
}
