/* SPDX-License-Identifier: MIT */
/* Preloaded, it answers the instruction cpuid without AVX-512 where a library asks it while it makes one of its static
 * objects: ONNX Runtime's kernels are chosen so, and it has no switch. No code is changed: the processor's single step
 * runs from the acquisition of the object's guard to its release, and what stands before a cpuid gives the answer. */
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define LIBRARY "onnxruntime"
#define STEP_FLAG 0x100
#define STEPS 20000 /* of an object; one that takes more does not choose kernels */

static struct {
	uint64_t *guard; /* of the object that is being made */
	long left;
} stepping;

/* AVX-512 and what implies it, of leaf 7. */
static void mask(uint32_t leaf, uint32_t part, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	if (leaf == 7 && part == 0) {
		*b &= ~0xdc230000u; /* F, DQ, IFMA, PF, ER, CD, BW, VL */
		*c &= ~0x00005842u; /* VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
		*d &= ~0x0080010cu; /* 4VNNIW, 4FMAPS, VP2INTERSECT, FP16 */
	} else if (leaf == 7 && part == 1) {
		*a &= ~0x00000020u; /* BF16 */
	}
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *code = (const unsigned char *)(uintptr_t)registers[REG_RIP];

	(void)signal;
	(void)info;
	for (; stepping.guard && code[0] == 0x0f && code[1] == 0xa2; code += 2) {
		uint32_t leaf = (uint32_t)registers[REG_RAX], part = (uint32_t)registers[REG_RCX], a, b, c, d;

		__cpuid_count(leaf, part, a, b, c, d);
		mask(leaf, part, &a, &b, &c, &d);
		registers[REG_RAX] = a;
		registers[REG_RBX] = b;
		registers[REG_RCX] = c;
		registers[REG_RDX] = d;
		registers[REG_RIP] += 2;
	}
	if (!stepping.guard || --stepping.left <= 0) {
		registers[REG_EFL] &= ~STEP_FLAG;
		stepping.guard = NULL;
	}
}

static void *real(const char *name)
{
	void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD),
	     *symbol = library ? dlsym(library, name) : NULL;

	if (!symbol) {
		fprintf(stderr, "mask_cpuid: no %s\n", name);
		abort();
	}
	return symbol;
}

static void begin(uint64_t *guard)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGTRAP, &action, NULL);
	stepping.left = STEPS;
	stepping.guard = guard;
	__asm__ volatile("subq $128, %%rsp; pushfq; orq %0, (%%rsp); popfq; addq $128, %%rsp"
			 :
			 : "i"(STEP_FLAG)
			 : "memory", "cc");
}

int __cxa_guard_acquire(uint64_t *guard);
void __cxa_guard_release(uint64_t *guard);

__attribute__((visibility("default"))) int __cxa_guard_acquire(uint64_t *guard)
{
	static int (*acquire)(uint64_t *);
	Dl_info caller;
	int make;

	if (!acquire) {
		void *symbol = real("__cxa_guard_acquire");

		memcpy(&acquire, &symbol, sizeof(acquire));
	}
	make = acquire(guard);
	if (make && !stepping.guard && dladdr(__builtin_return_address(0), &caller) && caller.dli_fname &&
	    strstr(caller.dli_fname, LIBRARY))
		begin(guard);
	return make;
}

__attribute__((visibility("default"))) void __cxa_guard_release(uint64_t *guard)
{
	static void (*release)(uint64_t *);

	if (!release) {
		void *symbol = real("__cxa_guard_release");

		memcpy(&release, &symbol, sizeof(release));
	}
	if (stepping.guard == guard)
		stepping.guard = NULL; /* the next step clears the flag */
	release(guard);
}
