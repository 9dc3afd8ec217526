/* SPDX-License-Identifier: MIT */
/* Pre-tokenizers: text cut into pieces, none of which a token may cross. To add one: a function and a row in the table
 * at the end. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "internal.h"

#include <string.h>

enum behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS };
static const char *const behaviors[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous" };

/* White_Space, and \w, as Rust's regular expressions have them (PCRE2's own classes differ a little). */
#define SPACE                                                                                                          \
	"\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define WORD                                                                                                           \
	"\\p{L}\\p{Nl}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-"       \
	"\\x{1f169}\\x{1f170}-\\x{1f189}"

/* Oniguruma's \w: without the joiners, but with Latin-1's superscripts and fractions. */
#define ONIG_WORD                                                                                                      \
	"\\p{L}\\p{Nl}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}\\x{24b6}-\\x{24e9}\\x{1f130}-"          \
	"\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

struct split {
	pcre2_code *code;
	enum behavior behavior;
	bool invert;
};

/* Where the class that begins at `at` ends (its ']'), and whether it holds \S or \W. */
static size_t class_end(const char *pattern, size_t at, bool *out_negated)
{
	size_t start = at + 1 + (pattern[at + 1] == '^');
	*out_negated = false;
	for (at = start; pattern[at] != '\0' && (pattern[at] != ']' || at == start); at++) {
		if (pattern[at] == '\\' && pattern[at + 1] != '\0')
			*out_negated |= strchr("SW", pattern[++at]) != NULL;
		else if (pattern[at] == '[' && pattern[at + 1] == ':' && strstr(pattern + at, ":]") != NULL)
			at = (size_t)(strstr(pattern + at, ":]") - pattern) + 1;
	}
	return at;
}

/* Hugging Face's patterns are Oniguruma's: there \w holds marks and \s does not hold U+180E. Writes those two out; a
 * class with \S or \W stays as it is (as in [\s\S], which means everything either way). */
static bool translate(const char *pattern, struct text_buffer *out)
{
	size_t class_until = 0;
	bool negated = false, fine = text_add(out, "", 0);
	for (size_t at = 0; pattern[at] != '\0' && fine; at++) {
		bool inside = at < class_until;
		if (pattern[at] == '[' && !inside)
			class_until = class_end(pattern, at, &negated);
		if (pattern[at] != '\\' || pattern[at + 1] == '\0') {
			fine = text_add(out, pattern + at, 1);
			continue;
		}
		char letter = pattern[++at];
		const char *set = letter == 's' || letter == 'S'   ? SPACE
				  : letter == 'w' || letter == 'W' ? ONIG_WORD
								   : NULL;
		if (set == NULL || (inside && negated))
			fine = text_add(out, pattern + at - 1, 2);
		else if (inside)
			fine = text_add(out, set, strlen(set));
		else
			fine = text_add(out, letter == 's' || letter == 'w' ? "[" : "[^",
					letter == 's' || letter == 'w' ? 1 : 2) &&
			       text_add(out, set, strlen(set)) && text_add(out, "]", 1);
	}
	return fine;
}

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
		return text_damaged(source, "pre_tokenizer: the pattern \"%.64s\" is not valid at %zu: %s", pattern,
				    offset, text);
	}
	return CLADE_OK;
}

static enum clade_status new_split(const struct part_source *source, struct part *part, struct split **out)
{
	*out = part->data = clade_alloc(source->context, sizeof(struct split));
	return *out != NULL ? CLADE_OK : clade_fail_memory(source->diag, sizeof(struct split), "a pre-tokenizer");
}

static enum clade_status parse_split(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *pattern = json_object_get(json, "pattern"), *invert = json_object_get(json, "invert");
	const char *literal = json_string_value(json_object_get(pattern, "String"));
	const char *regex = json_string_value(json_object_get(pattern, "Regex"));
	const char *behavior = json_string_value(json_object_get(json, "behavior"));
	struct split *split;
	size_t i = 0;
	if ((literal == NULL) == (regex == NULL) || behavior == NULL)
		return text_damaged(source, "pre_tokenizer Split needs a pattern (String or Regex) and a behavior");
	while (i < 5 && strcmp(behavior, behaviors[i]) != 0)
		i++;
	if (i == 5)
		return text_refuse(source, "Split's behavior", behavior,
				   "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
	enum clade_status status = new_split(source, part, &split);
	if (status != CLADE_OK)
		return status;
	split->behavior = (enum behavior)i;
	split->invert = json_is_true(invert);
	if (literal != NULL)
		return compile(source, literal, true, split);
	struct text_buffer translated = { .context = source->context };
	status = translate(regex, &translated) ? compile(source, translated.bytes, false, split)
					       : clade_fail_memory(source->diag, strlen(regex), "a pattern");
	text_finish(&translated);
	return status;
}

static enum clade_status parse_whitespace(const struct part_source *source, const json_t *json, struct part *part)
{
	struct split *split;
	(void)json;
	enum clade_status status = new_split(source, part, &split);
	if (status != CLADE_OK)
		return status;
	split->behavior = REMOVED; /* what lies between the matches */
	split->invert = true;
	return compile(source, "[" WORD "]+|[^" WORD SPACE "]+", false, split);
}

static enum clade_status parse_whitespace_split(const struct part_source *source, const json_t *json, struct part *part)
{
	struct split *split;
	(void)json;
	enum clade_status status = new_split(source, part, &split);
	if (status != CLADE_OK)
		return status;
	split->behavior = REMOVED;
	return compile(source, "[" SPACE "]", false, split);
}

static void finish_split(struct clade_context *context, struct part *part)
{
	struct split *split = part->data;
	if (split != NULL)
		pcre2_code_free(split->code);
	clade_free(context, split);
}

/* The stretches of one piece, in order: matches, and what lies between them. */
struct stretches {
	struct pieces spans; /* its text is not used */
	bool *matched;
	size_t room;
};

static bool add_stretch(struct stretches *stretches, size_t start, size_t end, bool matched)
{
	size_t before = stretches->spans.count;
	if (!pieces_add(&stretches->spans, start, end))
		return false;
	if (stretches->spans.count == before)
		return true;
	if (stretches->spans.count > stretches->room) {
		bool *grown = clade_resize(stretches->spans.text.context, stretches->matched, stretches->spans.room);
		if (grown == NULL)
			return false;
		stretches->matched = grown;
		stretches->room = stretches->spans.room;
	}
	stretches->matched[before] = matched;
	return true;
}

static enum clade_status find_stretches(const struct split *split, const char *text, size_t bytes,
					struct stretches *out, struct clade_diag *diag)
{
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(split->code, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	enum clade_status status = CLADE_OK;
	bool fine = match != NULL && limits != NULL;
	size_t done = 0, at = 0;
	if (fine) { /* a pattern from a file must not run for ever */
		pcre2_set_match_limit(limits, 10000000);
		pcre2_set_depth_limit(limits, 100000);
		pcre2_set_heap_limit(limits, 65536);
	}
	while (fine && at <= bytes) {
		int count = pcre2_match(split->code, (PCRE2_SPTR)text, bytes, at, PCRE2_NO_UTF_CHECK, match, limits);
		if (count == PCRE2_ERROR_NOMATCH)
			break;
		if (count < 0) {
			char message[128];
			pcre2_get_error_message(count, (PCRE2_UCHAR *)message, sizeof(message));
			status = clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_FILE, NULL,
					    "the pre-tokenizer's pattern failed on this text: %s", message);
			break;
		}
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
		size_t start = ends[0], end = ends[1] > start ? ends[1] : start;
		fine = add_stretch(out, done, start, split->invert) && add_stretch(out, start, end, !split->invert);
		done = end;
		at = end;
		if (start == end) /* an empty match cuts, then the search goes on behind the next character */
			at += at < bytes ? (size_t)utf8_length(text + at, bytes - at) : 1;
	}
	if (fine && status == CLADE_OK)
		fine = add_stretch(out, done, bytes, split->invert);
	pcre2_match_data_free(match);
	pcre2_match_context_free(limits);
	return fine || status != CLADE_OK ? status : clade_fail_memory(diag, bytes, "pieces of text");
}

/* Joins stretches as Hugging Face's behaviors say. `base`: where the piece lies in the text. */
static bool join_stretches(const struct split *split, const struct stretches *in, size_t base, struct pieces *out)
{
	const struct span *spans = in->spans.spans;
	size_t count = in->spans.count;
	for (size_t i = 0, next; i < count; i = next) {
		bool matched = in->matched[i];
		next = i + 1;
		switch (split->behavior) {
		case REMOVED:
			if (matched)
				continue;
			break;
		case ISOLATED:
			break;
		case MERGED_WITH_PREVIOUS: /* a match joins what is before it, unless that is a match */
			if (!matched && next < count && in->matched[next])
				next++;
			break;
		case MERGED_WITH_NEXT:
			if (matched && next < count && !in->matched[next])
				next++;
			break;
		case CONTIGUOUS:
			while (next < count && in->matched[next] == matched)
				next++;
			break;
		}
		if (!pieces_add(out, base + spans[i].start, base + spans[next - 1].end))
			return false;
	}
	return true;
}

static enum clade_status cut(const struct part *part, const struct pieces *in, struct pieces *out,
			     struct clade_diag *diag)
{
	const struct split *split = part->data;
	enum clade_status status = CLADE_OK;
	bool fine = text_add(&out->text, in->text.bytes, in->text.count);
	struct stretches stretches = { .spans.text.context = out->text.context };
	for (size_t i = 0; i < in->count && fine && status == CLADE_OK; i++) {
		size_t start = in->spans[i].start;
		stretches.spans.count = 0;
		status = find_stretches(split, in->text.bytes + start, in->spans[i].end - start, &stretches, diag);
		if (status == CLADE_OK)
			fine = join_stretches(split, &stretches, start, out);
	}
	clade_free(out->text.context, stretches.matched);
	pieces_finish(&stretches.spans);
	return fine || status != CLADE_OK ? status : clade_fail_memory(diag, in->text.count, "pieces of text");
}

const struct part_kind pre_tokenizer_split = { "Split", parse_split, finish_split, .cut = cut },
		       pre_tokenizer_whitespace = { "Whitespace", parse_whitespace, finish_split, .cut = cut },
		       pre_tokenizer_whitespace_split = { "WhitespaceSplit", parse_whitespace_split, finish_split,
							  .cut = cut };
