/* SPDX-License-Identifier: MIT */
/* The parts of `clade quantize`: one model on its way into other files. */
#ifndef CLADE_TOOL_QUANTIZE_H
#define CLADE_TOOL_QUANTIZE_H

#include "model.h"

#include <clade/writer.h>

struct quantize {
	struct tool *tool;
	struct model model;
	const char *type; /* "q8_0", ... */
	struct clade_writer *writer;
	size_t current; /* export of the graph that is being read */
};

/* A GGUF family: what Hugging Face calls it and what llama.cpp does. */
struct quantize_family {
	const char *name, *architecture;
	unsigned kind; /* bits of quantize_meta.c's table */
};
/* NULL: none that is written. At `index` for listing. */
const struct quantize_family *quantize_family(const char *name);
const struct quantize_family *quantize_family_at(size_t index);

/* How a tensor is stored: what is no float as it is; in GGUF vectors as f32; rows that are no whole blocks as f16. */
const char *quantize_encoding(const struct quantize *quantize, const char *now, const struct clade_type *type,
			      bool gguf);
/* Writes `tensor` of the model's store, row by row. */
enum clade_status quantize_tensor(struct quantize *quantize, const struct clade_store_tensor *tensor);
/* A clade_rows_fn whose user is a struct quantize: rows go to the writer. SIGINT ends it. */
enum clade_status quantize_rows(void *user, int64_t first, int64_t count, const void *rows, struct clade_diag *diag);

/* general.* and the architecture's sizes, as llama.cpp's converter names them. */
enum clade_status quantize_meta(struct quantize *quantize, const struct quantize_family *family);
enum clade_status quantize_put(struct quantize *quantize, const char *key, const char *type, int64_t i, double f,
			       const char *s);
/* A param of the graph as a number; false: there is none. */
bool quantize_param(const struct quantize *quantize, const char *name, double *out);
/* tokenizer.ggml.*: from tokenizer.model, tokenizer.json or vocab.json with merges.txt, and tokenizer_config.json. */
enum clade_status quantize_vocab(struct quantize *quantize, int64_t rows);
/* SentencePiece's tokenizer.model. Types are GGUF's: 1 normal, 2 unknown, 3 control, 4 user, 5 unused, 6 byte. */
struct quantize_piece {
	char *text;
	float score;
	int32_t type;
};
struct quantize_pieces {
	struct quantize_piece *items;
	size_t count, room;
	bool adds_blank, removes_blanks;
};
/* Reads the bytes of the file; quantize_free_pieces is due in any case. */
enum clade_status quantize_read_pieces(struct quantize *quantize, const char *where, const char *data, size_t bytes,
				       struct quantize_pieces *out);
void quantize_free_pieces(struct quantize_pieces *pieces);
/* A directory of safetensors, or one file, as f16 or bf16. */
enum clade_status quantize_safetensors(struct quantize *quantize);
#endif
