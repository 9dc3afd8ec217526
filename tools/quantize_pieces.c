/* SPDX-License-Identifier: MIT */
/* SentencePiece's tokenizer.model (sentencepiece_model.proto) as far as GGUF keeps it: pieces with score and type. */
#include "quantize.h"

#include <stdlib.h>
#include <string.h>

enum { BPE = 2 }; /* TrainerSpec.ModelType */

/* A message of protobuf, read field by field. */
struct message {
	const unsigned char *at, *end;
};
struct field {
	uint64_t number, value; /* of a varint; of four bytes their bits */
	struct message inside;  /* of bytes */
};

static bool varint(struct message *message, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && message->at < message->end; shift += 7) {
		*out |= (uint64_t)(*message->at & 127) << shift;
		if (*message->at++ < 128)
			return true;
	}
	return false;
}

/* The next field; false at the end and where the bytes are no message. */
static bool next(struct message *message, struct field *out)
{
	static const size_t widths[] = { 0, 8, 0, 0, 0, 4 }; /* by wire type: 1 and 5 are of fixed size */
	uint64_t key;
	*out = (struct field) { 0 };
	if (!varint(message, &key) || (key & 7) == 3 || (key & 7) == 4 || (key & 7) > 5)
		return false;
	out->number = key >> 3;
	if ((key & 7) == 0)
		return varint(message, &out->value);
	uint64_t length = widths[key & 7], left;
	if ((key & 7) == 2 && !varint(message, &length))
		return false;
	left = (uint64_t)(message->end - message->at);
	if (length > left)
		return false;
	out->inside = (struct message) { message->at, message->at + length };
	if (length <= 8)
		memcpy(&out->value, message->at, (size_t)length);
	message->at += length;
	return true;
}

/* SentencePiece: 1 piece, 2 score, 3 type (the numbers of GGUF's token types). False: no room or not one. */
static bool read_piece(struct message message, struct quantize_pieces *pieces)
{
	struct field field;
	struct quantize_piece piece = { .type = 1 };
	if (pieces->count == pieces->room) {
		size_t room = pieces->room * 2 + 1024;
		struct quantize_piece *grown = realloc(pieces->items, room * sizeof(*grown));
		if (grown == NULL)
			return false;
		pieces->items = grown;
		pieces->room = room;
	}
	while (message.at < message.end) {
		if (!next(&message, &field))
			break;
		if (field.number == 1 && piece.text == NULL)
			piece.text =
				strndup((const char *)field.inside.at, (size_t)(field.inside.end - field.inside.at));
		else if (field.number == 2)
			memcpy(&piece.score, &field.value, 4);
		else if (field.number == 3 && field.value >= 1 && field.value <= 6)
			piece.type = (int32_t)field.value;
	}
	if (message.at != message.end || piece.text == NULL) {
		free(piece.text);
		return false;
	}
	pieces->items[pieces->count++] = piece;
	return true;
}

/* The value of varint field `number` of a message, `otherwise` if it is not there. */
static uint64_t number_in(struct message message, uint64_t number, uint64_t otherwise)
{
	struct field field;
	while (message.at < message.end && next(&message, &field))
		if (field.number == number)
			otherwise = field.value;
	return otherwise;
}

enum clade_status quantize_read_pieces(struct quantize *quantize, const char *where, const char *data, size_t bytes,
				       struct quantize_pieces *out)
{
	struct message message = { (const unsigned char *)data, (const unsigned char *)data + bytes };
	struct field field;
	uint64_t kind = 1;
	bool fine = true;
	*out = (struct quantize_pieces) { .adds_blank = true, .removes_blanks = true };
	while (fine && message.at < message.end) {
		fine = next(&message, &field);
		if (fine && field.number == 1)
			fine = read_piece(field.inside, out);
		else if (fine && field.number == 2)
			kind = number_in(field.inside, 3, kind);
		else if (fine && field.number == 3) {
			out->adds_blank = number_in(field.inside, 3, 1) != 0;
			out->removes_blanks = number_in(field.inside, 4, 1) != 0;
		}
	}
	if (!fine || out->count == 0)
		return clade_fail(&quantize->tool->diag, CLADE_ERR_DATA, CLADE_MSG_TOOL_QUANTIZE, where,
				  "is no model of SentencePiece: it must be a message with pieces");
	if (kind != BPE)
		return clade_fail(
			&quantize->tool->diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_TOOL_QUANTIZE, where,
			"is no BPE; GGUF is written for byte-level BPE and SentencePiece BPE with byte fallback");
	return CLADE_OK;
}

void quantize_free_pieces(struct quantize_pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		free(pieces->items[i].text);
	free(pieces->items);
	*pieces = (struct quantize_pieces) { 0 };
}
