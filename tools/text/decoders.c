/* SPDX-License-Identifier: MIT */
/* Decoders: stages that tokens pass on their way to text. To add one: functions and a row in the table. */
#include "internal.h"

#include <string.h>

bool stage_emit(struct decoder_stage *stage, const char *text, size_t bytes)
{
	struct decoder_stage *next = stage->next;
	if (next->part == NULL)
		return text_add(&next->held, text, bytes);
	bool fine = next->part->kind->token(next, text, bytes);
	next->seen++;
	return fine;
}

static bool decode_words(struct decoder_stage *stage, const char *text, size_t bytes)
{
	return (stage->seen == 0 || stage_emit(stage, " ", 1)) && stage_emit(stage, text, bytes);
}

const struct part_kind decoder_words = { .type = "", .token = decode_words };

const struct part_kind decoder_kinds[] = {
	/* pieces are joined anyway: what Fuse joins early makes no difference to the stages that are here */
	{ .type = "Fuse", .token = stage_emit },
	{ NULL },
};
