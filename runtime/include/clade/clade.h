/* SPDX-License-Identifier: MIT */
/* clade: status codes, diagnostics, allocator, log and context. Everything else builds on this header. */
#ifndef CLADE_CLADE_H
#define CLADE_CLADE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CLADE_API __attribute__((visibility("default")))
#define CLADE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CLADE_API
#define CLADE_PRINTF(f, a)
#endif

/* Every fallible function returns one of these. The program's exit codes follow from them (see tools/README.md). */
enum clade_status {
	CLADE_OK = 0,
	CLADE_ERR_ARGUMENT = -1,    /* the caller broke the API's contract (a programmer's mistake) */
	CLADE_ERR_USAGE = -2,       /* a word that a user gave: unknown device, op, implementation, parameter */
	CLADE_ERR_DATA = -3,        /* anything inside a file, tensor or model */
	CLADE_ERR_DEVICE = -4,      /* a device exists but failed, or none exists */
	CLADE_ERR_MEMORY = -5,      /* host or device memory exhausted */
	CLADE_ERR_IO = -6,          /* the operating system refused to open, read or write */
	CLADE_ERR_UNSUPPORTED = -7, /* well-formed, but outside what this version can do */
	CLADE_ERR_MISMATCH = -8,    /* something that was checked is not as it should be */
	CLADE_ERR_CANCELLED = -9    /* the caller asked to stop */
};

/* What went wrong, for a person. Owned by the caller; may be NULL wherever it is accepted. The first error set wins
 * until clade_diag_reset. `log` (a compiler's build log) is heap memory freed by clade_diag_finish. */
struct clade_diag {
	enum clade_status status;
	unsigned id;     /* permanent message number, printed as [CLADE-017]; messages.h */
	char where[320]; /* "file:line:column", "file@offset", an option; empty if none */
	char text[1024]; /* what is wrong; the rule; the nearest valid word */
	char *log;
	int32_t device_code; /* the OpenCL error code, 0 if none */
};

CLADE_API void clade_diag_init(struct clade_diag *diag);
CLADE_API void clade_diag_reset(struct clade_diag *diag);
CLADE_API void clade_diag_finish(struct clade_diag *diag);
/* Records an error unless one is recorded already, and returns `status`. `where` may be NULL. */
CLADE_API enum clade_status clade_fail(struct clade_diag *diag, enum clade_status status, unsigned id,
				       const char *where, const char *format, ...) CLADE_PRINTF(5, 6);
CLADE_API enum clade_status clade_fail_v(struct clade_diag *diag, enum clade_status status, unsigned id,
					 const char *where, const char *format, va_list args);
/* Short for out of memory: `bytes` and what they were for. */
CLADE_API enum clade_status clade_fail_memory(struct clade_diag *diag, size_t bytes, const char *what);
CLADE_API const char *clade_status_name(enum clade_status status);

/* The word of `words` nearest to `word`: at most a third of its length (at least 1) of bytes put in, taken out,
 * replaced or exchanged with a neighbour; else the first that begins with `word` (two bytes or more); else NULL. */
CLADE_API const char *clade_nearest(const char *word, const char *const *words, size_t count);

enum clade_log_level { CLADE_LOG_DEBUG, CLADE_LOG_INFO, CLADE_LOG_NOTE, CLADE_LOG_WARN, CLADE_LOG_ERROR };
/* `component` is a short tag ("device", "program", "plan"). `text` is one line without newline. */
typedef void clade_log_fn(void *user, enum clade_log_level level, const char *component, const char *text);

/* realloc semantics: (NULL, n) allocates, (p, 0) frees and returns NULL. Must be thread-safe. */
struct clade_allocator {
	void *(*resize)(void *user, void *memory, size_t bytes);
	void *user;
};

struct clade_context;

/* Compiling in other processes, which takes two cores where a driver's compiler takes one, and leaves its memory to
 * them. The library starts no process: it leaves orders in the cache and calls this with the device's id and how many
 * they are. The caller starts processes that open the same cache and device and call clade_device_fill_cache (step.h)
 * with the same `later`. false: programs that are wanted at once; returns when those processes have ended. true:
 * binaries to make the next start quick; returns at once. Must not use the device. Returns false if it could not: the
 * library then does all by itself. */
typedef bool clade_compile_fn(void *user, const char *device, unsigned orders, bool later);
struct clade_context_params {
	uint32_t size;                           /* sizeof(struct clade_context_params) */
	const struct clade_allocator *allocator; /* NULL: malloc's */
	clade_log_fn *log;                       /* NULL: silent */
	void *log_user;
	enum clade_log_level log_level;
	const char *cache_dir;     /* program binaries; NULL: no cache. Created with mode 0700 if missing */
	const char *kernel_dir;    /* kernel sources found here replace the embedded ones; NULL: none */
	clade_compile_fn *compile; /* NULL: kernels are compiled in this process */
	void *compile_user;
};

/* Thread safety: a context may be used from several threads at once. It must outlive all that was made from it. */
CLADE_API enum clade_status clade_context_create(const struct clade_context_params *params,
						 struct clade_context **out_context, struct clade_diag *diag);
CLADE_API void clade_context_destroy(struct clade_context **context);
CLADE_API const char *clade_version(void);

/* Allocation through the context's allocator. clade_alloc zeroes. A NULL context means malloc's allocator. */
CLADE_API void *clade_alloc(struct clade_context *context, size_t bytes);
CLADE_API void *clade_resize(struct clade_context *context, void *memory, size_t bytes);
CLADE_API void clade_free(struct clade_context *context, void *memory);
CLADE_API char *clade_strdup(struct clade_context *context, const char *text);
CLADE_API void clade_log(struct clade_context *context, enum clade_log_level level, const char *component,
			 const char *format, ...) CLADE_PRINTF(4, 5);

/* Checked arithmetic for every size that comes from a file. False on overflow; *out is then unspecified. */
static inline bool clade_size_add(size_t a, size_t b, size_t *out)
{
	*out = a + b;
	return *out >= a;
}

static inline bool clade_size_mul(size_t a, size_t b, size_t *out)
{
	*out = a * b;
	return a == 0 || *out / a == b;
}

static inline bool clade_i64_mul(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline bool clade_i64_add(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

/* Loads a plugin (see host.h). `path` must contain a slash; the file and its folders must belong to root or the user
 * and must not be writable by others (a sticky root-owned folder above is allowed). Plugins run with our rights. */
CLADE_API enum clade_status clade_context_load_plugin(struct clade_context *context, const char *path,
						      struct clade_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
