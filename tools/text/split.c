/* SPDX-License-Identifier: MIT */
/* Texts cut by regular expressions: matching within limits, and what becomes of matches and of what is between them. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "regex.h"
#include "split.h"

#include <string.h>

const char split_gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char split_qwen2[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
			   "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
			   "\\s+(?!\\S)|\\s+";

struct split {
	pcre2_code *code;
	enum split_behavior behavior;
	bool invert;
};

static enum clade_status compile(const struct part_source *source, const char *pattern, bool literal,
				 struct split *split)
{
	int error;
	PCRE2_SIZE offset;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (context == NULL)
		return clade_fail_memory(source->diag, 0, "a regular expression");
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(context, 65536);
	split->code =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			      PCRE2_UTF | PCRE2_NO_UTF_CHECK |
				      (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C),
			      &error, &offset, context);
	pcre2_compile_context_free(context);
	if (split->code == NULL) {
		char text[128];
		pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof(text));
		return text_damaged(source, "the pattern \"%.64s\" is not valid at %zu: %s", pattern, offset, text);
	}
	/* machine code where PCRE2 can make it; else its interpreter, which gives the same matches */
	pcre2_jit_compile(split->code, PCRE2_JIT_COMPLETE);
	return CLADE_OK;
}

enum clade_status split_create(const struct part_source *source, const char *pattern, enum split_behavior behavior,
			       int flags, struct part *part)
{
	bool literal = (flags & SPLIT_LITERAL) != 0;
	struct text_buffer translated = { .context = source->context };
	struct split *split = part->data = clade_alloc(source->context, sizeof(*split));
	enum clade_status status = CLADE_OK;
	if (split == NULL)
		return clade_fail_memory(source->diag, sizeof(*split), "a pre-tokenizer");
	split->behavior = behavior;
	split->invert = (flags & SPLIT_INVERT) != 0;
	if (!literal)
		status = regex_translate(source, pattern, (flags & SPLIT_UNICODE_15) != 0, &translated);
	if (status == CLADE_OK)
		status = compile(source, literal ? pattern : translated.bytes, literal, split);
	text_finish(&translated);
	return status;
}

void split_finish(struct clade_context *context, struct part *part)
{
	struct split *split = part->data;
	if (split != NULL)
		pcre2_code_free(split->code);
	clade_free(context, split);
}

struct splitter {
	const struct split *split;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	struct pieces stretches; /* of one piece: matches and what lies between them; its text is not used */
	bool *matched;
	size_t room;
};

enum clade_status splitter_create(const struct part *part, struct clade_context *context, struct splitter **out,
				  struct clade_diag *diag)
{
	struct splitter *splitter = *out = clade_alloc(context, sizeof(*splitter));
	if (splitter == NULL)
		return clade_fail_memory(diag, sizeof(*splitter), "a pre-tokenizer");
	splitter->split = part->data;
	splitter->stretches.text.context = context;
	splitter->match = pcre2_match_data_create_from_pattern(splitter->split->code, NULL);
	splitter->limits = pcre2_match_context_create(NULL);
	if (splitter->match == NULL || splitter->limits == NULL) {
		splitter_destroy(out);
		return clade_fail_memory(diag, 0, "a pre-tokenizer");
	}
	/* a pattern from a file must not run for ever */
	pcre2_set_match_limit(splitter->limits, 10000000);
	pcre2_set_depth_limit(splitter->limits, 100000);
	pcre2_set_heap_limit(splitter->limits, 65536);
	return CLADE_OK;
}

void splitter_destroy(struct splitter **splitter)
{
	struct splitter *s = *splitter;
	if (s == NULL)
		return;
	pcre2_match_data_free(s->match);
	pcre2_match_context_free(s->limits);
	clade_free(s->stretches.text.context, s->matched);
	struct clade_context *context = s->stretches.text.context;
	pieces_finish(&s->stretches);
	clade_free(context, s);
	*splitter = NULL;
}

static bool add_stretch(struct splitter *splitter, size_t start, size_t end, bool matched)
{
	size_t before = splitter->stretches.count;
	if (!pieces_add(&splitter->stretches, start, end))
		return false;
	if (splitter->stretches.count == before)
		return true;
	if (splitter->stretches.count > splitter->room) {
		bool *grown =
			clade_resize(splitter->stretches.text.context, splitter->matched, splitter->stretches.room);
		if (grown == NULL)
			return false;
		splitter->matched = grown;
		splitter->room = splitter->stretches.room;
	}
	splitter->matched[before] = matched;
	return true;
}

static int match_at(const struct splitter *splitter, const char *text, size_t bytes, size_t at)
{
	int count = pcre2_match(splitter->split->code, (PCRE2_SPTR)text, bytes, at, PCRE2_NO_UTF_CHECK, splitter->match,
				splitter->limits);
	if (count == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its state on the heap */
		count = pcre2_match(splitter->split->code, (PCRE2_SPTR)text, bytes, at,
				    PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, splitter->match, splitter->limits);
	return count;
}

static enum clade_status fail_match(int error, struct clade_diag *diag)
{
	char message[128];
	pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_FILE, NULL,
			  "the tokenizer's pattern failed on this text: %s", message);
}

static enum clade_status find_stretches(struct splitter *splitter, const char *text, size_t bytes,
					struct clade_diag *diag)
{
	bool invert = splitter->split->invert, fine = true;
	size_t done = 0, at = 0;
	splitter->stretches.count = 0;
	while (fine && at <= bytes) {
		int count = match_at(splitter, text, bytes, at);
		if (count == PCRE2_ERROR_NOMATCH)
			break;
		if (count < 0)
			return fail_match(count, diag);
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(splitter->match);
		size_t start = ends[0], end = ends[1] > start ? ends[1] : start;
		fine = add_stretch(splitter, done, start, invert) && add_stretch(splitter, start, end, !invert);
		done = end;
		at = end;
		if (start == end) /* an empty match cuts, then the search goes on behind the next character */
			at += at < bytes ? (size_t)utf8_length(text + at, bytes - at) : 1;
	}
	fine = fine && add_stretch(splitter, done, bytes, invert);
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "pieces of text");
}

/* Joins stretches as Hugging Face's behaviors say. `base`: where the piece lies in the text. */
static bool join_stretches(const struct splitter *splitter, size_t base, struct pieces *out)
{
	const struct span *spans = splitter->stretches.spans;
	size_t count = splitter->stretches.count;
	for (size_t i = 0, next; i < count; i = next) {
		bool matched = splitter->matched[i];
		next = i + 1;
		switch (splitter->split->behavior) {
		case SPLIT_REMOVED:
			if (matched)
				continue;
			break;
		case SPLIT_ISOLATED:
			break;
		case SPLIT_MERGED_WITH_PREVIOUS: /* a match joins what is before it, unless that is a match */
			if (!matched && next < count && splitter->matched[next])
				next++;
			break;
		case SPLIT_MERGED_WITH_NEXT:
			if (matched && next < count && !splitter->matched[next])
				next++;
			break;
		case SPLIT_CONTIGUOUS:
			while (next < count && splitter->matched[next] == matched)
				next++;
			break;
		}
		if (!pieces_add(out, base + spans[i].start, base + spans[next - 1].end))
			return false;
	}
	return true;
}

enum clade_status splitter_cut(struct splitter *splitter, const char *text, size_t start, size_t end,
			       struct pieces *out, struct clade_diag *diag)
{
	enum clade_status status = find_stretches(splitter, text + start, end - start, diag);
	if (status == CLADE_OK && !join_stretches(splitter, start, out))
		status = clade_fail_memory(diag, end - start, "pieces of text");
	return status;
}

enum clade_status splitter_replace(struct splitter *splitter, const char *text, size_t bytes, const char *content,
				   size_t content_bytes, struct text_buffer *out, struct clade_diag *diag)
{
	size_t done = 0, at = 0;
	bool fine = true, any = false;
	while (fine && bytes > 0 && at <= bytes) {
		int count = match_at(splitter, text, bytes, at);
		if (count == PCRE2_ERROR_NOMATCH)
			break;
		if (count < 0)
			return fail_match(count, diag);
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(splitter->match);
		size_t start = ends[0], end = ends[1] > start ? ends[1] : start;
		at = end;
		if (start == end && any &&
		    end == done) { /* nothing, right behind a match: goes on behind a character */
			at += at < bytes ? (size_t)utf8_length(text + at, bytes - at) : 1;
			continue;
		}
		fine = text_add(out, text + done, start - done) && text_add(out, content, content_bytes);
		done = end;
		any = true;
	}
	fine = fine && text_add(out, text + done, bytes - done);
	return fine ? CLADE_OK : clade_fail_memory(diag, bytes, "text");
}

enum clade_status split_cut(const struct part *part, const struct pieces *in, struct pieces *out,
			    struct clade_diag *diag)
{
	struct splitter *splitter;
	enum clade_status status = splitter_create(part, out->text.context, &splitter, diag);
	if (status == CLADE_OK && !text_add(&out->text, in->text.bytes, in->text.count))
		status = clade_fail_memory(diag, in->text.count, "text");
	for (size_t i = 0; i < in->count && status == CLADE_OK; i++)
		status = splitter_cut(splitter, in->text.bytes, in->spans[i].start, in->spans[i].end, out, diag);
	splitter_destroy(&splitter);
	return status;
}
