/* SPDX-License-Identifier: MIT */
/* How the byte-level tokenizers of GGUF files cut texts, by the name that the file gives (the names are llama.cpp's,
 * the patterns those of the tokenizers that the models were published with, as llama.cpp applies them). */
#include "pre_patterns.h"
#include "split.h"

#include <string.h>

#define CONTRACTIONS "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define WORD "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define SYMBOLS " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"
#define LLAMA3 CONTRACTIONS "|" WORD "|\\p{N}{1,3}|" SYMBOLS "|" SPACES
#define QWEN2 CONTRACTIONS "|" WORD "|\\p{N}|" SYMBOLS "|" SPACES
#define QWEN35                                                                                                         \
	CONTRACTIONS                                                                                                   \
	"|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES
/* capitals, then small letters; here only ASCII's have a case */
#define UPPER "((?=[\\p{L}])([^a-z]))"
#define LOWER "((?=[\\p{L}])([^A-Z]))"
#define CASED(end) "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" end "|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" end
#define CASED_REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES
#define DEEPSEEK3                                                                                                      \
	"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "          \
	"?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES
/* llama.cpp takes no white space beyond ASCII for a member of such ranges */
#define CJK "(?:(?!\\s)[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}])+"
#define CJK_KANA "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{30ff}]+"
#define LETTERS                                                                                                        \
	"\\s?[A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}\\x{295}-"  \
	"\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-" \
	"\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-"    \
	"\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}"     \
	"\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-"    \
	"\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}"       \
	"\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-"    \
	"\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}"       \
	"\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}"      \
	"\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}"       \
	"\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-"    \
	"\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}"   \
	"\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"    \
	"\\x{1e900}-\\x{1e943}]+"
#define SENTENCE " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"

const struct pre_patterns pre_patterns[] = {
	{ " gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat jina-es jina-de jina-v2-es jina-v2-de "
	  "jina-v1-en jina-v2-code roberta-bpe a.x-4.0 mellum modern-bert ",
	  { GPT2 } },
	{ " llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano ", { LLAMA3 }, true, true },
	{ " dbrx smaug-bpe chatglm-bpe glm4 ", { LLAMA3 } },
	{ " qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2 ", { QWEN2 } },
	{ " qwen35 ", { QWEN35 } },
	{ " starcoder refact command-r smollm codeshell exaone minerva-7b mellum2 ", { "\\p{N}", GPT2 } },
	{ " falcon ", { "[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]" } },
	{ " default ", { "[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]" } },
	{ " bloom poro-chat gpt3-finnish ", { SENTENCE } },
	{ " viking ", { SENTENCE, "\\p{N}" } },
	{ " tekken ", { CASED("") "|\\p{N}" CASED_REST }, true, true },
	{ " gpt-4o llama4 kanana2 talkie minimax-m2 ", { CASED(CONTRACTIONS "?") "|\\p{N}{1,3}" CASED_REST } },
	{ " deepseek-llm ",
	  { "[\\r\\n]", LETTERS,
	    "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3001}-\\x{3002}]+", "\\s+$", CJK,
	    "\\p{N}+" } },
	{ " deepseek-coder ", { "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK, "\\p{N}" } },
	{ " deepseek-v3 hunyuan-dense joyai-llm hy_v4 ", { "\\p{N}{1,3}", CJK_KANA, DEEPSEEK3 } },
	{ " seed-coder ", { CONTRACTIONS "|" WORD "|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" SPACES } },
	{ " bailingmoe bailingmoe2 llada-moe ",
	  { "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|" WORD "|\\p{N}|" SYMBOLS "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+" } },
	{ NULL },
};

const struct pre_patterns *pre_patterns_find(const char *name)
{
	size_t bytes = strlen(name);
	for (const struct pre_patterns *row = pre_patterns; row->names != NULL; row++)
		for (const char *at = strstr(row->names, name); at != NULL && bytes > 0; at = strstr(at + 1, name))
			if (at > row->names && at[-1] == ' ' && at[bytes] == ' ')
				return row;
	return NULL;
}

static const struct part_kind pre_tokenizer_pattern = { .type = "Split", .finish = split_finish, .cut = split_cut };

enum clade_status pre_patterns_add(const struct part_source *source, const struct pre_patterns *pre, struct parts *out)
{
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < PRE_PATTERNS && pre->patterns[i] != NULL && status == CLADE_OK; i++) {
		status = parts_add(source, &pre_tokenizer_pattern, NULL, out);
		if (status == CLADE_OK)
			status = split_create(source, pre->patterns[i], SPLIT_ISOLATED, SPLIT_UNICODE_15,
					      &out->items[out->count - 1]);
	}
	return status;
}
