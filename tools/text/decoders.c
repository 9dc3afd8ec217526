/* SPDX-License-Identifier: MIT */
/* Decoders: stages that tokens pass on their way to text. */
#include "metaspace.h"
#include "normalizer_words.h"

#include <string.h>

bool stage_emit_part(struct decoder_stage *stage, const char *text, size_t bytes, bool last)
{
	struct decoder_stage *next = stage->next;
	if (next->part == NULL)
		return text_add(&next->held, text, bytes);
	const struct part_kind *kind = next->part->kind;
	bool fine = true;
	if (kind->token_part != NULL) {
		fine = kind->token_part(next, text, bytes, last);
	} else if (last && next->gathered.count == 0) {
		fine = kind->token(next, text, bytes);
	} else {
		fine = text_add(&next->gathered, text, bytes);
		if (fine && last)
			fine = kind->token(next, next->gathered.bytes, next->gathered.count);
		if (last)
			next->gathered.count = 0;
	}
	next->seen += last;
	return fine;
}

bool stage_emit(struct decoder_stage *stage, const char *text, size_t bytes)
{
	return stage_emit_part(stage, text, bytes, true);
}

/* ---- no decoder given: words joined by spaces ---- */

static bool words(struct decoder_stage *stage, const char *text, size_t bytes)
{
	return stage_emit_part(stage, " ", stage->seen > 0, false) && stage_emit(stage, text, bytes);
}

const struct part_kind decoder_words = { .type = "", .token = words };

/* ---- Fuse: one token of all ---- */

static bool fuse(struct decoder_stage *stage, const char *text, size_t bytes)
{
	return stage_emit_part(stage, text, bytes, false);
}

static bool fuse_end(struct decoder_stage *stage)
{
	return stage_emit(stage, "", 0);
}

const struct part_kind decoder_fuse = { .type = "Fuse", .token = fuse, .end = fuse_end };

/* ---- ByteFallback: a run of tokens <0x00> to <0xFF> is UTF-8, or as many U+FFFD as it has bytes ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The byte that a token stands for, -1 if it is another. Hugging Face reads "+F" as a number, too. */
static int byte_of(const char *text, size_t bytes)
{
	if (bytes != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
		return -1;
	int high = text[3] == '+' ? 0 : hex_digit(text[3]), low = hex_digit(text[4]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool byte_run_end(struct decoder_stage *stage)
{
	struct text_buffer *run = &stage->held;
	size_t count = run->count;
	bool fine = true;
	if (count == 0)
		return true;
	if (utf8_check(run->bytes, count) == count)
		fine = stage_emit(stage, run->bytes, count);
	else
		for (size_t i = 0; i < count && fine; i++)
			fine = stage_emit(stage, "\xef\xbf\xbd", 3);
	run->count = 0;
	return fine;
}

static bool byte_fallback(struct decoder_stage *stage, const char *text, size_t bytes)
{
	int byte = byte_of(text, bytes);
	return byte >= 0 ? text_add(&stage->held, &(char) { (char)byte }, 1)
			 : byte_run_end(stage) && stage_emit(stage, text, bytes);
}

const struct part_kind decoder_byte_fallback = { .type = "ByteFallback", .token = byte_fallback, .end = byte_run_end };

/* ---- Strip: up to `start` of a character at a token's front, up to `stop` at its end ---- */

struct strip {
	char content[4];
	size_t bytes, start, stop;
};

static enum clade_status strip_parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const char *content = json_string_value(json_object_get(json, "content"));
	const json_t *start = json_object_get(json, "start"), *stop = json_object_get(json, "stop");
	size_t bytes = content != NULL ? strlen(content) : 0;
	if (bytes == 0 || utf8_length(content, bytes) != (int)bytes)
		return text_damaged(source, "decoder Strip needs a content, one character");
	if (!json_is_integer(start) || json_integer_value(start) < 0 || !json_is_integer(stop) ||
	    json_integer_value(stop) < 0)
		return text_damaged(source, "decoder Strip needs start and stop, two counts");
	struct strip *data = clade_alloc(source->context, sizeof(*data));
	part->data = data;
	if (data == NULL)
		return clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
	*data = (struct strip) { .bytes = bytes,
				 .start = (size_t)json_integer_value(start),
				 .stop = (size_t)json_integer_value(stop) };
	memcpy(data->content, content, bytes);
	return CLADE_OK;
}

static void data_finish(struct clade_context *context, struct part *part)
{
	clade_free(context, part->data);
}

/* `count`: characters cut from the token's front; SIZE_MAX when another one came. `held`: those at the end of what is
 * known of it, which are cut if nothing follows. */
static bool strip_part(struct decoder_stage *stage, const char *text, size_t bytes, bool last)
{
	const struct strip *data = stage->part->data;
	size_t width = data->bytes;
	bool fine = true;
	while (stage->count < data->start && bytes >= width && memcmp(text, data->content, width) == 0) {
		stage->count++;
		text += width;
		bytes -= width;
	}
	if (bytes > 0)
		stage->count = SIZE_MAX;
	fine = text_add(&stage->held, text, bytes);
	size_t end = stage->held.count, kept = 0;
	while (fine && kept < data->stop && end >= width &&
	       memcmp(stage->held.bytes + end - width, data->content, width) == 0) {
		end -= width;
		kept++;
	}
	fine = fine && stage_emit_part(stage, stage->held.bytes, end, last);
	if (!fine)
		return false;
	memmove(stage->held.bytes, stage->held.bytes + end, stage->held.count - end);
	stage->held.count -= end;
	if (last)
		stage->count = stage->held.count = 0;
	return true;
}

const struct part_kind decoder_strip = {
	.type = "Strip", .parse = strip_parse, .finish = data_finish, .token_part = strip_part
};

/* ---- Metaspace: the replacement becomes a space, but in the first token nothing if one was prepended ---- */

static bool metaspace(struct decoder_stage *stage, const char *text, size_t bytes)
{
	const struct metaspace *data = stage->part->data;
	size_t space = stage->seen > 0 || data->prepend == METASPACE_NEVER, from = 0;
	bool fine = true;
	for (size_t at = 0; at < bytes && fine;) {
		if (bytes - at < data->bytes || memcmp(text + at, data->replacement, data->bytes) != 0) {
			at++;
			continue;
		}
		fine = stage_emit_part(stage, text + from, at - from, false) &&
		       stage_emit_part(stage, " ", space, false);
		from = at += data->bytes;
	}
	return fine && stage_emit(stage, text + from, bytes - from);
}

const struct part_kind decoder_metaspace = {
	.type = "Metaspace", .parse = metaspace_parse, .finish = metaspace_finish, .token = metaspace
};

/* ---- WordPiece: a space before each token that begins a word ---- */

struct word_piece {
	char *prefix;
	size_t bytes;
	bool cleanup;
};

static void word_piece_finish(struct clade_context *context, struct part *part)
{
	struct word_piece *data = part->data;
	if (data != NULL)
		clade_free(context, data->prefix);
	clade_free(context, data);
}

static enum clade_status word_piece_parse(const struct part_source *source, const json_t *json, struct part *part)
{
	const char *prefix = json_string_value(json_object_get(json, "prefix"));
	const json_t *cleanup = json_object_get(json, "cleanup");
	if (prefix == NULL || !json_is_boolean(cleanup))
		return text_damaged(source, "decoder WordPiece needs a prefix, and cleanup, true or false");
	struct word_piece *data = clade_alloc(source->context, sizeof(*data));
	part->data = data;
	if (data != NULL)
		*data = (struct word_piece) { clade_strdup(source->context, prefix), strlen(prefix),
					      json_is_true(cleanup) };
	return data != NULL && data->prefix != NULL ? CLADE_OK
						    : clade_fail_memory(source->diag, sizeof(*data), "a tokenizer");
}

/* What tokenization tore apart in English, put together within one token. */
static bool clean(struct text_buffer *text)
{
	static const char *const pairs[][2] = {
		{ " .", "." },   { " ?", "?" },     { " !", "!" },     { " ,", "," },
		{ " ' ", "'" },  { " n't", "n't" }, { " 'm", "'m" },   { " do not", " don't" },
		{ " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
	};
	struct text_buffer other = { .context = text->context };
	bool fine = true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && fine; i++) {
		const char *from = pairs[i][0], *to = pairs[i][1], *found;
		size_t at = 0, length = strlen(from);
		other.count = 0;
		while (fine && (found = memmem(text->bytes + at, text->count - at, from, length)) != NULL) {
			size_t start = (size_t)(found - text->bytes);
			fine = text_add(&other, text->bytes + at, start - at) && text_add(&other, to, strlen(to));
			at = start + length;
		}
		if (at == 0)
			continue;
		fine = fine && text_add(&other, text->bytes + at, text->count - at);
		struct text_buffer swap = *text;
		*text = other;
		other = swap;
	}
	text_finish(&other);
	return fine;
}

static bool has_prefix(const char *text, size_t bytes, const char *prefix, size_t prefix_bytes)
{
	return bytes >= prefix_bytes && memcmp(text, prefix, prefix_bytes) == 0;
}

static bool emit_word_piece(struct decoder_stage *stage, bool begins, bool cleanup, const char *text, size_t bytes)
{
	stage->held.count = 0;
	return text_add(&stage->held, " ", stage->seen > 0 && begins) && text_add(&stage->held, text, bytes) &&
	       (!cleanup || clean(&stage->held)) && stage_emit(stage, stage->held.bytes, stage->held.count);
}

static bool word_piece(struct decoder_stage *stage, const char *text, size_t bytes)
{
	const struct word_piece *data = stage->part->data;
	bool continues = stage->seen > 0 && has_prefix(text, bytes, data->prefix, data->bytes);
	size_t cut = continues ? data->bytes : 0;
	return emit_word_piece(stage, !continues, data->cleanup, text + cut, bytes - cut);
}

const struct part_kind decoder_word_piece = {
	.type = "WordPiece", .parse = word_piece_parse, .finish = word_piece_finish, .token = word_piece
};

static bool word_start(struct decoder_stage *stage, const char *text, size_t bytes)
{
	const struct clade_tokenizer *tokenizer = stage->part->data;
	int32_t id = vocabulary_find(&tokenizer->vocabulary, text, bytes);
	bool added = id >= 0 && added_token(&tokenizer->added, id) != NULL;
	bool begins = !added && has_prefix(text, bytes, WORD_START, WORD_START_BYTES);
	size_t cut = begins ? WORD_START_BYTES : 0;
	return emit_word_piece(stage, begins || added, true, text + cut, bytes - cut);
}

const struct part_kind decoder_word_starts = { .type = "WordStarts", .token = word_start };
