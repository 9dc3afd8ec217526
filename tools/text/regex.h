/* SPDX-License-Identifier: MIT */
/* Regular expressions as Oniguruma, which Hugging Face uses, understands them, written for PCRE2. */
#ifndef CLADE_TEXT_REGEX_H
#define CLADE_TEXT_REGEX_H

#include "internal.h"

/* White_Space, and \w, as Rust's regular expressions have them (PCRE2's own classes differ a little); for use within
 * a class. */
#define REGEX_SPACE                                                                                                    \
	"\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define REGEX_WORD                                                                                                     \
	"\\p{L}\\p{Nl}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-"       \
	"\\x{1f169}\\x{1f170}-\\x{1f189}"

/* What newer versions of Unicode added to a general category (two letters) or a script. */
struct regex_added {
	const char *name, *until_15, *in_16; /* Unicode 15 and 15.1; 16 */
};
extern const struct regex_added regex_added[]; /* ended by a row without name */

/* Appends the pattern as PCRE2 must read it, to mean what it means to Oniguruma, or with the classes of Unicode 15.1 if
 * PCRE2 knows no newer one. */
enum clade_status regex_translate(const struct part_source *source, const char *pattern, bool unicode_15,
				  struct text_buffer *out);

#endif
