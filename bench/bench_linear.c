/* SPDX-License-Identifier: MIT */
/* `linear` (or `matmul`) through a prepared step side by side with OpenBLAS sgemm: blocks of enqueues and one finish,
 *the two taking turns. Prints a table and writes it as a page. Run it through bench/linear.sh, which pins both sides.
 *	bench_linear [--device SELECTOR] [--op linear|matmul] [--impl NAME] [--plugin FILE] [--rounds N] [--seconds S]
 *		     [--out FILE] [MxNxK ...] */
#include <clade/builtin.h>
#include <clade/step.h>

#include <cblas.h>
#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ROUNDS = 101, MOST_SHAPES = 128, CALLS = 100 };
/* OpenBLAS's idle threads spin for 2^26 ticks before they sleep; until then they would take our core. */
static const struct timespec openblas_sleeps = { 0, 40 * 1000 * 1000 };

struct shape {
	int m, n, k;
};

struct result {
	struct shape shape;
	int calls, rounds;
	double peer[MOST_ROUNDS], ours[MOST_ROUNDS]; /* seconds a call, ascending */
	double nmse;
};

struct bench {
	struct clade_context *context;
	struct clade_device *device;
	struct clade_queue *queue;
	const struct clade_op *op;
	const struct clade_impl *impl;
	struct clade_diag diag;
	bool matmul; /* the second operand is a value [k, n], not a weight [n, k] with a bias */
	int rounds;
	double seconds; /* the most that a block of calls should take */
};

/* One shape on the device. */
struct product {
	struct clade_type types[3], y_type;
	struct clade_tensor tensors[3], y; /* x, w, bias */
	struct clade_step *step;
	struct clade_exec *exec;
	float *x, *w, *expected, *got;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *sorted, int count)
{
	return count % 2 ? sorted[count / 2] : 0.5 * (sorted[count / 2 - 1] + sorted[count / 2]);
}

/* Half the distance between the quartiles, in percent of the median. */
static double spread(const double *sorted, int count)
{
	return 50.0 * (sorted[count * 3 / 4] - sorted[count / 4]) / median(sorted, count);
}

/* OpenBLAS starts its threads with the process: give each thread a core of its own. */
static void pin_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int core = 0, cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		cpu_set_t set;

		if (entry->d_name[0] == '.')
			continue;
		CPU_ZERO(&set);
		CPU_SET(core++ % cores, &set);
		sched_setaffinity(atoi(entry->d_name), sizeof(set), &set);
	}
	if (tasks)
		closedir(tasks);
}

static void fill(float *values, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525u + 1013904223u;
		values[i] = (float)(seed >> 8) / 16777216.0f - 0.5f;
	}
}

/* Makes a tensor on the device from row-major values (NULL: only memory) in `layout`. */
static enum clade_status put(struct bench *bench, const struct clade_type *type, struct clade_layout layout,
			     const float *values, struct clade_tensor *out)
{
	enum clade_status status;
	float *packed = NULL;
	size_t bytes;

	memset(out, 0, sizeof(*out));
	out->type = *type;
	out->layout = layout;
	clade_dense_strides(type, out->strides);
	if (!clade_layout_bytes(type, layout, &bytes))
		return CLADE_ERR_ARGUMENT;
	status = clade_buffer_create(bench->device, bytes, &out->buffer, &bench->diag);
	if (status || !values)
		return status;
	packed = calloc(1, bytes);
	if (!packed)
		return CLADE_ERR_MEMORY;
	status = clade_layout_pack(type, layout, 0, type->rank == 2 ? type->dims[0] : 1, values, packed);
	if (!status)
		status = clade_buffer_write(bench->queue, out->buffer, 0, packed, bytes, true, &bench->diag);
	free(packed);
	return status;
}

static enum clade_status product_open(struct bench *bench, struct shape shape, struct product *p)
{
	const enum clade_source_kind kind = bench->matmul ? CLADE_FROM_VALUE : CLADE_FROM_WEIGHT;
	const enum clade_source_kind sources[] = { CLADE_FROM_VALUE, kind, kind };
	static const struct clade_layout rows = { CLADE_LAYOUT_ROWS, 0 };
	const struct clade_type *inputs[3] = { &p->types[0], &p->types[1], &p->types[2] };
	const struct clade_type *outputs[1] = { &p->y_type };
	static const bool no_transpose[2] = { false, false }; /* matmul's params */
	struct clade_node_info node = { .size = sizeof(node),
					.params = no_transpose,
					.input_count = bench->matmul ? 2 : 3,
					.output_count = 1,
					.inputs = inputs,
					.outputs = outputs,
					.sources = sources,
					.device = clade_device_get_info(bench->device) };
	size_t m = (size_t)shape.m, n = (size_t)shape.n, k = (size_t)shape.k;
	float *bias = calloc(n, sizeof(float));
	enum clade_status status;

	p->types[0] = (struct clade_type) { CLADE_F32, 2, { shape.m, shape.k } };
	p->types[1] = (struct clade_type) { CLADE_F32, 2, { shape.n, shape.k } };
	if (bench->matmul)
		p->types[1] = (struct clade_type) { CLADE_F32, 2, { shape.k, shape.n } };
	p->types[2] = (struct clade_type) { CLADE_F32, 1, { shape.n } };
	p->y_type = (struct clade_type) { CLADE_F32, 2, { shape.m, shape.n } };
	p->x = malloc(m * k * sizeof(float));
	p->w = malloc(n * k * sizeof(float));
	p->expected = calloc(m * n, sizeof(float));
	p->got = calloc(m * n, sizeof(float));
	if (!bias || !p->x || !p->w || !p->expected || !p->got) {
		free(bias);
		return CLADE_ERR_MEMORY;
	}
	fill(p->x, m * k, 1);
	fill(p->w, n * k, 2);
	status = clade_step_create(bench->device, bench->op, bench->impl, &node, &p->step, &bench->diag);
	if (!status)
		status = clade_steps_build(bench->device, &p->step, 1, &bench->diag);
	if (!status)
		status = clade_exec_create(p->step, bench->queue, &p->exec, &bench->diag);
	if (!status)
		status = put(bench, &p->types[0], rows, p->x, &p->tensors[0]);
	if (!status)
		status = put(bench, &p->types[1], clade_step_layout(p->step, 1), p->w, &p->tensors[1]);
	if (!status)
		status = put(bench, &p->types[2], rows, bias, &p->tensors[2]);
	if (!status)
		status = put(bench, &p->y_type, rows, NULL, &p->y);
	free(bias);
	return status;
}

static void product_close(struct product *p)
{
	clade_exec_destroy(&p->exec);
	clade_step_destroy(&p->step);
	for (int i = 0; i < 3; i++)
		clade_buffer_unref(&p->tensors[i].buffer);
	clade_buffer_unref(&p->y.buffer);
	free(p->x);
	free(p->w);
	free(p->expected);
	free(p->got);
}

/* Seconds a call, of `calls` calls. */
static double time_peer(const struct bench *bench, const struct product *p, struct shape s, int calls)
{
	double start = now();

	for (int i = 0; i < calls; i++)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, bench->matmul ? CblasNoTrans : CblasTrans, s.m, s.n, s.k, 1.0f,
			    p->x, s.k, p->w, bench->matmul ? s.n : s.k, 0.0f, p->expected, s.n);
	return (now() - start) / calls;
}

static enum clade_status time_ours(struct bench *bench, struct product *p, int calls, double *out_seconds)
{
	const struct clade_tensor *inputs[3] = { &p->tensors[0], &p->tensors[1], &p->tensors[2] };
	const struct clade_tensor *outputs[1] = { &p->y };
	enum clade_status status = CLADE_OK;
	double start = now();

	for (int i = 0; i < calls && !status; i++)
		status = clade_exec_run(p->exec, NULL, inputs, outputs, NULL, &bench->diag);
	if (!status)
		status = clade_queue_finish(bench->queue, &bench->diag);
	*out_seconds = (now() - start) / calls;
	return status;
}

static enum clade_status compare(struct bench *bench, struct product *p, double *out_nmse)
{
	struct clade_compare comparison;
	size_t bytes = (size_t)p->y_type.dims[0] * (size_t)p->y_type.dims[1] * sizeof(float);
	enum clade_status status = clade_buffer_read(bench->queue, p->y.buffer, 0, p->got, bytes, true, &bench->diag);

	if (status)
		return status;
	clade_compare_arrays(&p->y_type, p->got, p->expected, &comparison);
	*out_nmse = comparison.nmse;
	if (comparison.nmse <= 1e-6)
		return CLADE_OK;
	return clade_fail(&bench->diag, CLADE_ERR_MISMATCH, 0, NULL, "the two results differ: NMSE %g",
			  comparison.nmse);
}

/* CALLS, or as many as fit into `seconds` at 150 GFLOP/s and 30 GB/s: by the shape alone, so that runs compare. */
static int calls_a_round(struct shape s, double seconds)
{
	double work = 2.0 * s.m * s.n * s.k / 150e9, weights = 4.0 * s.n * s.k / 30e9;
	double fit = seconds / (work > weights ? work : weights);

	return fit >= CALLS ? CALLS : fit < 1.0 ? 1 : (int)fit;
}

static enum clade_status measure(struct bench *bench, struct shape shape, struct result *result)
{
	struct product product = { .x = NULL };
	enum clade_status status = product_open(bench, shape, &product);
	double once = 0.0;

	*result = (struct result) { .shape = shape, .rounds = bench->rounds };
	if (!status) {
		time_peer(bench, &product, shape, 2);
		status = time_ours(bench, &product, 2, &once);
	}
	if (!status)
		status = time_ours(bench, &product, 2, &once);
	if (!status)
		status = compare(bench, &product, &result->nmse);
	result->calls = calls_a_round(shape, bench->seconds);
	for (int round = 0; round < bench->rounds && !status; round++) {
		result->peer[round] = time_peer(bench, &product, shape, result->calls);
		nanosleep(&openblas_sleeps, NULL);
		status = time_ours(bench, &product, result->calls, &result->ours[round]);
	}
	product_close(&product);
	qsort(result->peer, (size_t)result->rounds, sizeof(double), ascending);
	qsort(result->ours, (size_t)result->rounds, sizeof(double), ascending);
	return status;
}

static void print_row(FILE *out, const struct result *r)
{
	double flops = 2e-9 * r->shape.m * r->shape.n * r->shape.k;
	double peer = median(r->peer, r->rounds), ours = median(r->ours, r->rounds);

	fprintf(out, "| %d | %d | %d | %.1f ± %.0f %% | %.1f ± %.0f %% | %.2f | %.2f | %d x %d |\n", r->shape.m,
		r->shape.n, r->shape.k, flops / peer, spread(r->peer, r->rounds), flops / ours,
		spread(r->ours, r->rounds), peer / ours, r->peer[0] / r->ours[0], r->rounds, r->calls);
}

static const char table_head[] =
	"| M | N | K | OpenBLAS GFLOP/s | clade GFLOP/s | ratio of medians | of best rounds | rounds x calls |\n"
	"|---|---|---|---|---|---|---|---|\n";

/* "model name" of the first processor. */
static void read_processor(char *out, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[512];

	snprintf(out, size, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(out, size, "%s", colon + 2);
		break;
	}
	if (file)
		fclose(file);
}

static void print_page(FILE *out, const struct bench *bench, const struct result *results, int count)
{
	const struct clade_device_info *info = clade_device_get_info(bench->device);
	double log_sum = 0.0, worst = INFINITY, best_sum = 0.0, best_worst = INFINITY, load[3] = { 0.0 };
	char processor[256], date[32];
	time_t clock = time(NULL);
	struct tm broken_down;

	read_processor(processor, sizeof(processor));
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&clock, &broken_down));
	if (getloadavg(load, 3) < 1)
		load[0] = NAN;
	fprintf(out,
		"# %s against OpenBLAS\n\nWritten by bench/bench_linear.c (`bench/linear.sh`); do not edit.\n\n"
		"- date: %s; load average at the end: %.1f (2.0 is this program alone on two cores)\n"
		"- machine: %s, %ld cores; device: %s, %s %s\n"
		"- clade %s, `%s.%s`: vectors of %u floats, tiles of %u rows by %u vectors\n"
		"- OpenBLAS: %s, kernels for %s, %d threads, each pinned to a core\n"
		"- a round is a block of calls of the one, then of the other; ± is half the distance of the "
		"quartiles\n\n",
		bench->op->name, date, load[0], processor, sysconf(_SC_NPROCESSORS_ONLN), info->name, info->platform,
		info->version, clade_version(), bench->impl->op, bench->impl->name, info->vector_width, info->tile_rows,
		info->tile_vectors, openblas_get_config(), openblas_get_corename(), openblas_get_num_threads());
	fputs(table_head, out);
	for (int i = 0; i < count; i++) {
		double ratio = median(results[i].peer, results[i].rounds) / median(results[i].ours, results[i].rounds);

		double best = results[i].peer[0] / results[i].ours[0];

		log_sum += log(ratio);
		worst = ratio < worst ? ratio : worst;
		best_sum += log(best);
		best_worst = best < best_worst ? best : best_worst;
		print_row(out, &results[i]);
	}
	fprintf(out,
		"\nOver %d shapes: ratio of medians %.2f (geometric mean), worst %.2f; of the best rounds %.2f, worst "
		"%.2f.\n",
		count, exp(log_sum / count), worst, exp(best_sum / count), best_worst);
}

static int default_shapes(struct shape *shapes)
{
	static const int sizes[][2] = { { 768, 768 }, { 2304, 768 }, { 3072, 768 }, { 768, 3072 },
					{ 384, 384 }, { 1536, 384 }, { 1023, 769 }, { 32000, 768 } };
	static const int rows[] = { 1, 2, 7, 12, 64, 128, 512, 516 };
	int count = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
			shapes[count++] = (struct shape) { rows[j], sizes[i][0], sizes[i][1] };
	return count;
}

static enum clade_status open_bench(struct bench *bench, const char *device, const char *impl, const char *plugin)
{
	struct clade_context_params params = { .size = sizeof(params) };
	enum clade_status status = clade_context_create(&params, &bench->context, &bench->diag);

	if (!status)
		status = clade_context_add_builtins(bench->context, &bench->diag);
	if (!status && plugin)
		status = clade_context_load_plugin(bench->context, plugin, &bench->diag);
	if (!status)
		status = clade_device_open(bench->context, device, &bench->device, &bench->diag);
	if (!status)
		status = clade_queue_create(bench->device, false, &bench->queue, &bench->diag);
	if (status)
		return status;
	bench->op = clade_op_find(bench->context, bench->matmul ? "matmul" : "linear");
	bench->impl = clade_impl_find(bench->context, bench->matmul ? "matmul" : "linear", impl);
	return bench->op && bench->impl ? CLADE_OK
					: clade_fail(&bench->diag, CLADE_ERR_USAGE, 0, impl, "no such implementation");
}

static enum clade_status run(struct bench *bench, const struct shape *shapes, int count, const char *path)
{
	static struct result results[MOST_SHAPES];
	enum clade_status status = CLADE_OK;
	FILE *out = NULL;

	fputs(table_head, stdout);
	for (int i = 0; i < count && !status; i++) {
		status = measure(bench, shapes[i], &results[i]);
		if (!status)
			print_row(stdout, &results[i]);
		fflush(stdout);
	}
	if (status || !path)
		return status;
	out = fopen(path, "w");
	if (!out)
		return clade_fail(&bench->diag, CLADE_ERR_IO, 0, path, "cannot be written");
	print_page(out, bench, results, count);
	return fclose(out) ? CLADE_ERR_IO : CLADE_OK;
}

int main(int argc, char **argv)
{
	struct bench bench = { .rounds = 9, .seconds = 0.2 };
	const char *device = "cl", *impl = "cl.cpu", *path = NULL, *plugin = NULL;
	struct shape shapes[MOST_SHAPES];
	int count = 0, i;
	enum clade_status status;

	for (i = 1; i < argc; i++) {
		struct shape shape;
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--device") == 0 && more)
			device = argv[++i];
		else if (strcmp(argv[i], "--impl") == 0 && more)
			impl = argv[++i];
		else if (strcmp(argv[i], "--plugin") == 0 && more)
			plugin = argv[++i];
		else if (strcmp(argv[i], "--op") == 0 && more && strcmp(argv[i + 1], "linear") == 0)
			i++;
		else if (strcmp(argv[i], "--op") == 0 && more && strcmp(argv[i + 1], "matmul") == 0)
			bench.matmul = argv[++i] != NULL;
		else if (strcmp(argv[i], "--out") == 0 && more)
			path = argv[++i];
		else if (strcmp(argv[i], "--rounds") == 0 && more)
			bench.rounds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--seconds") == 0 && more)
			bench.seconds = atof(argv[++i]);
		else if (count < MOST_SHAPES && sscanf(argv[i], "%dx%dx%d", &shape.m, &shape.n, &shape.k) == 3 &&
			 shape.m > 0 && shape.n > 0 && shape.k > 0)
			shapes[count++] = shape;
		else
			break;
	}
	if (i < argc || bench.rounds < 1 || bench.rounds > MOST_ROUNDS) {
		fprintf(stderr, "usage: bench_linear [--device D] [--impl I] [--rounds N] [--seconds S] [--out F] "
				"[MxNxK ...]\n");
		return 2;
	}
	if (!count)
		count = default_shapes(shapes);
	pin_threads();
	clade_diag_init(&bench.diag);
	status = open_bench(&bench, device, impl, plugin);
	if (!status)
		status = run(&bench, shapes, count, path);
	if (status)
		fprintf(stderr, "bench_linear: %s: %s %s\n", clade_status_name(status), bench.diag.text,
			bench.diag.log ? bench.diag.log : "");
	clade_queue_destroy(&bench.queue);
	clade_device_unref(&bench.device);
	clade_context_destroy(&bench.context);
	clade_diag_finish(&bench.diag);
	return status ? 1 : 0;
}
