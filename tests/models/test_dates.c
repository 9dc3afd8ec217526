/* SPDX-License-Identifier: MIT */
/* The model that ships, whole: logits against PyTorch in float64, one SHA-256 of them on every device, the same bits
 * with any batch mates, padding and split of the target, greedy answers, and every node verified.
 * usage: test_dates MODEL_FOLDER SHA_FILE */
#include <math.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "../session/session_test.h"

enum { BATCH = 8, MAX_SOURCE = 64, MAX_TARGET = 16, MAX_VOCAB = 128 };

static const char *model_folder, *sha_file;

struct dates {
	struct fixture *f;
	struct clade_store *store;
	struct clade_graph *graph;
	int64_t source, target, vocab; /* longest of the batch */
	int32_t ids[BATCH * MAX_SOURCE], mask[BATCH * MAX_SOURCE], decoder_ids[BATCH * MAX_TARGET];
	int64_t length[BATCH];
	double logits[BATCH * MAX_TARGET * MAX_VOCAB];
};

static void read_ids(json_t *rows, int32_t *out, int64_t *out_width)
{
	assert_int_equal(json_array_size(rows), BATCH);
	*out_width = (int64_t)json_array_size(json_array_get(rows, 0));
	for (size_t b = 0; b < BATCH; b++)
		for (int64_t t = 0; t < *out_width; t++)
			out[(int64_t)b * *out_width + t] =
				(int32_t)json_integer_value(json_array_get(json_array_get(rows, b), (size_t)t));
}

static void read_expected(struct dates *d)
{
	char path[512];
	json_t *root, *logits;

	snprintf(path, sizeof(path), "%s/expected.json", model_folder);
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	read_ids(json_object_get(root, "input_ids"), d->ids, &d->source);
	read_ids(json_object_get(root, "decoder_input_ids"), d->decoder_ids, &d->target);
	logits = json_object_get(root, "logits");
	d->vocab = (int64_t)json_array_size(json_array_get(json_array_get(logits, 0), 0));
	assert_true(d->source <= MAX_SOURCE && d->target <= MAX_TARGET && d->vocab <= MAX_VOCAB);
	for (int64_t b = 0; b < BATCH; b++) {
		for (int64_t s = 0; s < d->source; s++) {
			d->mask[b * d->source + s] = d->ids[b * d->source + s] != 0;
			d->length[b] += d->mask[b * d->source + s];
		}
		for (int64_t t = 0; t < d->target; t++)
			for (int64_t v = 0; v < d->vocab; v++)
				d->logits[(b * d->target + t) * d->vocab + v] = json_number_value(json_array_get(
					json_array_get(json_array_get(logits, (size_t)b), (size_t)t), (size_t)v));
	}
	json_decref(root);
}

static int setup(void **state)
{
	struct dates *d = calloc(1, sizeof(*d));
	char path[512];

	fixture_setup((void **)&d->f);
	snprintf(path, sizeof(path), "%s/model.graph", model_folder);
	fixture_model(d->f, model_folder, path, &d->store, &d->graph);
	read_expected(d);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct dates *d = *state;
	void *fixture = d->f;

	clade_graph_destroy(&d->graph);
	clade_store_destroy(&d->store);
	fixture_teardown(&fixture);
	free(d);
	return 0;
}

static void encode(struct dates *d, struct clade_session *session, const int32_t *ids, const int32_t *mask,
		   int64_t batch, int64_t width)
{
	struct clade_input inputs[] = { i32_input("input_ids", ids, 2, DIMS(batch, width)),
					i32_input("attention_mask", mask, 2, DIMS(batch, width)) };

	REQUIRE_OK(d->f, clade_session_run(session, "encode", inputs, 2, &d->f->diag));
}

/* Teacher-forced logits of the rows [first, first + batch) of the fixed batch, source padded to `width`, the target in
 * pieces of `step`. */
static float *logits_of(struct dates *d, struct clade_session *session, int64_t first, int64_t batch, int64_t width,
			int64_t step)
{
	float *all = malloc((size_t)(batch * d->target * d->vocab) * sizeof(float));
	int32_t ids[BATCH * MAX_SOURCE] = { 0 }, mask[BATCH * MAX_SOURCE] = { 0 };

	REQUIRE_OK(d->f, clade_session_reset(session, &d->f->diag));
	for (int64_t b = 0; b < batch; b++)
		for (int64_t s = 0; s < d->length[first + b]; s++) {
			ids[b * width + s] = d->ids[(first + b) * d->source + s];
			mask[b * width + s] = 1;
		}
	encode(d, session, ids, mask, batch, width);
	for (int64_t t = 0; t < d->target; t += step) {
		int64_t count = d->target - t < step ? d->target - t : step;
		int32_t part[BATCH * MAX_TARGET], positions[BATCH * MAX_TARGET];
		struct clade_input inputs[] = { i32_input("decoder_input_ids", part, 2, DIMS(batch, count)),
						i32_input("decoder_position_ids", positions, 2, DIMS(batch, count)) };
		float *y;

		for (int64_t b = 0; b < batch; b++)
			for (int64_t i = 0; i < count; i++) {
				part[b * count + i] = d->decoder_ids[(first + b) * d->target + t + i];
				positions[b * count + i] = (int32_t)(t + i);
			}
		REQUIRE_OK(d->f, clade_session_run(session, "decode", inputs, 2, &d->f->diag));
		y = fixture_output(d->f, session, "logits", batch * count * d->vocab);
		for (int64_t b = 0; b < batch; b++)
			memcpy(all + (b * d->target + t) * d->vocab, y + b * count * d->vocab,
			       (size_t)(count * d->vocab) * sizeof(float));
		free(y);
	}
	return all;
}

static int64_t longest(const struct dates *d, int64_t first, int64_t batch)
{
	int64_t width = 0;

	for (int64_t b = first; b < first + batch; b++)
		width = d->length[b] > width ? d->length[b] : width;
	return width;
}

static void test_logits_against_pytorch(void **state)
{
	struct dates *d = *state;
	struct clade_session *session = fixture_session(d->f, d->graph, d->f->devices[0], NULL, 16);
	float *y = logits_of(d, session, 0, BATCH, d->source, d->target);
	double error = 0, norm = 0, worst = 0;

	for (int64_t i = 0; i < BATCH * d->target * d->vocab; i++) {
		error += pow(y[i] - d->logits[i], 2);
		norm += pow(d->logits[i], 2);
		worst = fmax(worst, fabs(y[i] - d->logits[i]));
	}
	print_message("nmse %.3g, largest difference %.3g over %lld logits\n", error / norm, worst,
		      (long long)(BATCH * d->target * d->vocab));
	assert_true(norm > 0 && error / norm <= 1e-10);
	free(y);
	clade_session_destroy(&session);
}

static void hash(const float *values, size_t count, char out[65])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	float *canonical = malloc(count * sizeof(float));

	for (size_t i = 0; i < count; i++) {
		assert_false(isnan(values[i]));
		canonical[i] = values[i] == 0 ? 0.0f : values[i]; /* -0 counts as +0 */
	}
	SHA256((const unsigned char *)canonical, count * sizeof(float), digest);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	free(canonical);
}

static void test_one_hash_everywhere(void **state)
{
	struct dates *d = *state;
	char want[65] = "", got[65];
	FILE *file = fopen(sha_file, "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%64s", want), 1);
	fclose(file);
	for (size_t i = 0; i < d->f->device_count; i++) {
		struct clade_session *session = fixture_session(d->f, d->graph, d->f->devices[i], NULL, 16);
		float *y = logits_of(d, session, 0, BATCH, d->source, d->target);

		hash(y, (size_t)(BATCH * d->target * d->vocab), got);
		print_message("%s %s\n", clade_device_get_info(d->f->devices[i])->name, got);
		assert_string_equal(got, want);
		free(y);
		clade_session_destroy(&session);
	}
}

/* Oclgrind runs kernels a thousand times slower than the others: it gets small versions of the tests below. */
static bool interprets(struct clade_device *device)
{
	return strstr(clade_device_get_info(device)->quirks, "oclgrind") != NULL;
}

/* Two short rows together, and the first alone, more padded and in pieces. */
static void check_two_rows(struct dates *d, struct clade_session *session)
{
	size_t row = (size_t)(d->target * d->vocab);
	float *pair = logits_of(d, session, 2, 2, longest(d, 2, 2), d->target);
	float *alone = logits_of(d, session, 2, 1, longest(d, 2, 2) + 5, 4);

	assert_memory_equal(alone, pair, row * sizeof(float));
	free(pair);
	free(alone);
}

static void test_mates_padding_and_pieces_do_not_matter(void **state)
{
	struct dates *d = *state;
	size_t row = (size_t)(d->target * d->vocab);

	for (size_t i = 0; i < d->f->device_count; i++) {
		struct clade_session *session = fixture_session(d->f, d->graph, d->f->devices[i], NULL, 16);

		if (interprets(d->f->devices[i])) {
			check_two_rows(d, session);
			clade_session_destroy(&session);
			continue;
		}
		float *whole = logits_of(d, session, 0, BATCH, d->source, d->target);
		static const int64_t steps[] = { 1, 3, 7 };

		for (size_t s = 0; s < 3; s++) { /* step by step is teacher forcing */
			float *y = logits_of(d, session, 0, BATCH, d->source, steps[s]);

			assert_memory_equal(y, whole, BATCH * row * sizeof(float));
			free(y);
		}
		for (int64_t b = 0; b < BATCH; b += 3) { /* alone, without padding and with all of it */
			int64_t widths[] = { longest(d, b, 1), MAX_SOURCE };

			for (int w = 0; w < 2; w++) {
				float *y = logits_of(d, session, b, 1, widths[w], d->target);

				assert_memory_equal(y, whole + (size_t)b * row, row * sizeof(float));
				free(y);
			}
		}
		float *pair = logits_of(d, session, 2, 3, longest(d, 2, 3), 2);

		assert_memory_equal(pair, whole + 2 * row, 3 * row * sizeof(float));
		free(pair);
		free(whole);
		clade_session_destroy(&session);
	}
}

static void count_bad(void *user, const struct clade_verify_node *node)
{
	size_t *counts = user;

	counts[0]++;
	counts[1] += !node->bit_equal || !node->cumulative_bit_equal || !node->ok;
	if (!node->bit_equal)
		print_error("%s %s.%s: max ulp %g\n", node->path, node->op, node->impl, node->max_ulp);
}

static void test_every_node_verified(void **state)
{
	struct dates *d = *state;
	int32_t positions[BATCH * MAX_TARGET];

	for (int64_t b = 0; b < BATCH; b++)
		for (int64_t t = 0; t < d->target; t++)
			positions[b * d->target + t] = (int32_t)t;
	for (size_t i = 0; i < d->f->device_count; i++)
		for (int open = 0; open < (interprets(d->f->devices[i]) ? 1 : 2); open++) {
			int64_t batch = interprets(d->f->devices[i]) ? 1 : 2;
			struct clade_choices choices = { .size = sizeof(choices),
							 .keep_values = true,
							 .open_all = open };
			struct clade_session *session = fixture_session(d->f, d->graph, d->f->devices[i], &choices, 16);
			struct clade_input source[] = { i32_input("input_ids", d->ids, 2, DIMS(batch, d->source)),
							i32_input("attention_mask", d->mask, 2,
								  DIMS(batch, d->source)) };
			struct clade_input target[] = {
				i32_input("decoder_input_ids", d->decoder_ids, 2, DIMS(batch, d->target)),
				i32_input("decoder_position_ids", positions, 2, DIMS(batch, d->target))
			};
			size_t counts[2] = { 0 };
			const char *first;

			REQUIRE_OK(d->f, clade_session_verify(session, "encode", source, 2, count_bad, counts, &first,
							      &d->f->diag));
			REQUIRE_OK(d->f, clade_session_verify(session, "decode", target, 2, count_bad, counts, &first,
							      &d->f->diag));
			print_message("%s%s: %zu steps\n", clade_device_get_info(d->f->devices[i])->name,
				      open ? ", blocks opened" : "", counts[0]);
			assert_true(counts[0] > 50);
			assert_int_equal(counts[1], 0);
			clade_session_destroy(&session);
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_logits_against_pytorch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_hash_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mates_padding_and_pieces_do_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_node_verified, setup, teardown),
	};

	if (argc < 3)
		return 2;
	model_folder = argv[1];
	sha_file = argv[2];
	return cmocka_run_group_tests_name("dates", tests, NULL, NULL);
}
