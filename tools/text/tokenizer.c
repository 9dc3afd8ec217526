/* SPDX-License-Identifier: MIT */
/* tokenizer.json: read into parts, and the way from text to ids and back through them. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

enum clade_status tokenizer_normalize(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				      struct text_buffer *out, struct clade_diag *diag)
{
	struct text_buffer other = { .context = tokenizer->context };
	enum clade_status status = CLADE_OK;
	out->count = 0;
	if (!text_add(out, text, bytes))
		return clade_fail_memory(diag, bytes, "text");
	for (size_t i = 0; i < tokenizer->normalizers.count && status == CLADE_OK; i++) {
		const struct part *part = &tokenizer->normalizers.items[i];
		other.count = 0;
		status = text_add(&other, "", 0) ? part->kind->normalize(part, out->bytes, out->count, &other, diag)
						 : clade_fail_memory(diag, bytes, "text");
		struct text_buffer swap = *out;
		*out = other;
		other = swap;
	}
	text_finish(&other);
	return status;
}

/* Files of old do not say the model's type. */
static const char *model_type(const json_t *json)
{
	const char *type = text_type(json);
	return type[0] != '\0'                                             ? type
	       : json_is_array(json_object_get(json, "vocab"))             ? "Unigram"
	       : json_object_get(json, "merges") != NULL                   ? "BPE"
	       : json_object_get(json, "max_input_chars_per_word") != NULL ? "WordPiece"
									   : "WordLevel";
}

static enum clade_status parse_model(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	const char *type = model_type(json);
	char supported[256] = "";
	if (!json_is_object(json))
		return text_damaged(source, "has no \"model\"; a tokenizer.json needs one");
	for (size_t i = 0; token_models[i] != NULL; i++) {
		out->model = token_models[i];
		if (strcmp(out->model->type, type) == 0)
			return out->model->parse(source, json, out);
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), "%s%s",
			 i > 0 ? ", " : "", out->model->type);
	}
	out->model = NULL;
	return text_refuse(source, "model", type, supported);
}

/* Every id that the post-processor adds must be a token's. */
static enum clade_status check_template(const struct part_source *source, const struct clade_tokenizer *tokenizer)
{
	const struct template_ids *template = &tokenizer->template_ids;
	for (size_t i = 0; i < template->count; i++)
		if (clade_tokenizer_token(tokenizer, template->ids[i]) == NULL)
			return text_damaged(source, "post_processor: no token has the id %d", (int)template->ids[i]);
	return CLADE_OK;
}

static enum clade_status parse_root(const struct part_source *source, const json_t *root, struct clade_tokenizer *out)
{
	enum clade_status status = parts_parse(source, "normalizer", "normalizers", normalizer_kinds,
					       json_object_get(root, "normalizer"), &out->normalizers);
	if (status == CLADE_OK)
		status = parts_parse(source, "pre_tokenizer", "pretokenizers", pre_tokenizer_kinds,
				     json_object_get(root, "pre_tokenizer"), &out->pre_tokenizers);
	for (size_t i = 0; i < out->pre_tokenizers.count; i++)
		out->front_counts |= strcmp(out->pre_tokenizers.items[i].kind->type, "Metaspace") == 0;
	if (status == CLADE_OK)
		status = parse_model(source, json_object_get(root, "model"), out);
	if (status == CLADE_OK)
		status = added_parse(source, json_object_get(root, "added_tokens"), out);
	if (status == CLADE_OK)
		status = post_processor_parse(source, json_object_get(root, "post_processor"), &out->template_ids);
	if (status == CLADE_OK)
		status = check_template(source, out);
	const json_t *decoder = json_object_get(root, "decoder");
	if (status == CLADE_OK && (decoder == NULL || json_is_null(decoder)))
		status = parts_add(source, &decoder_words, NULL, &out->decoders);
	else if (status == CLADE_OK)
		status = parts_parse(source, "decoder", "decoders", decoder_kinds, decoder, &out->decoders);
	return status;
}

enum clade_status tokenizer_create(const struct part_source *source, struct clade_tokenizer **out_tokenizer)
{
	struct clade_tokenizer *tokenizer = clade_alloc(source->context, sizeof(*tokenizer));
	*out_tokenizer = tokenizer;
	if (tokenizer == NULL)
		return clade_fail_memory(source->diag, sizeof(*tokenizer), "a tokenizer");
	*tokenizer = (struct clade_tokenizer) { .context = source->context, .unknown = -1 };
	tokenizer->name = clade_strdup(source->context, source->name);
	if (tokenizer->name != NULL)
		return CLADE_OK;
	clade_tokenizer_destroy(out_tokenizer);
	return clade_fail_memory(source->diag, strlen(source->name), "a tokenizer");
}

enum clade_status tokenizer_from_json(const struct part_source *source, const json_t *root,
				      struct clade_tokenizer **out_tokenizer)
{
	enum clade_status status = tokenizer_create(source, out_tokenizer);
	if (status == CLADE_OK)
		status = parse_root(source, root, *out_tokenizer);
	if (status != CLADE_OK)
		clade_tokenizer_destroy(out_tokenizer);
	return status;
}

enum clade_status json_read(const struct part_source *source, const char *text, size_t bytes, json_t **out)
{
	json_error_t error;
	json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
	*out = NULL;
	if (root == NULL)
		return text_damaged(source, "not valid JSON: %s (line %d, column %d)", error.text, error.line,
				    error.column);
	if (!json_is_object(root)) {
		json_decref(root);
		return text_damaged(source, "must be a JSON object");
	}
	*out = root;
	return CLADE_OK;
}

enum clade_status clade_tokenizer_parse(struct clade_context *context, const char *name, const char *text, size_t bytes,
					struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag };
	json_t *root;
	*out_tokenizer = NULL;
	enum clade_status status = json_read(&source, text, bytes, &root);
	if (status == CLADE_OK)
		status = tokenizer_from_json(&source, root, out_tokenizer);
	json_decref(root);
	return status;
}

void clade_tokenizer_destroy(struct clade_tokenizer **tokenizer)
{
	struct clade_tokenizer *t = *tokenizer;
	if (t == NULL)
		return;
	if (t->model != NULL && t->model->finish != NULL)
		t->model->finish(t);
	added_finish(t->context, &t->added);
	vocabulary_finish(t->context, &t->vocabulary);
	parts_finish(t->context, &t->normalizers);
	parts_finish(t->context, &t->pre_tokenizers);
	parts_finish(t->context, &t->decoders);
	clade_free(t->context, t->template_ids.ids);
	clade_free(t->context, t->name);
	clade_free(t->context, t);
	*tokenizer = NULL;
}

/* ---- asking ---- */

const char *clade_tokenizer_kind(const struct clade_tokenizer *tokenizer)
{
	return tokenizer->model->type;
}

int32_t clade_tokenizer_size(const struct clade_tokenizer *tokenizer)
{
	const struct vocabulary *vocabulary = &tokenizer->vocabulary;
	const struct added_tokens *added = &tokenizer->added;
	int32_t last = vocabulary->count > 0 ? vocabulary->tokens[vocabulary->count - 1].id : -1;
	int32_t last_added = added->count > 0 ? added->items[added->by_id[added->count - 1]].id : -1;
	return (last > last_added ? last : last_added) + 1;
}

const char *clade_tokenizer_token(const struct clade_tokenizer *tokenizer, int32_t id)
{
	/* an added token reads as it is searched for: after normalization */
	const struct added_token *added = added_token(&tokenizer->added, id);
	const struct token *token = added == NULL ? vocabulary_token(&tokenizer->vocabulary, id) : NULL;
	return added != NULL ? added->content : token != NULL ? token->text : NULL;
}

int32_t clade_tokenizer_find(const struct clade_tokenizer *tokenizer, const char *token)
{
	for (size_t i = 0; i < tokenizer->added.count; i++)
		if (strcmp(tokenizer->added.items[i].text, token) == 0)
			return tokenizer->added.items[i].id;
	return vocabulary_find(&tokenizer->vocabulary, token, strlen(token));
}

bool clade_tokenizer_is_special(const struct clade_tokenizer *tokenizer, int32_t id)
{
	const struct added_token *added = added_token(&tokenizer->added, id);
	return added != NULL && added->special;
}

/* ---- encoding ---- */

/* Normalized text without added tokens: cut, then the model. */
static enum clade_status encode_words(struct encoding *encoding, const char *text, size_t bytes, bool first)
{
	const struct clade_tokenizer *tokenizer = encoding->tokenizer;
	struct pieces pieces = { .text.context = tokenizer->context, .first = first };
	enum clade_status status = CLADE_OK;
	if (!text_add(&pieces.text, text, bytes) || !pieces_add(&pieces, 0, bytes))
		status = clade_fail_memory(encoding->diag, bytes, "text");
	for (size_t i = 0; i < tokenizer->pre_tokenizers.count && status == CLADE_OK; i++) {
		const struct part *part = &tokenizer->pre_tokenizers.items[i];
		struct pieces next = { .text.context = tokenizer->context, .first = first };
		status = part->kind->cut(part, &pieces, &next, encoding->diag);
		pieces_finish(&pieces);
		pieces = next;
	}
	for (size_t i = 0; i < pieces.count && status == CLADE_OK; i++)
		status = tokenizer->model->encode(encoding, pieces.text.bytes + pieces.spans[i].start,
						  pieces.spans[i].end - pieces.spans[i].start);
	pieces_finish(&pieces);
	return status;
}

/* Hugging Face counts a text as beginning where its first character was, if normalization took that away. */
static enum clade_status keeps_front(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes, bool *out,
				     struct clade_diag *diag)
{
	struct text_buffer normal = { .context = tokenizer->context };
	enum clade_status status =
		tokenizer_normalize(tokenizer, text, (size_t)utf8_length(text, bytes), &normal, diag);
	*out = normal.count > 0;
	text_finish(&normal);
	return status;
}

static enum clade_status encode_raw(struct encoding *encoding, const char *text, size_t bytes, bool first)
{
	struct text_buffer normal = { .context = encoding->tokenizer->context };
	enum clade_status status = tokenizer_normalize(encoding->tokenizer, text, bytes, &normal, encoding->diag);
	if (status == CLADE_OK && first && encoding->tokenizer->front_counts && bytes > 0)
		status = keeps_front(encoding->tokenizer, text, bytes, &first, encoding->diag);
	if (status == CLADE_OK)
		status = added_split(encoding, true, normal.bytes, normal.count, first, encode_words);
	text_finish(&normal);
	return status;
}

enum clade_status clade_tokenizer_encode(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
					 bool special, int32_t **out_ids, size_t *out_count, struct clade_diag *diag)
{
	const struct template_ids *template = &tokenizer->template_ids;
	struct encoding encoding = { .tokenizer = tokenizer, .ids.context = tokenizer->context, .diag = diag };
	size_t bad = utf8_check(text, bytes), added = special ? template->count : 0;
	enum clade_status status = CLADE_OK;
	bool fine = true;
	*out_ids = NULL;
	*out_count = 0;
	if (bad < bytes)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, NULL,
				  "the text is not UTF-8: byte %zu is 0x%02x", bad, (unsigned char)text[bad]);
	for (size_t i = 0; i < (special ? template->before : 0) && fine; i++)
		fine = ids_add(&encoding.ids, template->ids[i]);
	if (fine)
		status = added_split(&encoding, false, text, bytes, true, encode_raw);
	if (encoding.scratch != NULL)
		tokenizer->model->finish_scratch(tokenizer, encoding.scratch);
	for (size_t i = template->before; i < added && fine && status == CLADE_OK; i++)
		fine = ids_add(&encoding.ids, template->ids[i]);
	if (fine && encoding.ids.ids == NULL) /* no token is a result too: memory that can be freed */
		fine = ids_add(&encoding.ids, 0) && (encoding.ids.count = 0, true);
	if (!fine)
		status = clade_fail_memory(diag, encoding.ids.count * 4, "token ids");
	if (status != CLADE_OK) {
		clade_free(tokenizer->context, encoding.ids.ids);
		return status;
	}
	*out_ids = encoding.ids.ids;
	*out_count = encoding.ids.count;
	return CLADE_OK;
}
