/* SPDX-License-Identifier: MIT */
/* Graph files, weight files and models: text in, an expanded and checked model out. */
#ifndef CLADE_GRAPH_H
#define CLADE_GRAPH_H

#include <clade/clade.h>
#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tensor files (safetensors, GGUF, .npy) and metadata (config.json), opened together ---- */
struct clade_store; /* immutable after the last add; thread-safe to read */

struct clade_store_tensor {
	const char *name, *file;
	struct clade_type type; /* as in the file; of quantised blocks f32, which is what they are read as */
	uint64_t offset, bytes; /* in the file */
	const char *encoding;   /* how the file stores the elements: "f32", "bf16", "q8_0", "q4_k", ... */
};

CLADE_API enum clade_status clade_store_create(struct clade_context *context, struct clade_store **out_store,
					       struct clade_diag *diag);
/* Adds a .safetensors, .gguf or .npy file (its tensor is named after the file), a config .json, or a directory
 * (config.json, *.safetensors or the sharded index). Strictly validated; nothing is added on failure. */
CLADE_API enum clade_status clade_store_add(struct clade_store *store, const char *path, struct clade_diag *diag);
CLADE_API void clade_store_destroy(struct clade_store **store);
CLADE_API size_t clade_store_count(const struct clade_store *store);
CLADE_API const struct clade_store_tensor *clade_store_at(const struct clade_store *store, size_t index);
CLADE_API const struct clade_store_tensor *clade_store_find(const struct clade_store *store, const char *name);
/* Reads elements [first, first + count) as f32 (floats, quantised blocks) or i32 (integers, bool), converted. The range
 * need not begin or end with a block. */
CLADE_API enum clade_status clade_store_read(const struct clade_store *store, const struct clade_store_tensor *tensor,
					     int64_t first, int64_t count, void *target, struct clade_diag *diag);
/* The same elements as the file stores them (`encoding`); both numbers must be whole blocks. */
CLADE_API enum clade_status clade_store_read_raw(const struct clade_store *store,
						 const struct clade_store_tensor *tensor, int64_t first, int64_t count,
						 void *target, struct clade_diag *diag);
/* Metadata by dotted key ("rope_parameters.rope_theta"). Objects and arrays are OTHER, their elements are reachable as
 * "key.name" and "key.0"; a null counts as absent (meta_at shows it as NONE). A safetensors file's own metadata has
 * keys
 * "__metadata__.KEY"; of shards that disagree, the first one's. A GGUF file's metadata has the file's own keys; its
 * arrays are ARRAY: one key for all their elements, which "key.0" finds, too. */
enum clade_meta_kind {
	CLADE_META_NONE,
	CLADE_META_BOOL,
	CLADE_META_INT,
	CLADE_META_FLOAT,
	CLADE_META_STRING,
	CLADE_META_OTHER,
	CLADE_META_ARRAY
};
struct clade_meta {
	enum clade_meta_kind kind;
	int64_t i;     /* INT, BOOL; of an ARRAY, how many elements */
	double f;      /* FLOAT, INT */
	const char *s; /* STRING: owned by the store */
};
CLADE_API bool clade_store_meta(const struct clade_store *store, const char *key, struct clade_meta *out);
/* All metadata in file order; for `inspect`. index past the end: false. */
CLADE_API bool clade_store_meta_at(const struct clade_store *store, size_t index, const char **out_key,
				   struct clade_meta *out);
/* GGUF's word for the type of metadata `index` ("u32"; of an array, of its elements); NULL: not from GGUF. */
CLADE_API const char *clade_store_meta_type(const struct clade_store *store, size_t index);
/* An array of metadata, in GGUF or JSON: how many elements it has and of what kind (NONE: it is empty; OTHER: of
 * several). False: no such array. */
CLADE_API bool clade_store_array(const struct clade_store *store, const char *key, size_t *out_count,
				 enum clade_meta_kind *out_kind);
/* One element of it; of a GGUF array in constant time after the key is found. */
CLADE_API bool clade_store_array_item(const struct clade_store *store, const char *key, size_t index,
				      struct clade_meta *out);
/* "safetensors", "gguf", "npy" or "" by what was added first. */
CLADE_API const char *clade_store_format(const struct clade_store *store);

/* Reads a whole regular file of at most `limit` bytes into fresh memory, with a NUL behind it. */
CLADE_API enum clade_status clade_file_load(struct clade_context *context, const char *path, size_t limit,
					    char **out_text, size_t *out_bytes, struct clade_diag *diag);
/* Writes a whole file or none (temporary file and rename); what is not a regular file is written directly. */
CLADE_API enum clade_status clade_file_write(struct clade_context *context, const char *path, const void *data,
					     size_t bytes, struct clade_diag *diag);
/* Writes a whole .npy file or none. */
CLADE_API enum clade_status clade_npy_write(struct clade_context *context, const char *path,
					    const struct clade_type *type, const void *data, struct clade_diag *diag);
/* Reads a .npy into fresh memory of the context's allocator; type as in the file, brought to C order. */
CLADE_API enum clade_status clade_npy_read(struct clade_context *context, const char *path, struct clade_type *out_type,
					   void **out_data, struct clade_diag *diag);

/* ---- models ---- */
struct clade_graph; /* an expanded, checked graph, with the store its weights come from; immutable, shareable */

struct clade_graph_params {
	uint32_t size;
	const char *path;          /* the graph file */
	const char *text;          /* instead of reading `path`: its text (path is then only a name) */
	struct clade_store *store; /* weights and metadata; NULL: none. Must outlive the graph */
	const char *source; /* which `source` block to use; NULL: the one whose name fits the store's format, or none */
	const char *const *settings; /* "layers=2", NULL-terminated; NULL: none */
	const char *library_dir;     /* overrides the built-in lib/ and models/ for include; NULL: built-in only */
	const char *family;       /* instead of `path` and `text`: the built-in graph of this family; the store's format
				   * must be one that it has a source for */
	const char *const *watch; /* values inside, NULL-terminated; NULL: none. Paths or patterns of paths, or
				   * OP.PORT ("attention.weights"); each one found becomes an output called by its path.
				   * Caches are then whole, whatever window they have */
	const char
		*invert; /* a `source` block to read backwards, for clade_graph_export; NULL: none. Needs the store */
	/* F16: states that only ports with CLADE_KEPT (op.h) read and write, such as caches of keys and values, are
	 * kept as f16: half the memory, values rounded when they are written. F32 (0): as the graph says. */
	enum clade_dtype state_dtype;
};
/* The built-in families ("llama", ...). Index past the end: false. */
CLADE_API bool clade_family_at(size_t index, char out_name[64]);
/* The family that a store's metadata name: `model_type` (config.json) or `general.architecture` (GGUF) is its name, or
 * stands in its graph's `meta "also"`. `where` is what messages call the model. An unknown one is an error that names
 * the nearest and lists all. */
CLADE_API enum clade_status clade_family_find(struct clade_context *context, const struct clade_store *store,
					      const char *where, char out_family[64], struct clade_diag *diag);
/* Parses, expands and checks. Weights' names, shapes and presence are checked against the store; no weight data is
 * read. */
CLADE_API enum clade_status clade_graph_create(struct clade_context *context, const struct clade_graph_params *params,
					       struct clade_graph **out_graph, struct clade_diag *diag);
CLADE_API void clade_graph_destroy(struct clade_graph **graph);

/* The tensors that a file for source `params.invert` holds, made of the weights that the graph uses (whatever file they
 * come from): its maps read backwards. An operator without inverse is an error of clade_graph_create. */
CLADE_API bool clade_graph_export(const struct clade_graph *graph, size_t index, const char **out_name,
				  struct clade_type *out_type);
/* Hands the rows of its last axis in order, [first, first + count) a call, as dense f32 (or i32). Memory: a few MiB, or
 * what one transposed tensor takes. */
typedef enum clade_status clade_rows_fn(void *user, int64_t first, int64_t count, const void *rows,
					struct clade_diag *diag);
CLADE_API enum clade_status clade_graph_export_read(const struct clade_graph *graph, size_t index, clade_rows_fn *sink,
						    void *user, struct clade_diag *diag);
CLADE_API const char *clade_graph_name(const struct clade_graph *graph);

/* The expanded graph as a graph file, as Graphviz, or as a picture: nodes in the order of execution, frames around
 * blocks, arcs from where a tensor is made to where it is used. The text belongs to the caller (clade_free). */
CLADE_API enum clade_status clade_graph_flatten(const struct clade_graph *graph, char **out_text,
						struct clade_diag *diag);
CLADE_API enum clade_status clade_graph_dot(const struct clade_graph *graph, char **out_text, struct clade_diag *diag);
CLADE_API enum clade_status clade_graph_svg(const struct clade_graph *graph, char **out_text, struct clade_diag *diag);

/* What a graph offers. Index past the end: false. Types are symbolic: print them with clade_graph_type_text. */
struct clade_graph_port {
	const char *name;
	struct clade_type type;
	bool optional; /* an input with a default */
	bool watched;  /* an output that clade_graph_params.watch asked for */
};
struct clade_graph_totals {
	uint64_t nodes, boxes, weights, parameters, weight_bytes, states;
	uint64_t kept_states; /* of `states`, those kept as clade_graph_params.state_dtype instead of f32 */
};
CLADE_API size_t clade_graph_entry_count(const struct clade_graph *graph);
CLADE_API const char *clade_graph_entry(const struct clade_graph *graph, size_t index);
CLADE_API const char *clade_graph_entry_after(const struct clade_graph *graph, size_t index); /* NULL: nothing */
CLADE_API bool clade_graph_input(const struct clade_graph *graph, const char *entry, size_t index,
				 struct clade_graph_port *out);
CLADE_API bool clade_graph_output(const struct clade_graph *graph, const char *entry, size_t index,
				  struct clade_graph_port *out);
CLADE_API const char *clade_graph_type_text(const struct clade_graph *graph, const struct clade_type *type, char *out,
					    size_t size);
CLADE_API void clade_graph_get_totals(const struct clade_graph *graph, struct clade_graph_totals *out);
/* A param's value after expansion, by name. */
CLADE_API bool clade_graph_param(const struct clade_graph *graph, const char *name, struct clade_meta *out);
/* The value of `meta "key" = expr` lines of the graph file (what the program needs: ids, context). */
CLADE_API bool clade_graph_meta(const struct clade_graph *graph, const char *key, struct clade_meta *out);
struct clade_graph_block {
	const char *path, *block; /* block NULL: a plain scope */
	uint32_t depth;
	uint64_t nodes, parameters, weight_bytes; /* of everything inside */
};
CLADE_API bool clade_graph_block(const struct clade_graph *graph, size_t index, struct clade_graph_block *out);

#ifdef __cplusplus
}
#endif
#endif
