/* SPDX-License-Identifier: MIT */
/* Fuzzing of the texts that choose implementations: files of measured winners (with the checksum that their text asks
 * for, else none would get past it) and lock files. Any text ends in one error with a message, or is taken; what is
 * taken prints to a text that reads back to the same. Built with -DCLADE_LIBFUZZER it is libFuzzer's target (the first
 * byte picks the kind); without: fuzz_lines [EXECUTIONS [SEED]] changes its own seeds. */
#include "../harness/fuzz_next.h"

#include <clade/builtin.h>
#include <clade/session.h>
#include <clade/step.h>
#include <clade/tuned.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char graph_text[] = "clade 1\nmodel \"m\"\ninclude \"lib/feed_forward.graph\"\n"
				 "entry main {\n input x : f32[2, 8]\n input w : f32[8, 8]\n"
				 " h = linear(x, w)\n ff = feed_forward(h, w1 = w, w2 = w)\n"
				 " output y : f32[2, 8] = ff\n}\n";
static const char lock_seed[] = "clade-lock 1\n# choices\nh = ref\nff/h = ref\r\nff/y = ref \n";
static const char winners_seed[] =
	"clade-tuned 1\ndevice a device\nplatform some\ndriver 1.2\nversion OpenCL 3.0\n"
	"attention causal q:f32[1,4,1,8] k:f32[1,2,1024,8] = cl.cpu tile=8 group=64 ; 1.5e-05 0.0002\n"
	"linear x:f32[8,64] w:q8_0![96,64] = cl ; 0.001 0.002\n";

static struct {
	struct clade_context *context;
	struct clade_graph *graph;
	struct clade_device *device;
	unsigned long taken;
} suite;

static bool start(void)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = "fuzz", .text = graph_text };

	return !clade_context_create(NULL, &suite.context, NULL) && !clade_context_add_builtins(suite.context, NULL) &&
	       !clade_graph_create(suite.context, &params, &suite.graph, NULL) &&
	       !clade_device_open(suite.context, "ref", &suite.device, NULL);
}

/* One error says where and why, in one line; or there is none. */
static void check_diag(enum clade_status status, const struct clade_diag *diag)
{
	if ((status == CLADE_OK) == (diag->id != 0) || strchr(diag->text, '\n') ||
	    (status && (!diag->text[0] || !diag->where[0])))
		abort();
}

static void check_lock(const char *text)
{
	struct clade_choices choices = { .size = sizeof(choices), .lock_text = text };
	struct clade_session_params params = { .size = sizeof(params), .choices = &choices };
	static const char *const dims[] = { NULL };
	struct clade_session *session = NULL, *again = NULL;
	struct clade_diag diag;
	char *lock = NULL, *second = NULL;
	enum clade_status status;

	clade_diag_init(&diag);
	status = clade_session_create(suite.graph, suite.device, &params, &session, &diag);
	if (!status)
		status = clade_session_plan(session, "main", dims, &diag);
	check_diag(status, &diag);
	suite.taken += !status;
	if (!status) {
		choices.lock_text = NULL;
		if (clade_session_lock(session, &lock, &diag))
			abort();
		choices.lock_text = lock;
		if (clade_session_create(suite.graph, suite.device, &params, &again, &diag) ||
		    clade_session_plan(again, "main", dims, &diag) || clade_session_lock(again, &second, &diag) ||
		    strcmp(lock, second) != 0)
			abort();
	}
	clade_free(suite.context, lock);
	clade_free(suite.context, second);
	clade_session_destroy(&session);
	clade_session_destroy(&again);
	clade_diag_finish(&diag);
}

/* With the line at the end that makes the text whole. */
static char *signed_text(const char *text)
{
	size_t length = strlen(text);
	uint64_t hash = 0xcbf29ce484222325ull;
	char *whole = malloc(length + 32);

	if (!whole)
		exit(2);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	snprintf(whole, length + 32, "%send %016llx\n", text, (unsigned long long)hash);
	return whole;
}

static void check_winners(const char *text)
{
	char *whole = signed_text(text), *printed = NULL, *second = NULL;
	struct clade_tuned *tuned = NULL, *again = NULL;
	struct clade_winner winner, found;
	int32_t values[CLADE_MAX_TUNABLES];
	struct clade_diag diag;
	enum clade_status status;

	clade_diag_init(&diag);
	status = clade_tuned_read(NULL, whole, "fuzz", &tuned, &diag);
	check_diag(status, &diag);
	if ((status == CLADE_OK) != (tuned != NULL))
		abort();
	suite.taken += !status;
	for (size_t i = 0; tuned && clade_tuned_at(tuned, i, &winner); i++) {
		const struct clade_impl *impl = clade_impl_find(suite.context, "attention", winner.impl);

		if (!clade_tuned_find(tuned, winner.key, &found) || found.impl != winner.impl)
			abort();
		if (impl)
			clade_tuned_values(impl, winner.values, values);
	}
	if (tuned &&
	    (clade_tuned_print(tuned, &printed, &diag) || clade_tuned_read(NULL, printed, "again", &again, &diag) ||
	     clade_tuned_merge(again, tuned, &diag) || clade_tuned_print(again, &second, &diag) ||
	     strcmp(printed, second) != 0))
		abort();
	clade_free(NULL, printed);
	clade_free(NULL, second);
	clade_tuned_destroy(&tuned);
	clade_tuned_destroy(&again);
	clade_diag_finish(&diag);
	free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if ((!suite.context && !start()) || !text)
		abort();
	if (size > 0) {
		memcpy(text, data + 1, size - 1);
		text[size - 1] = 0;
		if (data[0] % 2)
			check_lock(text);
		else
			check_winners(text);
	}
	free(text);
	return 0;
}

#ifndef CLADE_LIBFUZZER
static uint64_t state = FUZZ_START;
static uint32_t next(uint32_t limit)
{
	return fuzz_next(&state, limit);
}

/* One to three edits: a byte set, a part cut out, a part doubled. */
static size_t mutate(char *text, size_t length, size_t room)
{
	static const char letters[] = "\n\r =;#./*?,:[]0 9e-+naifclref\x80\x01";

	for (uint32_t edits = 1 + next(3); edits > 0 && length > 2; edits--) {
		size_t at = next((uint32_t)length), part = 1 + next(12);

		part = part < length - at ? part : length - at;
		switch (next(3)) {
		case 0:
			text[at] = letters[next(sizeof(letters) - 1)];
			break;
		case 1:
			memmove(text + at, text + at + part, length - at - part);
			length -= part;
			break;
		default:
			if (length + part > room)
				break;
			memmove(text + at + part, text + at, length - at);
			length += part;
		}
	}
	return length;
}

int main(int argc, char **argv)
{
	const char *const seeds[] = { winners_seed, lock_seed };
	long executions = argc > 1 ? atol(argv[1]) : 10000;

	if (argc > 2)
		state = strtoull(argv[2], NULL, 10) * 2 + 1;
	for (long i = 0; i < executions; i++) {
		char data[1024] = { (char)(i % 2) };
		size_t length = strlen(seeds[i % 2]);

		memcpy(data + 1, seeds[i % 2], length);
		if (i > 1)
			length = mutate(data + 1, length, sizeof(data) - 2);
		LLVMFuzzerTestOneInput((const uint8_t *)data, length + 1);
		if (i == 1 && suite.taken != 2)
			return 1;
	}
	clade_device_unref(&suite.device);
	clade_graph_destroy(&suite.graph);
	clade_context_destroy(&suite.context);
	printf("%ld texts, %lu of them taken\n", executions, suite.taken);
	return suite.taken < (unsigned long)executions ? 0 : 1;
}
#endif
