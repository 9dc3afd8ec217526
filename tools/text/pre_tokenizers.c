/* SPDX-License-Identifier: MIT */
/* Pre-tokenizers: text cut into pieces, none of which a token may cross. Here are those that a
 * regular expression says whole. */
#include "regex.h"
#include "split.h"

#include <string.h>

static const char *const behaviors[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous" };

static enum clade_status parse_behavior(const struct part_source *source, const char *slot, const json_t *json,
					enum split_behavior *out)
{
	const char *behavior = json_string_value(json);
	for (size_t i = 0; behavior != NULL && i < sizeof(behaviors) / sizeof(behaviors[0]); i++) {
		*out = (enum split_behavior)i;
		if (strcmp(behavior, behaviors[i]) == 0)
			return CLADE_OK;
	}
	return text_refuse(source, slot, behavior != NULL ? behavior : "",
			   "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

static enum clade_status parse_split(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *pattern = json_object_get(json, "pattern"), *invert = json_object_get(json, "invert");
	const char *literal = json_string_value(json_object_get(pattern, "String"));
	const char *regex = json_string_value(json_object_get(pattern, "Regex"));
	enum split_behavior behavior;
	if ((literal == NULL) == (regex == NULL) || !json_is_string(json_object_get(json, "behavior")))
		return text_damaged(source, "pre_tokenizer Split needs a pattern (String or Regex) and a behavior");
	enum clade_status status =
		parse_behavior(source, "Split's behavior", json_object_get(json, "behavior"), &behavior);
	if (status != CLADE_OK)
		return status;
	return split_create(source, literal != NULL ? literal : regex, behavior,
			    (literal != NULL ? SPLIT_LITERAL : 0) | (json_is_true(invert) ? SPLIT_INVERT : 0), part);
}

static enum clade_status parse_whitespace(const struct part_source *source, const json_t *json, struct part *part)
{
	(void)json;
	/* what lies between the matches is removed */
	return split_create(source, "[" REGEX_WORD "]+|[^" REGEX_WORD REGEX_SPACE "]+", SPLIT_REMOVED, SPLIT_INVERT,
			    part);
}

static enum clade_status parse_whitespace_split(const struct part_source *source, const json_t *json, struct part *part)
{
	(void)json;
	return split_create(source, "[" REGEX_SPACE "]", SPLIT_REMOVED, 0, part);
}

/* Rust's char::is_numeric, of Unicode 17. */
static enum clade_status parse_digits(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *individual = json_object_get(json, "individual_digits");
	if (!json_is_boolean(individual))
		return text_damaged(source, "pre_tokenizer Digits needs individual_digits, true or false");
	return split_create(source, "[\\p{N}\\x{11de0}-\\x{11de9}\\x{16ff4}-\\x{16ff6}]",
			    json_is_true(individual) ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, 0, part);
}

/* ASCII's punctuation and, of the categories P, what Hugging Face's table of Unicode 7 knows: not what came later. */
#define NEWER_PUNCTUATION                                                                                              \
	"\\x{61d}\\x{9fd}\\x{a76}\\x{c77}\\x{c84}\\x{1b4e}-\\x{1b4f}\\x{1b7d}-\\x{1b7f}\\x{2e43}-\\x{2e4f}\\x{2e52}-"  \
	"\\x{2e5d}\\x{10d6e}\\x{10ead}\\x{10f55}-\\x{10f59}\\x{10f86}-\\x{10f89}\\x{113d4}-\\x{113d5}\\x{113d7}-"      \
	"\\x{113d8}\\x{1144b}-\\x{1144f}\\x{1145a}-\\x{1145b}\\x{1145d}\\x{11660}-\\x{1166c}\\x{116b9}\\x{1183b}"      \
	"\\x{11944}-\\x{11946}\\x{119e2}\\x{11a3f}-\\x{11a46}\\x{11a9a}-\\x{11a9c}\\x{11a9e}-\\x{11aa2}\\x{11b00}-"    \
	"\\x{11b09}\\x{11be1}\\x{11c41}-\\x{11c45}\\x{11c70}-\\x{11c71}\\x{11ef7}-\\x{11ef8}\\x{11f43}-\\x{11f4f}"     \
	"\\x{11fff}\\x{12ff1}-\\x{12ff2}\\x{16d6d}-\\x{16d6f}\\x{16e97}-\\x{16e9a}\\x{16fe2}\\x{1e5ff}\\x{1e95e}-"     \
	"\\x{1e95f}"

static enum clade_status parse_punctuation(const struct part_source *source, const json_t *json, struct part *part)
{
	const json_t *behavior = json_object_get(json, "behavior");
	enum split_behavior chosen = SPLIT_ISOLATED;
	enum clade_status status = CLADE_OK;
	if (behavior != NULL)
		status = parse_behavior(source, "Punctuation's behavior", behavior, &chosen);
	if (status != CLADE_OK)
		return status;
	return split_create(source, "(?![" NEWER_PUNCTUATION "])[\\p{P}$+<=>^`|~\\x{166d}\\x{111c9}]", chosen, 0, part);
}

#define SPLITS .finish = split_finish, .cut = split_cut
const struct part_kind pre_tokenizer_split = { "Split", parse_split, SPLITS },
		       pre_tokenizer_whitespace = { "Whitespace", parse_whitespace, SPLITS },
		       pre_tokenizer_whitespace_split = { "WhitespaceSplit", parse_whitespace_split, SPLITS },
		       pre_tokenizer_digits = { "Digits", parse_digits, SPLITS },
		       pre_tokenizer_punctuation = { "Punctuation", parse_punctuation, SPLITS };
