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
bool text_reserve(struct text_buffer *buffer, size_t more); /* and a NUL */
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
/* \w of Rust's regular expressions: alphabetic, mark, decimal digit, connector or joiner. */
bool is_word(int32_t point);
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

/* Text cut into pieces, with gaps or without: each piece has its own span of `text`. */
struct span {
	size_t start, end;
};
struct pieces {
	struct text_buffer text;
	struct span *spans;
	size_t count, room;
	bool first; /* the first piece begins where the whole input does */
};
bool pieces_add(struct pieces *pieces, size_t start, size_t end);
void pieces_finish(struct pieces *pieces);

/* A normalizer, pre-tokenizer or decoder. A Sequence is flattened into several. */
struct part;
struct decoder_stage;
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
	/* Decoders: one token; and (may be NULL) that none follows. One of them that can take a token as it grows has
	 * token_part instead, the others are given whole ones. */
	bool (*token)(struct decoder_stage *stage, const char *text, size_t bytes);
	bool (*token_part)(struct decoder_stage *stage, const char *text, size_t bytes, bool last);
	bool (*end)(struct decoder_stage *stage);
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
extern const struct part_kind pre_tokenizer_whitespace_split, pre_tokenizer_byte_level, decoder_byte_level;
/* kinds.c lists them, ended by NULL. */
extern const struct part_kind *const normalizer_kinds[], *const pre_tokenizer_kinds[], *const decoder_kinds[];
/* Reads null, one part, or a Sequence (members: the key of its list) into `out`. */
enum clade_status parts_parse(const struct part_source *source, const char *slot, const char *members,
			      const struct part_kind *const *kinds, const json_t *json, struct parts *out);
/* Appends one part of a kind; `json` is handed to its parse. */
enum clade_status parts_add(const struct part_source *source, const struct part_kind *kind, const json_t *json,
			    struct parts *out);
void parts_finish(struct clade_context *context, struct parts *parts);

/* ---- vocabulary: tokens by text and by id ---- */
struct token {
	const char *text; /* a NUL behind it, none within */
	uint32_t bytes;
	int32_t id;
};
struct vocabulary {
	struct token *tokens; /* ascending by id */
	size_t count, room;
	uint32_t *slots;   /* a hash table of indices into tokens, plus 1 */
	size_t slot_count; /* a power of two */
	uint64_t seed;
};
/* `seed`: what a file or a text cannot foresee, so that none can be made of texts that collide; see pointer_seed. */
uint64_t text_hash(uint64_t seed, const char *text, size_t bytes);
uint64_t pointer_seed(const void *memory);
/* Room for `count` tokens; then each is added; then the seal, which refuses a text or an id given twice. */
enum clade_status vocabulary_begin(const struct part_source *source, size_t count, struct vocabulary *out);
enum clade_status vocabulary_add(const struct part_source *source, struct vocabulary *vocabulary, const char *text,
				 size_t bytes, int64_t id);
enum clade_status vocabulary_seal(const struct part_source *source, struct vocabulary *vocabulary);
/* All of that from an object: text to id. */
enum clade_status vocabulary_parse(const struct part_source *source, const json_t *json, struct vocabulary *out);
void vocabulary_finish(struct clade_context *context, struct vocabulary *vocabulary);
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t bytes); /* -1: none */
const struct token *vocabulary_token(const struct vocabulary *vocabulary, int32_t id);        /* NULL: none */

/* ---- models ---- */
/* A text on its way to ids. */
struct encoding {
	const struct clade_tokenizer *tokenizer;
	struct id_buffer ids;
	void *scratch; /* the model's own, NULL at first: working memory and caches, as long as the call */
	struct clade_diag *diag;
};
struct token_model_kind {
	const char *type;
	enum clade_status (*parse)(const struct part_source *source, const json_t *json, struct clade_tokenizer *out);
	/* Appends the ids of one piece. */
	enum clade_status (*encode)(struct encoding *encoding, const char *text, size_t bytes);
	/* Free tokenizer->model_data, and a scratch. NULL: there is none. */
	void (*finish)(struct clade_tokenizer *tokenizer);
	void (*finish_scratch)(const struct clade_tokenizer *tokenizer, void *scratch);
};
extern const struct token_model_kind model_word_piece;
extern const struct token_model_kind *const token_models[]; /* ended by NULL */

/* ---- post-processors ---- */
/* Ids before and after those of the text. */
struct template_ids {
	int32_t *ids;
	size_t before, count; /* the first `before` of `count` come first */
};
enum clade_status post_processor_parse(const struct part_source *source, const json_t *json, struct template_ids *out);

/* ---- decoders: a chain of stages that take tokens and hand tokens on ---- */
/* A stage at work. */
struct decoder_stage {
	const struct part *part; /* NULL: the end of the chain, where `held` gathers bytes */
	struct decoder_stage *next;
	struct text_buffer held;     /* what waits for the tokens to come; the stage's own, like `count` */
	struct text_buffer gathered; /* parts of a token that is not yet whole */
	size_t seen;                 /* whole tokens that this stage was given */
	size_t count;
};
/* Hands a token to the stage behind this one, whole or in parts. */
bool stage_emit(struct decoder_stage *stage, const char *text, size_t bytes);
bool stage_emit_part(struct decoder_stage *stage, const char *text, size_t bytes, bool last);
extern const struct part_kind decoder_words; /* no decoder given: words joined by spaces */

/* ---- added tokens ---- */
struct added_token {
	char *text;    /* as the file has it */
	char *content; /* as it is searched for: normalized ones after normalization */
	size_t bytes;  /* of content */
	int32_t id;
	bool lstrip, rstrip, normalized, special, single_word;
};
struct added_tokens {
	struct added_token *items;
	size_t count;
	uint32_t *by_id;      /* indices into items */
	uint32_t *by_text[2]; /* [normalized]: ascending by content */
	size_t text_count[2];
	bool begins[2][256]; /* [normalized]: bytes that a content begins with */
	/* As llama.cpp: longer tokens are found before shorter ones, wherever they are, and take ASCII's white space
	 * only. None of these is normalized. */
	bool longest_first;
	size_t longest; /* bytes of the longest content */
};
enum clade_status added_begin(const struct part_source *source, size_t count, struct added_tokens *out);
/* Takes nothing: text is copied, and normalized if the token says so. */
enum clade_status added_add(const struct part_source *source, struct clade_tokenizer *tokenizer,
			    const struct added_token *token);
enum clade_status added_parse(const struct part_source *source, const json_t *json, struct clade_tokenizer *out);
enum clade_status added_seal(const struct part_source *source, struct added_tokens *added);
void added_finish(struct clade_context *context, struct added_tokens *added);
const struct added_token *added_token(const struct added_tokens *added, int32_t id); /* NULL: none */
/* What is to be done with a stretch of text that holds no added token. `first`: it begins where the input does. */
typedef enum clade_status stretch_fn(struct encoding *encoding, const char *text, size_t bytes, bool first);
/* Emits the added tokens in the text, and hands on what lies between them. */
enum clade_status added_split(struct encoding *encoding, bool normalized, const char *text, size_t bytes, bool first,
			      stretch_fn *rest);

struct clade_tokenizer {
	struct clade_context *context;
	char *name;
	const struct token_model_kind *model;
	void *model_data;
	struct vocabulary vocabulary;
	int32_t unknown; /* -1: none */
	struct added_tokens added;
	struct parts normalizers, pre_tokenizers, decoders;
	struct template_ids template_ids;
	bool front_counts; /* some pre-tokenizer treats the front of the input in a way of its own */
};
enum clade_status tokenizer_create(const struct part_source *source, struct clade_tokenizer **out_tokenizer);
/* From what a tokenizer.json says. */
enum clade_status tokenizer_from_json(const struct part_source *source, const json_t *root,
				      struct clade_tokenizer **out_tokenizer);
/* An object; the caller drops the reference. */
enum clade_status json_read(const struct part_source *source, const char *text, size_t bytes, json_t **out);
enum clade_status tokenizer_normalize(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				      struct text_buffer *out, struct clade_diag *diag);

#endif
