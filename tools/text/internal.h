/* SPDX-License-Identifier: MIT */
/* The parts of a tokenizer: each kind of normalizer, pre-tokenizer, model, post-processor and decoder is a row of a
 * table, found by the "type" that tokenizer.json gives. Internal to tools/text. */
#ifndef CLADE_TEXT_INTERNAL_H
#define CLADE_TEXT_INTERNAL_H

#include <clade/messages.h>
#include <clade/text.h>

#include <jansson.h>

/* ---- growing bytes and ids ---- */
struct text_buffer {
	struct clade_context *context;
	char *bytes;
	size_t count, room;
};
bool text_add(struct text_buffer *buffer, const char *bytes, size_t count);
void text_finish(struct text_buffer *buffer);

struct id_buffer {
	struct clade_context *context;
	int32_t *ids;
	size_t count, room;
};
bool ids_add(struct id_buffer *buffer, int32_t id);

/* ---- UTF-8 ---- */
/* Length in bytes of the character that begins here, 0 if it is cut off at the end, -1 if it is not UTF-8. */
int utf8_length(const char *bytes, size_t count);
/* Offset of the first byte that is not UTF-8; `count` if all is. */
size_t utf8_check(const char *bytes, size_t count);
/* The code point of a valid character. */
int32_t utf8_point(const char *bytes, int length);
/* Unicode's White_Space property. */
bool is_white_space(int32_t point);
/* Moves whole characters from the front of `pending` to `out`; what cannot be UTF-8 becomes U+FFFD. At the `end` an
 * unfinished character does too. */
bool utf8_release(struct text_buffer *pending, struct text_buffer *out, bool end);

/* ---- parts ---- */
/* Where a part is read from: the file's name for messages, and the value itself. */
struct part_source {
	struct clade_context *context;
	const char *name;
	struct clade_diag *diag;
};
/* "tokenizer.json: normalizer "X" is not supported; supported are ..." */
enum clade_status text_refuse(const struct part_source *source, const char *slot, const char *word,
			      const char *supported);
enum clade_status text_damaged(const struct part_source *source, const char *format, ...) CLADE_PRINTF(2, 3);
const char *text_type(const json_t *part); /* its "type", "" if it has none */

/* Text cut into pieces [starts[i], starts[i + 1]) or with gaps: each piece has its own span of `text`. */
struct span {
	size_t start, end;
};
struct pieces {
	struct text_buffer text;
	struct span *spans;
	size_t count, room;
};
bool pieces_add(struct pieces *pieces, size_t start, size_t end);
void pieces_finish(struct pieces *pieces);

/* A normalizer or pre-tokenizer at work. A Sequence is flattened into several. */
struct part;
struct part_kind {
	const char *type;
	/* Fills part->data; NULL if there is nothing to read. */
	enum clade_status (*parse)(const struct part_source *source, const json_t *json, struct part *part);
	void (*finish)(struct clade_context *context, struct part *part);
	/* Normalizers: appends to `out`. */
	enum clade_status (*normalize)(const struct part *part, const char *text, size_t bytes, struct text_buffer *out,
				       struct clade_diag *diag);
	/* Pre-tokenizers: cuts each piece of `in` further into `out` (empty at first). */
	enum clade_status (*cut)(const struct part *part, const struct pieces *in, struct pieces *out,
				 struct clade_diag *diag);
};
struct part {
	const struct part_kind *kind;
	void *data;
	int64_t flags;
};
struct parts {
	struct part *items;
	size_t count;
};
extern const struct part_kind normalizer_kinds[], pre_tokenizer_kinds[]; /* ended by a row without type */
/* Reads null, one part, or a Sequence (members: the key of its list) into `out`. */
enum clade_status parts_parse(const struct part_source *source, const char *slot, const char *members,
			      const struct part_kind *kinds, const json_t *json, struct parts *out);
void parts_finish(struct clade_context *context, struct parts *parts);

/* ---- vocabulary ---- */
struct token {
	const char *text;
	int32_t id;
};
struct vocabulary {
	struct token *by_text; /* ascending */
	uint32_t *by_id;       /* indices into by_text, ascending by id */
	size_t count;
};
enum clade_status vocabulary_parse(const struct part_source *source, const json_t *json, struct vocabulary *out);
void vocabulary_finish(struct clade_context *context, struct vocabulary *vocabulary);
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t bytes); /* -1: none */
const char *vocabulary_token(const struct vocabulary *vocabulary, int32_t id);

/* ---- models, post-processors, decoders ---- */
struct token_model_kind {
	const char *type;
	enum clade_status (*parse)(const struct part_source *source, const json_t *json, struct clade_tokenizer *out);
	/* Appends the ids of one piece. */
	enum clade_status (*encode)(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				    struct id_buffer *out, struct clade_diag *diag);
};
extern const struct token_model_kind token_model_kinds[];

/* What TemplateProcessing adds: ids before and after the text's own. */
struct template_ids {
	int32_t *ids;
	size_t before, count; /* the first `before` of `count` come first */
};
enum clade_status template_parse(const struct part_source *source, const json_t *json, struct template_ids *out);

struct decoder_kind {
	const char *type; /* "": no decoder given */
	/* Appends the bytes that a token stands for; `first`: nothing came before it. */
	bool (*token)(const char *text, bool first, struct text_buffer *out);
};
extern const struct decoder_kind decoder_kinds[];

struct added_token {
	char *content; /* normalized ones: after normalization */
	int32_t id;
	bool lstrip, rstrip, normalized, special;
};

struct clade_tokenizer {
	struct clade_context *context;
	const struct token_model_kind *model;
	struct vocabulary vocabulary;
	int32_t unknown; /* -1: none */
	struct added_token *added;
	size_t added_count;
	struct parts normalizers, pre_tokenizers;
	struct template_ids template_ids;
	const struct decoder_kind *decoder;
	char *name;
};

#endif
