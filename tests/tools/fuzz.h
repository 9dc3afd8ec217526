/* SPDX-License-Identifier: MIT */
/* What the fuzz targets of tokenizers share: what is done with a tokenizer. */
#ifndef CLADE_TESTS_TOOLS_FUZZ_H
#define CLADE_TESTS_TOOLS_FUZZ_H

#include "../harness/fuzz_next.h"
#include "internal.h"

#include <stdlib.h>

/* With special tokens and without; each part must be whole characters. */
static inline void fuzz_decode(const struct clade_tokenizer *tokenizer, const int32_t *ids, size_t count)
{
	for (int skip = 0; skip < 2; skip++) {
		struct clade_decoder *decoder;
		const char *part;
		size_t bytes;
		if (clade_decoder_create(tokenizer, skip == 1, &decoder, NULL) != CLADE_OK)
			abort();
		for (size_t i = 0; i <= count; i++)
			if ((i < count ? clade_decoder_push(decoder, ids[i], &part, &bytes, NULL)
				       : clade_decoder_finish(decoder, &part, &bytes, NULL)) != CLADE_OK ||
			    utf8_check(part, bytes) != bytes)
				abort();
		clade_decoder_destroy(&decoder);
	}
}

/* What reading a file gave, good or bad, put to use: whether the text could be encoded. */
static inline bool fuzz_use(enum clade_status status, const struct clade_tokenizer *tokenizer, const char *text,
			    size_t bytes, struct clade_diag *diag)
{
	int32_t *ids = NULL;
	size_t count = 0;
	if ((status == CLADE_OK) == (diag->id != 0) || (status == CLADE_OK) != (tokenizer != NULL))
		abort();
	if (status != CLADE_OK)
		return false;
	status = clade_tokenizer_encode(tokenizer, text, bytes, true, &ids, &count, diag);
	if ((status == CLADE_OK) != (ids != NULL))
		abort();
	if (status == CLADE_OK)
		fuzz_decode(tokenizer, ids, count);
	clade_free(NULL, ids);
	return status == CLADE_OK;
}

#endif
