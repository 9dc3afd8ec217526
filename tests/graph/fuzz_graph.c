/* SPDX-License-Identifier: MIT */
/* Fuzzing of graph files: any text either ends in one error with a message, or gives a graph whose flattened text reads
 * back to the same text. Built with -DCLADE_LIBFUZZER it is libFuzzer's target; without, it replays the files it is
 * given: each as it is, cut off at every byte, with every bit flipped, and with random changes. */
#include <clade/builtin.h>
#include <clade/graph.h>

#include "graph_store.h"

#include <stdint.h>

struct fuzzer {
	struct clade_context *context;
	struct clade_store *store;
	char folder[40];
	unsigned long runs, graphs;
};

static bool start(struct fuzzer *fuzzer)
{
	static const struct store_tensor tensors[] = {
		{ "w.0", "F32", "[16,16]", 256 }, { "a.w.1", "F32", "[16,16]", 256 }, { "u.2", "F32", "[16,16]", 256 },
		{ "g", "F32", "[16]", 16 },       { "bb", "F32", "[32]", 32 },        { "one", "F32", "[]", 1 },
		{ "r0", "F32", "[16]", 16 },      { "r1", "F32", "[16]", 16 },        { "w", "F32", "[3]", 3 },
	};
	struct clade_context_params params = { .size = sizeof(params) };

	memset(fuzzer, 0, sizeof(*fuzzer));
	strcpy(fuzzer->folder, "/tmp/clade-fuzz-XXXXXX");
	return !clade_context_create(&params, &fuzzer->context, NULL) &&
	       !clade_context_add_builtins(fuzzer->context, NULL) &&
	       graph_store_make(fuzzer->context, fuzzer->folder, tensors, sizeof(tensors) / sizeof(tensors[0]),
				"{\"n\": 2, \"eps\": 1e-5}", &fuzzer->store);
}

static void finish(struct fuzzer *fuzzer)
{
	clade_store_destroy(&fuzzer->store);
	clade_context_destroy(&fuzzer->context);
	graph_store_remove(fuzzer->folder);
}

static enum clade_status parse(struct fuzzer *fuzzer, const char *text, bool with_store, struct clade_graph **out,
			       struct clade_diag *diag)
{
	struct clade_graph_params params = { .size = sizeof(params), .path = "fuzz", .text = text };

	params.store = with_store ? fuzzer->store : NULL;
	return clade_graph_create(fuzzer->context, &params, out, diag);
}

/* What is wrong, or NULL. */
static const char *check(struct fuzzer *fuzzer, const char *text, bool with_store)
{
	struct clade_graph *graph = NULL, *again = NULL;
	struct clade_diag diag;
	char *flat = NULL, *second = NULL, *dot = NULL, *svg = NULL;
	const char *wrong = NULL;

	clade_diag_init(&diag);
	fuzzer->runs++;
	if (parse(fuzzer, text, with_store, &graph, &diag)) {
		if (graph || !diag.text[0] || !diag.id || !diag.where[0])
			wrong = "an error without message, number or position";
		goto done;
	}
	fuzzer->graphs++;
	if (clade_graph_flatten(graph, &flat, &diag) || clade_graph_dot(graph, &dot, &diag) ||
	    clade_graph_svg(graph, &svg, &diag))
		wrong = "printing fails";
	else if (parse(fuzzer, flat, with_store, &again, &diag))
		wrong = "the flattened text is refused";
	else if (clade_graph_flatten(again, &second, &diag) || strcmp(flat, second) != 0)
		wrong = "the flattened text is no fixed point";
	if (wrong)
		fprintf(stderr, "%s (%s: %s)\n--- from\n%s\n--- flat\n%s\n--- again\n%s\n", wrong, diag.where,
			diag.text, text, flat ? flat : "", second ? second : "");
done:
	clade_free(fuzzer->context, flat);
	clade_free(fuzzer->context, second);
	clade_free(fuzzer->context, dot);
	clade_free(fuzzer->context, svg);
	clade_graph_destroy(&graph);
	clade_graph_destroy(&again);
	clade_diag_finish(&diag);
	return wrong;
}

#ifdef CLADE_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzzer fuzzer;
	char *text = malloc(size + 1);

	if (!fuzzer.context && !start(&fuzzer))
		abort();
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (check(&fuzzer, text, size & 1))
		abort();
	free(text);
	return 0;
}
#else
static unsigned long failures;

static void try(struct fuzzer *fuzzer, const char *text)
{
	failures += check(fuzzer, text, fuzzer->runs & 1) != NULL;
}

/* Every length, every bit flip, then random mixtures of cutting, doubling and changing. */
static void replay(struct fuzzer *fuzzer, const char *seed, size_t size, unsigned long random)
{
	char *text = malloc(2 * size + 2);
	uint64_t state = 88172645463325252ull;

	if (!text)
		exit(2);
	if (check(fuzzer, seed, true) || check(fuzzer, seed, false))
		failures++;
	for (size_t length = 0; length < size; length++) {
		memcpy(text, seed, length);
		text[length] = 0;
		try(fuzzer, text);
	}
	for (size_t bit = 0; bit < 8 * size; bit++) {
		memcpy(text, seed, size + 1);
		text[bit / 8] ^= (char)(1 << bit % 8);
		try(fuzzer, text);
	}
	for (unsigned long i = 0; i < random; i++) {
		size_t length = size;

		memcpy(text, seed, size + 1);
		for (unsigned change = 0; change <= (state >> 60) % 4; change++) {
			size_t from, to, part;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			from = (size_t)(state >> 8) % length;
			to = (size_t)(state >> 24) % length;
			part = 1 + (size_t)(state >> 40) % 24;
			if (part > length - from)
				part = length - from;
			if (part > length - to)
				part = length - to;
			memmove(text + to, text + from, part); /* one part over another */
			if (state & 1)
				text[to] = "(){}[]=,:.<>-+*/@\"`#;\n 0129aTB"[(state >> 50) % 31];
		}
		text[length] = 0;
		try(fuzzer, text);
	}
	free(text);
}

int main(int count, char **words)
{
	struct fuzzer fuzzer;
	unsigned long random = count > 1 ? strtoul(words[1], NULL, 10) : 0;

	if (count < 3 || !start(&fuzzer)) {
		fprintf(stderr, "usage: fuzz_graph RANDOM SEED...\n");
		return 2;
	}
	for (int i = 2; i < count; i++) {
		FILE *file = fopen(words[i], "rb");
		char *seed = calloc(1, 1 << 16);
		size_t size = file && seed ? fread(seed, 1, (1 << 16) - 1, file) : 0;

		if (!size)
			return 2;
		fclose(file);
		replay(&fuzzer, seed, size, random);
		free(seed);
	}
	printf("graph fuzz: %lu texts, %lu of them graphs, %lu wrong\n", fuzzer.runs, fuzzer.graphs, failures);
	finish(&fuzzer);
	return failures != 0;
}
#endif
