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
	bool unicode_15;
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
		if (!letter && (strlen(added->name) != length || memcmp(added->name, name, length) != 0))
			continue;
		if (!put(t, added->until_15) || !put(t, t->unicode_15 ? "" : added->in_16))
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

/* What \s, \w, \d and \h stand for, as members of a class; properties with what newer Unicodes added. */
static bool put_set(struct translation *t, char letter)
{
	static const char *const properties[] = { "L", "Nl", "M", "Nd", "Pc" };
	if (letter == 's')
		return put(t, REGEX_SPACE);
	if (letter == 'h')
		return put(t, HEX);
	if (letter == 'd')
		return put(t, "\\p{Nd}") && put_added(t, "Nd", 2);
	bool fine = put(t, ONIG_WORD);
	for (size_t i = 0; i < 5 && fine; i++)
		fine = put_added(t, properties[i], strlen(properties[i]));
	return fine;
}

/* \s, \w, \d, \h and, as capitals, their opposites. Within a class an opposite goes to `beside`: it is an alternative
 * to the rest of the class. */
static enum clade_status shorthand(struct translation *t, char letter, bool inside)
{
	char small = (char)(letter | 0x20);
	bool opposite = letter != small, fine;
	if (inside && !opposite)
		fine = put_set(t, small);
	else
		fine = put(t, opposite ? "[^" : "[") && put_set(t, small) && put(t, "]");
	t->at += 2;
	return fine ? CLADE_OK : out_of_memory(t);
}

/* \uHHHH is \x{HHHH}. */
static enum clade_status code_point(struct translation *t)
{
	const char *digits = t->pattern + t->at + 2;
	if (strspn(digits, "0123456789abcdefABCDEF") < 4)
		return refuse(t, "\\u without four digits");
	t->at += 6;
	return put(t, "\\x{") && text_add(t->out, digits, 4) && put(t, "}") ? CLADE_OK : out_of_memory(t);
}

static enum clade_status escape(struct translation *t, bool inside)
{
	char letter = t->pattern[t->at + 1];
	if (letter == 'p' || letter == 'P')
		return property(t, inside);
	if (letter != '\0' && strchr("sSwWdDhH", letter) != NULL)
		return shorthand(t, letter, inside);
	if (letter == 'u')
		return code_point(t);
	if (letter == '\0')
		return refuse(t, "a lone \\");
	bool fine = text_add(t->out, t->pattern + t->at, 2);
	t->at += 2;
	return fine ? CLADE_OK : out_of_memory(t);
}

/* Where the class that begins at `at` ends (its ']'); classes may lie within. */
static size_t class_end(const char *pattern, size_t at)
{
	size_t start = at + 1 + (pattern[at + 1] == '^'), depth = 1;
	for (at = start; pattern[at] != '\0'; at++) {
		if (pattern[at] == '\\' && pattern[at + 1] != '\0') {
			at++;
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

/* Whether \S, \P{..} or the like stands here: within a class an alternative to the rest of it. */
static bool is_opposite(const char *here)
{
	return here[0] == '\\' && here[1] != '\0' &&
	       (strchr("SWDHP", here[1]) != NULL || (here[1] == 'p' && here[2] == '{' && here[3] == '^'));
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

/* One member of a class, or what keeps it together. `depth`: how many classes it lies in. */
static enum clade_status member(struct translation *t, struct text_buffer *beside, size_t *depth)
{
	const char *here = t->pattern + t->at;
	if (is_opposite(here)) {
		struct text_buffer *out = t->out;
		bool fine = text_add(beside, "|", beside->count > 0);
		t->out = beside;
		enum clade_status status = fine ? escape(t, false) : out_of_memory(t);
		t->out = out;
		return status;
	}
	if (here[0] == '\\')
		return escape(t, true);
	if (here[0] == '[' && here[1] == '^')
		return refuse(t, "a negated class within a class");
	if (here[0] == '[' && here[1] == ':' && strstr(here, ":]") != NULL)
		return refuse(t, "a POSIX class"); /* Oniguruma's hold other characters than PCRE2's */
	t->at++;
	/* the members of a class within are members of the whole */
	if (here[0] == '[')
		++*depth;
	else if (here[0] == ']' && *depth > 1)
		--*depth;
	else
		return text_add(t->out, here, 1) ? CLADE_OK : out_of_memory(t);
	return CLADE_OK;
}

/* [AB] at `start` of `out` becomes (?:[A]|B), [^AB] becomes (?:(?![A]|B)(?s:.)), where B stands beside. */
static bool add_beside(struct translation *t, size_t start, const struct text_buffer *beside)
{
	struct text_buffer class = { .context = t->source->context };
	bool negated = t->out->bytes[start + 1] == '^', fine;
	size_t from = start + 1 + negated, bytes = t->out->count - from;
	fine = bytes <= 1 ||
	       (text_add(&class, "[", 1) && text_add(&class, t->out->bytes + from, bytes) && text_add(&class, "|", 1));
	t->out->count = start;
	fine = fine && put(t, negated ? "(?:(?!" : "(?:") && text_add(t->out, class.bytes, class.count) &&
	       text_add(t->out, beside->bytes, beside->count) && put(t, negated ? ")(?s:.))" : ")");
	text_finish(&class);
	return fine;
}

/* A class from its '[' to its ']'. */
static enum clade_status char_class(struct translation *t)
{
	struct text_buffer beside = { .context = t->source->context };
	size_t end = class_end(t->pattern, t->at), start = t->out->count, depth = 1;
	size_t first = t->at + 1 + (t->pattern[t->at + 1] == '^');
	enum clade_status status = text_add(t->out, t->pattern + t->at, first - t->at) ? CLADE_OK : out_of_memory(t);
	bool closed = t->pattern[end] == ']';
	for (t->at = first; t->at < end && status == CLADE_OK;) {
		if (strncmp(t->pattern + t->at, "&&", 2) == 0) {
			status = beside.count == 0 ? intersection(t, start)
						   : refuse(t, "an intersection with an opposite");
			text_finish(&beside);
			return status;
		}
		status = member(t, &beside, &depth);
	}
	if (status == CLADE_OK && closed) {
		t->at++;
		if (!put(t, "]") || (beside.count > 0 && !add_beside(t, start, &beside)))
			status = out_of_memory(t);
	}
	text_finish(&beside);
	return status;
}

/* {n,m} and what may follow: there a + repeats once more, which PCRE2 would read as possessive, and {n}? is an option,
 * not a lazy repetition; {,m} begins at 0. */
static enum clade_status interval(struct translation *t)
{
	const char *here = t->pattern + t->at;
	size_t length = strspn(here + 1, "0123456789,") + 2;
	bool exact = memchr(here, ',', length) == NULL, fine;
	if (here[length - 1] != '}' || length == 2) { /* an ordinary brace */
		t->atom = t->out->count;
		fine = put(t, "\\{");
		t->at++;
		return fine ? CLADE_OK : out_of_memory(t);
	}
	fine = put(t, here[1] == ',' ? "{0" : "{") && text_add(t->out, here + 1, length - 1);
	t->at += length;
	if (fine && (here[length] == '+' || (here[length] == '?' && exact))) {
		size_t atom = t->atom, count = t->out->count - atom;
		const char end[] = { ')', here[length] };
		fine = put(t, "(?:)+");
		if (fine) {
			memmove(t->out->bytes + atom + 3, t->out->bytes + atom, count);
			memcpy(t->out->bytes + atom, "(?:", 3);
			memcpy(t->out->bytes + atom + 3 + count, end, 2);
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
		return escape(t, false);
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

enum clade_status regex_translate(const struct part_source *source, const char *pattern, bool unicode_15,
				  struct text_buffer *out)
{
	struct translation t = { .source = source, .pattern = pattern, .unicode_15 = unicode_15, .out = out };
	enum clade_status status = put(&t, "") ? CLADE_OK : out_of_memory(&t);
	while (status == CLADE_OK && pattern[t.at] != '\0')
		status = step(&t);
	return status;
}
