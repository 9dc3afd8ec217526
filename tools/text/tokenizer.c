/* SPDX-License-Identifier: MIT */
/* tokenizer.json: read into parts, and the way from text to ids and back through them. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { ADDED_LIMIT = 65536 };

/* ---- reading ---- */

static enum clade_status normalize(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
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

static enum clade_status parse_added(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	struct text_buffer content = { .context = source->context };
	size_t count = json_array_size(json);
	enum clade_status status = CLADE_OK;
	if (json != NULL && (!json_is_array(json) || count > ADDED_LIMIT))
		return text_damaged(source, "added_tokens must be a list");
	out->added = clade_alloc(source->context, (count + 1) * sizeof(*out->added));
	if (out->added == NULL)
		return clade_fail_memory(source->diag, count * sizeof(*out->added), "added tokens");
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		const json_t *item = json_array_get(json, i), *id = json_object_get(item, "id");
		const char *text = json_string_value(json_object_get(item, "content"));
		struct added_token *token = &out->added[i];
		if (text == NULL || text[0] == '\0' || !json_is_integer(id) || json_integer_value(id) < 0 ||
		    json_integer_value(id) >= INT32_MAX) {
			status = text_damaged(source, "added_tokens: each needs an id and a content");
			break;
		}
		*token = (struct added_token) { .id = (int32_t)json_integer_value(id) };
		token->lstrip = json_is_true(json_object_get(item, "lstrip"));
		token->rstrip = json_is_true(json_object_get(item, "rstrip"));
		token->normalized = json_is_true(json_object_get(item, "normalized"));
		token->special = json_is_true(json_object_get(item, "special"));
		int32_t known = vocabulary_find(&out->vocabulary, text, strlen(text));
		if (known >= 0 && known != token->id)
			status = text_damaged(source, "added_tokens: \"%.64s\" has id %d, in the vocabulary %d", text,
					      (int)token->id, (int)known);
		else if (json_is_true(json_object_get(item, "single_word")))
			status = text_refuse(source, "added_tokens: the flag", "single_word",
					     "lstrip, rstrip, normalized");
		else if (token->normalized)
			status = normalize(out, text, strlen(text), &content, source->diag);
		else if (content.count = 0, !text_add(&content, text, strlen(text)))
			status = clade_fail_memory(source->diag, strlen(text), "added tokens");
		if (status != CLADE_OK)
			break;
		token->content = clade_strdup(source->context, content.bytes);
		if (token->content == NULL)
			status = clade_fail_memory(source->diag, content.count, "added tokens");
		out->added_count++;
	}
	text_finish(&content);
	return status;
}

static enum clade_status parse_model(const struct part_source *source, const json_t *json, struct clade_tokenizer *out)
{
	const char *type = text_type(json);
	if (!json_is_object(json))
		return text_damaged(source, "has no \"model\"; a tokenizer.json needs one");
	for (out->model = token_model_kinds; out->model->type != NULL; out->model++)
		if (strcmp(out->model->type, type) == 0)
			return out->model->parse(source, json, out);
	return text_refuse(source, "model", type, "WordLevel");
}

static enum clade_status parse_decoder(const struct part_source *source, const json_t *json,
				       struct clade_tokenizer *out)
{
	const char *type = text_type(json);
	for (out->decoder = decoder_kinds; out->decoder->type != NULL; out->decoder++)
		if (strcmp(out->decoder->type, type) == 0)
			return CLADE_OK;
	return text_refuse(source, "decoder", type, "Fuse");
}

static enum clade_status parse_root(const struct part_source *source, const json_t *root, struct clade_tokenizer *out)
{
	enum clade_status status = parts_parse(source, "normalizer", "normalizers", normalizer_kinds,
					       json_object_get(root, "normalizer"), &out->normalizers);
	if (status == CLADE_OK)
		status = parts_parse(source, "pre_tokenizer", "pretokenizers", pre_tokenizer_kinds,
				     json_object_get(root, "pre_tokenizer"), &out->pre_tokenizers);
	if (status == CLADE_OK)
		status = parse_model(source, json_object_get(root, "model"), out);
	if (status == CLADE_OK)
		status = parse_added(source, json_object_get(root, "added_tokens"), out);
	if (status == CLADE_OK)
		status = template_parse(source, json_object_get(root, "post_processor"), &out->template_ids);
	if (status == CLADE_OK)
		status = parse_decoder(source, json_object_get(root, "decoder"), out);
	return status;
}

enum clade_status clade_tokenizer_parse(struct clade_context *context, const char *name, const char *text, size_t bytes,
					struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag };
	json_error_t error;
	*out_tokenizer = NULL;
	struct clade_tokenizer *tokenizer = clade_alloc(context, sizeof(*tokenizer));
	if (tokenizer == NULL)
		return clade_fail_memory(diag, sizeof(*tokenizer), "a tokenizer");
	tokenizer->context = context;
	tokenizer->unknown = -1;
	tokenizer->name = clade_strdup(context, name);
	json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
	enum clade_status status;
	if (tokenizer->name == NULL)
		status = clade_fail_memory(diag, strlen(name), "a tokenizer");
	else if (root == NULL)
		status = text_damaged(&source, "not valid JSON: %s (line %d, column %d)", error.text, error.line,
				      error.column);
	else if (!json_is_object(root))
		status = text_damaged(&source, "must be a JSON object");
	else
		status = parse_root(&source, root, tokenizer);
	json_decref(root);
	if (status != CLADE_OK)
		clade_tokenizer_destroy(&tokenizer);
	*out_tokenizer = tokenizer;
	return status;
}

void clade_tokenizer_destroy(struct clade_tokenizer **tokenizer)
{
	struct clade_tokenizer *t = *tokenizer;
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->added_count; i++)
		clade_free(t->context, t->added[i].content);
	clade_free(t->context, t->added);
	vocabulary_finish(t->context, &t->vocabulary);
	parts_finish(t->context, &t->normalizers);
	parts_finish(t->context, &t->pre_tokenizers);
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
	int32_t last = vocabulary->by_text[vocabulary->by_id[vocabulary->count - 1]].id;
	for (size_t i = 0; i < tokenizer->added_count; i++)
		if (tokenizer->added[i].id > last)
			last = tokenizer->added[i].id;
	return last + 1;
}

static const struct added_token *find_added(const struct clade_tokenizer *tokenizer, int32_t id)
{
	for (size_t i = 0; i < tokenizer->added_count; i++)
		if (tokenizer->added[i].id == id)
			return &tokenizer->added[i];
	return NULL;
}

const char *clade_tokenizer_token(const struct clade_tokenizer *tokenizer, int32_t id)
{
	const char *token = vocabulary_token(&tokenizer->vocabulary, id);
	const struct added_token *added = token == NULL ? find_added(tokenizer, id) : NULL;
	return added != NULL ? added->content : token;
}

int32_t clade_tokenizer_find(const struct clade_tokenizer *tokenizer, const char *token)
{
	for (size_t i = 0; i < tokenizer->added_count; i++)
		if (strcmp(tokenizer->added[i].content, token) == 0)
			return tokenizer->added[i].id;
	return vocabulary_find(&tokenizer->vocabulary, token, strlen(token));
}

bool clade_tokenizer_is_special(const struct clade_tokenizer *tokenizer, int32_t id)
{
	const struct added_token *added = find_added(tokenizer, id);
	return added != NULL && added->special;
}

/* ---- encoding ---- */

/* The leftmost, then longest, added token in text[from, bytes); NULL if none. */
static const struct added_token *next_added(const struct clade_tokenizer *tokenizer, bool normalized, const char *text,
					    size_t bytes, size_t from, size_t *out_at)
{
	const struct added_token *best = NULL;
	for (size_t i = 0; i < tokenizer->added_count; i++) {
		const struct added_token *token = &tokenizer->added[i];
		size_t length = strlen(token->content);
		if (token->normalized != normalized || length == 0)
			continue;
		const char *at = memmem(text + from, bytes - from, token->content, length);
		if (at == NULL)
			continue;
		size_t place = (size_t)(at - text);
		if (best == NULL || place < *out_at || (place == *out_at && length > strlen(best->content))) {
			best = token;
			*out_at = place;
		}
	}
	return best;
}

static size_t skip_space_back(const char *text, size_t from, size_t at)
{
	while (at > from) {
		size_t start = at - 1;
		while (start > from && ((unsigned char)text[start] & 0xc0) == 0x80)
			start--;
		if (!is_white_space(utf8_point(text + start, (int)(at - start))))
			break;
		at = start;
	}
	return at;
}

static size_t skip_space(const char *text, size_t bytes, size_t at)
{
	while (at < bytes) {
		int length = utf8_length(text + at, bytes - at);
		if (!is_white_space(utf8_point(text + at, length)))
			break;
		at += (size_t)length;
	}
	return at;
}

typedef enum clade_status stretch_fn(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				     struct id_buffer *out, struct clade_diag *diag);

/* Emits added tokens found in the text, and hands what lies between them on. */
static enum clade_status split_added(const struct clade_tokenizer *tokenizer, bool normalized, const char *text,
				     size_t bytes, stretch_fn *rest, struct id_buffer *out, struct clade_diag *diag)
{
	size_t at = 0, place = 0;
	enum clade_status status = CLADE_OK;
	while (at < bytes && status == CLADE_OK) {
		const struct added_token *token = next_added(tokenizer, normalized, text, bytes, at, &place);
		size_t end = token == NULL ? bytes : token->lstrip ? skip_space_back(text, at, place) : place;
		if (end > at)
			status = rest(tokenizer, text + at, end - at, out, diag);
		if (token == NULL || status != CLADE_OK)
			break;
		if (!ids_add(out, token->id))
			return clade_fail_memory(diag, out->count * 4, "token ids");
		at = place + strlen(token->content);
		if (token->rstrip)
			at = skip_space(text, bytes, at);
	}
	return status;
}

/* Normalized text without added tokens: cut, then the model. */
static enum clade_status encode_words(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				      struct id_buffer *out, struct clade_diag *diag)
{
	struct pieces pieces = { .text.context = tokenizer->context };
	enum clade_status status = CLADE_OK;
	if (!text_add(&pieces.text, text, bytes) || !pieces_add(&pieces, 0, bytes))
		status = clade_fail_memory(diag, bytes, "text");
	for (size_t i = 0; i < tokenizer->pre_tokenizers.count && status == CLADE_OK; i++) {
		const struct part *part = &tokenizer->pre_tokenizers.items[i];
		struct pieces next = { .text.context = tokenizer->context };
		status = part->kind->cut(part, &pieces, &next, diag);
		pieces_finish(&pieces);
		pieces = next;
	}
	for (size_t i = 0; i < pieces.count && status == CLADE_OK; i++)
		status = tokenizer->model->encode(tokenizer, pieces.text.bytes + pieces.spans[i].start,
						  pieces.spans[i].end - pieces.spans[i].start, out, diag);
	pieces_finish(&pieces);
	return status;
}

static enum clade_status encode_raw(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
				    struct id_buffer *out, struct clade_diag *diag)
{
	struct text_buffer normal = { .context = tokenizer->context };
	enum clade_status status = normalize(tokenizer, text, bytes, &normal, diag);
	if (status == CLADE_OK)
		status = split_added(tokenizer, true, normal.bytes, normal.count, encode_words, out, diag);
	text_finish(&normal);
	return status;
}

enum clade_status clade_tokenizer_encode(const struct clade_tokenizer *tokenizer, const char *text, size_t bytes,
					 bool special, int32_t **out_ids, size_t *out_count, struct clade_diag *diag)
{
	const struct template_ids *template = &tokenizer->template_ids;
	struct id_buffer ids = { .context = tokenizer->context };
	size_t bad = utf8_check(text, bytes), added = special ? template->count : 0;
	enum clade_status status = CLADE_OK;
	bool fine = true;
	*out_ids = NULL;
	*out_count = 0;
	if (bad < bytes)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_UTF8, NULL,
				  "the text is not UTF-8: byte %zu is 0x%02x", bad, (unsigned char)text[bad]);
	for (size_t i = 0; i < (special ? template->before : 0) && fine; i++)
		fine = ids_add(&ids, template->ids[i]);
	if (fine)
		status = split_added(tokenizer, false, text, bytes, encode_raw, &ids, diag);
	for (size_t i = template->before; i < added && fine && status == CLADE_OK; i++)
		fine = ids_add(&ids, template->ids[i]);
	if (fine && ids.ids == NULL) /* no token is a result too: memory that can be freed */
		fine = ids_add(&ids, 0) && (ids.count = 0, true);
	if (!fine)
		status = clade_fail_memory(diag, ids.count * 4, "token ids");
	if (status != CLADE_OK) {
		clade_free(tokenizer->context, ids.ids);
		return status;
	}
	*out_ids = ids.ids;
	*out_count = ids.count;
	return CLADE_OK;
}

/* ---- decoding ---- */

struct clade_decoder {
	const struct clade_tokenizer *tokenizer;
	bool skip_special, any;
	struct text_buffer pending, out;
};

enum clade_status clade_decoder_create(const struct clade_tokenizer *tokenizer, bool skip_special,
				       struct clade_decoder **out_decoder, struct clade_diag *diag)
{
	struct clade_decoder *decoder = clade_alloc(tokenizer->context, sizeof(*decoder));
	*out_decoder = decoder;
	if (decoder == NULL)
		return clade_fail_memory(diag, sizeof(*decoder), "a decoder");
	*decoder = (struct clade_decoder) { .tokenizer = tokenizer, .skip_special = skip_special };
	decoder->pending.context = decoder->out.context = tokenizer->context;
	return CLADE_OK;
}

void clade_decoder_destroy(struct clade_decoder **decoder)
{
	if (*decoder == NULL)
		return;
	text_finish(&(*decoder)->pending);
	text_finish(&(*decoder)->out);
	clade_free((*decoder)->tokenizer->context, *decoder);
	*decoder = NULL;
}

static enum clade_status release(struct clade_decoder *decoder, bool end, const char **out_text, size_t *out_bytes,
				 struct clade_diag *diag)
{
	decoder->out.count = 0;
	if (!text_add(&decoder->out, "", 0) || !utf8_release(&decoder->pending, &decoder->out, end))
		return clade_fail_memory(diag, decoder->pending.count, "decoded text");
	*out_text = decoder->out.bytes;
	*out_bytes = decoder->out.count;
	return CLADE_OK;
}

enum clade_status clade_decoder_push(struct clade_decoder *decoder, int32_t id, const char **out_text,
				     size_t *out_bytes, struct clade_diag *diag)
{
	const struct clade_tokenizer *tokenizer = decoder->tokenizer;
	const char *token = clade_tokenizer_token(tokenizer, id);
	*out_text = "";
	*out_bytes = 0;
	/* an id without a token (a padded vocabulary) gives no text, as in Hugging Face's decoders */
	if (token != NULL && !(decoder->skip_special && clade_tokenizer_is_special(tokenizer, id))) {
		if (!tokenizer->decoder->token(token, !decoder->any, &decoder->pending))
			return clade_fail_memory(diag, strlen(token), "decoded text");
		decoder->any = true;
	}
	return release(decoder, false, out_text, out_bytes, diag);
}

enum clade_status clade_decoder_finish(struct clade_decoder *decoder, const char **out_text, size_t *out_bytes,
				       struct clade_diag *diag)
{
	decoder->any = false;
	return release(decoder, true, out_text, out_bytes, diag);
}
