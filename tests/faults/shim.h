/* SPDX-License-Identifier: MIT */
/* The test side of the OpenCL shim (shim.c): counts of calls, injected failures, live objects. See README.md. */
#ifndef CLADE_TESTS_SHIM_H
#define CLADE_TESTS_SHIM_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Forgets counts and failures; live objects are kept. */
typedef void shim_reset_fn(void);
/* The n-th (from 1) call of `name` from now on returns `code`; persistent: all later ones too. "any": any call that is
 * not a release. NULL: no failure. */
typedef void shim_fail_fn(const char *name, unsigned long n, bool persistent, int code);
/* Whether the failure has happened. */
typedef bool shim_fired_fn(void);
/* Calls of `name` since reset; "any": of all functions that are not releases. */
typedef unsigned long shim_count_fn(const char *name);
/* Created minus released: "context", "queue", "buffer", "program", "kernel", "event"; "all": their sum. */
typedef long shim_live_fn(const char *kind);
/* clGetDeviceInfo answers `value` for this property (of 4 or 8 bytes). name 0: all answers are the driver's again. */
typedef void shim_info_fn(unsigned name, unsigned long long value);
/* The n-th kernel launch from now on succeeds without being done. 0: none. */
typedef void shim_skip_fn(unsigned long n);
/* The build log's length in bytes instead of the driver's; -1: the driver's. */
typedef void shim_log_fn(long bytes);
/* Each device is listed this many times (0: a platform without devices). */
typedef void shim_devices_fn(int times);
/* Writes counts and live objects as "NAME NUMBER" lines. */
typedef bool shim_report_fn(const char *path);

/* The functions behind them, for shim.c itself. */
shim_reset_fn clade_shim_reset;
shim_fail_fn clade_shim_fail;
shim_fired_fn clade_shim_fired;
shim_count_fn clade_shim_count;
shim_live_fn clade_shim_live;
shim_info_fn clade_shim_info;
shim_skip_fn clade_shim_skip;
shim_log_fn clade_shim_log;
shim_devices_fn clade_shim_devices;
shim_report_fn clade_shim_report;

struct shim {
	shim_reset_fn *reset;
	shim_fail_fn *inject;
	shim_fired_fn *fired;
	shim_count_fn *count;
	shim_live_fn *live;
	shim_info_fn *info;
	shim_skip_fn *drop;
	shim_log_fn *log;
	shim_devices_fn *devices;
	shim_report_fn *report;
};

/* dlsym gives an object pointer; ISO C has no cast from it to a function. */
static inline void shim_symbol(void *handle, const char *name, void *out)
{
	void *symbol = dlsym(handle, name);

	memcpy(out, &symbol, sizeof(symbol));
}

/* Connects to the shim that the ICD loader uses. `path`: the shared object named in the .icd file. */
static inline bool shim_connect(struct shim *shim, const char *path)
{
	void *handle = path ? dlopen(path, RTLD_NOW) : NULL;

	if (!handle)
		return false;
	shim_symbol(handle, "clade_shim_reset", &shim->reset);
	shim_symbol(handle, "clade_shim_fail", &shim->inject);
	shim_symbol(handle, "clade_shim_fired", &shim->fired);
	shim_symbol(handle, "clade_shim_count", &shim->count);
	shim_symbol(handle, "clade_shim_live", &shim->live);
	shim_symbol(handle, "clade_shim_info", &shim->info);
	shim_symbol(handle, "clade_shim_skip", &shim->drop);
	shim_symbol(handle, "clade_shim_log", &shim->log);
	shim_symbol(handle, "clade_shim_devices", &shim->devices);
	shim_symbol(handle, "clade_shim_report", &shim->report);
	return shim->reset && shim->inject && shim->fired && shim->count && shim->live && shim->info && shim->drop &&
	       shim->log && shim->devices && shim->report;
}

#endif
