/* SPDX-License-Identifier: MIT */
/* Preloaded, it takes AVX-512 out of what LLVM 15 tells PoCL of this processor, so that PoCL compiles, and says of its
 * device, what it does on one without. run.py --isa avx2 uses it; PoCL has a switch of its own for the instructions
 * (POCL_KERNELLIB_NAME), yet none for the widths of vectors. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_LIBRARY "libLLVM-15.so.1"
#define FEATURES _ZN4llvm3sys18getHostCPUFeaturesERNS_9StringMapIbNS_15MallocAllocatorEEE
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

/* llvm::StringMap<bool> of LLVM 15: the name follows its entry. */
struct feature {
	size_t length;
	bool present;
};
struct features {
	struct feature **table;
	unsigned buckets, items, tombstones, item_size;
};
/* What lies in place of an entry that was erased. */
#define ERASED ((uintptr_t)-1 << 3)

bool FEATURES(struct features *features);

/* llvm::sys::getHostCPUFeatures. It gives up loudly: a measurement must not go on unrestricted. */
__attribute__((visibility("default"))) bool FEATURES(struct features *features)
{
	void *library = dlopen(REAL_LIBRARY, RTLD_LAZY | RTLD_NOLOAD),
	     *symbol = library ? dlsym(library, TEXT(FEATURES)) : NULL;
	bool (*real)(struct features *);

	if (!symbol) {
		fprintf(stderr, "without_avx512: %s is not what PoCL uses\n", REAL_LIBRARY);
		abort();
	}
	memcpy(&real, &symbol, sizeof(real));
	if (!real(features))
		return false;
	for (unsigned i = 0; i < features->buckets; i++) {
		struct feature *feature = features->table[i];

		if (feature && (uintptr_t)feature != ERASED && strncmp((const char *)(feature + 1), "avx512", 6) == 0)
			feature->present = false;
	}
	dlclose(library);
	return true;
}
