/* SPDX-License-Identifier: MIT */
/* Oniguruma's patterns (Ruby's syntax) written for PCRE2: its \s, \w and \h, its Unicode version, repeated intervals,
 * and intersections of classes. What would silently mean something else is refused. */
#include "regex.h"

#include <string.h>

/* Oniguruma's \w: without the joiners, but with Latin-1's superscripts and fractions. */
#define ONIG_WORD                                                                                                      \
	"\\p{L}\\p{Nl}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}\\x{24b6}-\\x{24e9}\\x{1f130}-"          \
	"\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
#define HEX "0-9a-fA-F"

enum { MAX_GROUPS = 64 };

struct translation {
	const struct part_source *source;
	const char *pattern;
	size_t at;
	struct text_buffer *out;
	size_t atom; /* where in `out` the last atom begins: what a quantifier repeats */
	size_t groups[MAX_GROUPS];
	size_t depth;
};

static bool put(struct translation *t, const char *text)
{
	return text_add(t->out, text, strlen(text));
}

static enum clade_status out_of_memory(const struct translation *t)
{
	return clade_fail_memory(t->source->diag, strlen(t->pattern), "a pattern");
}

static enum clade_status refuse(const struct translation *t, const char *what)
{
	return clade_fail(t->source->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TEXT_KIND, t->source->name,
			  "the pattern \"%.64s\" has %s at %zu, which is not supported", t->pattern, what, t->at);
}

/* Ranges that belong to a property besides those that PCRE2 knows of. */
static bool put_added(struct translation *t, const char *name, size_t length)
{
	for (const struct regex_added *added = regex_added; added->name != NULL; added++) {
		bool letter = length == 1 && strlen(added->name) == 2 && added->name[0] == name[0];
		if ((letter || (strlen(added->name) == length && memcmp(added->name, name, length) == 0)) &&
		    !put(t, added->ranges))
			return false;
	}
	return true;
}

/* \p{Name}, \p{^Name}, \P{Name}. A script is what Oniguruma means by its name, not PCRE2's script extensions. */
static enum clade_status property(struct translation *t, bool inside)
{
	const char *start = t->pattern + t->at + 2, *end;
	bool negated = t->pattern[t->at + 1] == 'P';
	if (*start != '{' || (end = strchr(start, '}')) == NULL)
		return refuse(t, "a property without braces");
	start++;
	if (*start == '^') {
		negated = !negated;
		start++;
	}
	size_t length = (size_t)(end - start);
	bool script = length > 2 && strncmp(start, "Any", length) != 0;
	bool fine = inside || put(t, negated ? "[^" : "[");
	fine = fine && put(t, inside && negated ? "\\P{" : "\\p{") && put(t, script ? "sc:" : "") &&
	       text_add(t->out, start, length) && put(t, "}") && ((inside && negated) || put_added(t, start, length)) &&
	       (inside || put(t, "]"));
	t->at = (size_t)(end - t->pattern) + 1;
	return fine ? CLADE_OK : out_of_memory(t);
}

/* \s, \w, \h and their opposites. A class that holds an opposite leaves it as it is (as in [\s\S]: everything). */
static enum clade_status shorthand(struct translation *t, const char *set, bool negated, bool inside)
{
	bool fine;
	if (inside && negated)
		fine = text_add(t->out, t->pattern + t->at, 2);
	else if (inside)
		fine = put(t, set);
	else
		fine = put(t, negated ? "[^" : "[") && put(t, set) && put(t, "]");
	t->at += 2;
	return fine ? CLADE_OK : out_of_memory(t);
}

static enum clade_status escape(struct translation *t, bool inside, bool opposites)
{
	char letter = t->pattern[t->at + 1];
	switch (letter) {
	case 'p':
	case 'P':
		return property(t, inside);
	case 's':
	case 'S':
		if (!inside || (!opposites && letter == 's'))
			return shorthand(t, REGEX_SPACE, letter == 'S', inside);
		break;
	case 'w':
	case 'W':
		if (!inside || (!opposites && letter == 'w'))
			return shorthand(t, ONIG_WORD, letter == 'W', inside);
		break;
	case 'h':
	case 'H':
		if (inside && letter == 'H')
			return refuse(t, "\\H within a class");
		return shorthand(t, HEX, letter == 'H', inside);
	case '\0':
		return refuse(t, "a lone \\");
	default:
		break;
	}
	bool fine = text_add(t->out, t->pattern + t->at, 2);
	t->at += 2;
	return fine ? CLADE_OK : out_of_memory(t);
}

/* Where the class that begins at `at` ends (its ']'; classes may lie within), and whether it holds \S or \W. */
static size_t class_end(const char *pattern, size_t at, bool *out_opposites)
{
	size_t start = at + 1 + (pattern[at + 1] == '^'), depth = 1;
	*out_opposites = false;
	for (at = start; pattern[at] != '\0'; at++) {
		if (pattern[at] == '\\' && pattern[at + 1] != '\0') {
			*out_opposites |= strchr("SW", pattern[++at]) != NULL;
		} else if (pattern[at] == '[' && pattern[at + 1] == ':' && strstr(pattern + at, ":]") != NULL) {
			at = (size_t)(strstr(pattern + at, ":]") - pattern) + 1;
		} else if (pattern[at] == '[') {
			depth++;
			start = at + 1;
		} else if (pattern[at] == ']' && at != start && --depth == 0) {
			break;
		}
	}
	return at;
}

static enum clade_status char_class(struct translation *t);

/* [A&&[^B]] becomes (?![B])[A], [A&&[B]] (?=[B])[A]. `start`: where [A stands in `out`. */
static enum clade_status intersection(struct translation *t, size_t start)
{
	struct text_buffer first = { .context = t->source->context };
	bool not_in = t->pattern[t->at + 3] == '^';
	enum clade_status status = CLADE_OK;
	if (t->pattern[t->at + 2] != '[')
		return refuse(t, "an intersection with something else than a class");
	if (!text_add(&first, t->out->bytes + start, t->out->count - start))
		status = out_of_memory(t);
	t->out->count = start;
	t->at += 2;
	if (status == CLADE_OK && !put(t, not_in ? "(?:(?!" : "(?:(?="))
		status = out_of_memory(t);
	size_t second = t->out->count;
	if (status == CLADE_OK)
		status = char_class(t);
	if (status == CLADE_OK && not_in) /* the lookahead has said "not" */
		memmove(t->out->bytes + second + 1, t->out->bytes + second + 2, --t->out->count - second);
	if (status == CLADE_OK && t->pattern[t->at] != ']')
		status = refuse(t, "an intersection of three");
	t->at++;
	if (status == CLADE_OK && !(put(t, ")") && text_add(t->out, first.bytes, first.count) && put(t, "])")))
		status = out_of_memory(t);
	text_finish(&first);
	return status;
}

/* A class from its '[' to its ']'. */
static enum clade_status char_class(struct translation *t)
{
	bool opposites, fine = true;
	size_t end = class_end(t->pattern, t->at, &opposites), start = t->out->count, depth = 1;
	size_t first = t->at + 1 + (t->pattern[t->at + 1] == '^');
	enum clade_status status = CLADE_OK;
	fine = text_add(t->out, t->pattern + t->at, first - t->at);
	for (t->at = first; t->at < end && fine && status == CLADE_OK;) {
		const char *here = t->pattern + t->at;
		size_t length = 1;
		if (here[0] == '\\') {
			status = escape(t, true, opposites);
			continue;
		}
		if (here[0] == '&' && here[1] == '&')
			return intersection(t, start);
		if (here[0] == '[' && here[1] == '^')
			return refuse(t, "a negated class within a class");
		if (here[0] == '[' && here[1] == ':' && strstr(here, ":]") != NULL)
			length = (size_t)(strstr(here, ":]") - here) + 2;
		/* the members of a class within are members of the whole */
		if (length == 1 && here[0] == '[')
			depth++;
		else if (here[0] == ']' && depth > 1)
			depth--;
		else
			fine = text_add(t->out, here, length);
		t->at += length;
	}
	if (fine && t->pattern[t->at] == ']') {
		fine = put(t, "]");
		t->at++;
	}
	return fine ? status : out_of_memory(t);
}

/* {n,m} and what may follow: a + repeats once more there, which PCRE2 would read as possessive. */
static enum clade_status interval(struct translation *t)
{
	size_t length = strspn(t->pattern + t->at + 1, "0123456789,") + 2;
	bool fine;
	if (t->pattern[t->at + length - 1] != '}') { /* an ordinary brace */
		t->atom = t->out->count;
		fine = put(t, "\\{");
		t->at++;
		return fine ? CLADE_OK : out_of_memory(t);
	}
	fine = text_add(t->out, t->pattern + t->at, length);
	t->at += length;
	if (fine && t->pattern[t->at] == '+') {
		size_t atom = t->atom, count = t->out->count - atom;
		fine = put(t, "(?:)+");
		if (fine) {
			memmove(t->out->bytes + atom + 3, t->out->bytes + atom, count);
			memcpy(t->out->bytes + atom, "(?:", 3);
			memcpy(t->out->bytes + atom + 3 + count, ")+", 2);
		}
		t->at++;
	}
	return fine ? CLADE_OK : out_of_memory(t);
}

static enum clade_status step(struct translation *t)
{
	char here = t->pattern[t->at];
	if (here == '{')
		return interval(t);
	if (strchr("*+?", here) == NULL && here != ')')
		t->atom = t->out->count;
	if (here == '\\')
		return escape(t, false, false);
	if (here == '[')
		return char_class(t);
	if (here == '(') {
		if (t->depth == MAX_GROUPS)
			return refuse(t, "too many groups");
		t->groups[t->depth++] = t->out->count;
	} else if (here == ')' && t->depth > 0) {
		t->atom = t->groups[--t->depth];
	}
	t->at++;
	return text_add(t->out, &here, 1) ? CLADE_OK : out_of_memory(t);
}

enum clade_status regex_translate(const struct part_source *source, const char *pattern, struct text_buffer *out)
{
	struct translation t = { .source = source, .pattern = pattern, .out = out };
	enum clade_status status = put(&t, "") ? CLADE_OK : out_of_memory(&t);
	while (status == CLADE_OK && pattern[t.at] != '\0')
		status = step(&t);
	return status;
}
