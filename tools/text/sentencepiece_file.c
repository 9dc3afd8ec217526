/* SPDX-License-Identifier: MIT */
/* tokenizer.model: SentencePiece's ModelProto, read from protobuf's wire format (a tag, then a number or so many bytes;
 * the field numbers are sentencepiece_model.proto's). */
#include "sentencepiece.h"

#include <string.h>

/* ---- the wire format ---- */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A message within the file; `base`: the file, for offsets in errors. */
struct reader {
	const struct part_source *source;
	const unsigned char *base, *at, *end;
};
struct field {
	uint32_t number;
	enum wire wire;
	uint64_t value; /* of a varint or fixed one */
	struct reader content;
};

static enum clade_status cut_off(const struct reader *reader, const char *what)
{
	return text_damaged(reader->source, "byte %zu: the file ends within %s", (size_t)(reader->at - reader->base),
			    what);
}

static enum clade_status read_varint(struct reader *reader, uint64_t *out)
{
	const unsigned char *start = reader->at;
	*out = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (reader->at == reader->end)
			return cut_off(reader, "a number");
		unsigned char byte = *reader->at++;
		if (shift == 63 && byte > 1)
			break;
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return CLADE_OK;
	}
	return text_damaged(reader->source, "byte %zu: a number of more than 64 bits", (size_t)(start - reader->base));
}

static enum clade_status read_fixed(struct reader *reader, size_t bytes, uint64_t *out)
{
	*out = 0;
	if ((size_t)(reader->end - reader->at) < bytes)
		return cut_off(reader, "a number");
	for (size_t i = 0; i < bytes; i++)
		*out |= (uint64_t)reader->at[i] << (8 * i);
	reader->at += bytes;
	return CLADE_OK;
}

static enum clade_status read_field(struct reader *reader, struct field *out)
{
	const unsigned char *start = reader->at;
	uint64_t tag;
	enum clade_status status = read_varint(reader, &tag);
	if (status != CLADE_OK)
		return status;
	*out = (struct field) { .number = (uint32_t)(tag >> 3), .wire = (enum wire)(tag & 7) };
	if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return text_damaged(reader->source, "byte %zu: no field has the number %llu",
				    (size_t)(start - reader->base), (unsigned long long)(tag >> 3));
	switch (out->wire) {
	case WIRE_VARINT:
		return read_varint(reader, &out->value);
	case WIRE_64:
		return read_fixed(reader, 8, &out->value);
	case WIRE_32:
		return read_fixed(reader, 4, &out->value);
	case WIRE_BYTES:
		status = read_varint(reader, &out->value);
		if (status != CLADE_OK)
			return status;
		if (out->value > (uint64_t)(reader->end - reader->at))
			return text_damaged(reader->source, "byte %zu: field %u has %llu bytes, %zu are left",
					    (size_t)(start - reader->base), out->number, (unsigned long long)out->value,
					    (size_t)(reader->end - reader->at));
		out->content = (struct reader) { reader->source, reader->base, reader->at, reader->at + out->value };
		reader->at += out->value;
		return CLADE_OK;
	default:
		return text_damaged(reader->source, "byte %zu: field %u has wire type %d; there are 0, 1, 2 and 5",
				    (size_t)(start - reader->base), out->number, (int)(tag & 7));
	}
}

static enum clade_status expect(const struct reader *reader, const struct field *field, enum wire wire,
				const char *name)
{
	return field->wire == wire
		       ? CLADE_OK
		       : text_damaged(reader->source, "byte %zu: %s has wire type %d instead of %d",
				      (size_t)(reader->at - reader->base), name, (int)field->wire, (int)wire);
}

/* ---- messages ---- */

struct model_file {
	struct sentencepiece_spec spec;
	struct piece *pieces;
	size_t room;
	uint64_t model_type;
	bool space_as_suffix, denormalizes;
};

typedef enum clade_status field_fn(struct reader *reader, const struct field *field, struct model_file *file);

static enum clade_status each_field(struct reader *reader, field_fn *fn, struct model_file *file)
{
	enum clade_status status = CLADE_OK;
	while (status == CLADE_OK && reader->at < reader->end) {
		struct field field;
		status = read_field(reader, &field);
		if (status == CLADE_OK)
			status = fn(reader, &field, file);
	}
	return status;
}

static enum clade_status read_switch(const struct reader *reader, const struct field *field, const char *name,
				     bool *out)
{
	*out = field->value != 0;
	return expect(reader, field, WIRE_VARINT, name);
}

static enum clade_status piece_field(struct reader *reader, const struct field *field, struct model_file *file)
{
	struct piece *piece = &file->pieces[file->spec.count];
	uint32_t bits = (uint32_t)field->value;
	enum clade_status status = CLADE_OK;
	if (field->number == 1) {
		status = expect(reader, field, WIRE_BYTES, "a piece's text");
		piece->text = (const char *)field->content.at;
		piece->bytes = (size_t)field->value;
	} else if (field->number == 2) {
		status = expect(reader, field, WIRE_32, "a piece's score");
		memcpy(&piece->score, &bits, sizeof(bits));
	} else if (field->number == 3) {
		status = expect(reader, field, WIRE_VARINT, "a piece's type");
		piece->type = field->value <= PIECE_BYTE ? (enum piece_type)field->value : (enum piece_type)0;
	}
	return status;
}

static enum clade_status read_piece(struct reader *reader, struct model_file *file)
{
	struct clade_context *context = reader->source->context;
	if (file->spec.count == file->room) {
		size_t room = file->room + file->room / 2 + 1024;
		struct piece *grown = clade_resize(context, file->pieces, room * sizeof(*grown));
		if (grown == NULL)
			return clade_fail_memory(reader->source->diag, room * sizeof(*grown), "a vocabulary");
		file->pieces = grown;
		file->room = room;
	}
	file->pieces[file->spec.count] = (struct piece) { .text = "", .type = PIECE_NORMAL };
	enum clade_status status = each_field(reader, piece_field, file);
	file->spec.count += status == CLADE_OK;
	return status;
}

static enum clade_status trainer_field(struct reader *reader, const struct field *field, struct model_file *file)
{
	enum clade_status status = CLADE_OK;
	if (field->number == 3) {
		status = expect(reader, field, WIRE_VARINT, "model_type");
		file->model_type = field->value;
	} else if (field->number == 24) {
		status = read_switch(reader, field, "treat_whitespace_as_suffix", &file->space_as_suffix);
	} else if (field->number == 35) {
		status = read_switch(reader, field, "byte_fallback", &file->spec.byte_fallback);
	} else if (field->number == 44) {
		status = expect(reader, field, WIRE_BYTES, "unk_surface");
		file->spec.unknown_surface = (const char *)field->content.at;
		file->spec.unknown_surface_bytes = (size_t)field->value;
	}
	return status;
}

static enum clade_status normalizer_field(struct reader *reader, const struct field *field, struct model_file *file)
{
	enum clade_status status = CLADE_OK;
	if (field->number == 2) {
		status = expect(reader, field, WIRE_BYTES, "precompiled_charsmap");
		file->spec.charsmap = field->content.at;
		file->spec.charsmap_bytes = (size_t)field->value;
	} else if (field->number == 3) {
		status = read_switch(reader, field, "add_dummy_prefix", &file->spec.dummy_prefix);
	} else if (field->number == 4) {
		status = read_switch(reader, field, "remove_extra_whitespaces", &file->spec.remove_extra_spaces);
	} else if (field->number == 5) {
		status = read_switch(reader, field, "escape_whitespaces", &file->spec.escape_spaces);
	}
	return status;
}

static enum clade_status denormalizer_field(struct reader *reader, const struct field *field, struct model_file *file)
{
	if (field->number == 2 && field->value > 0)
		file->denormalizes = true;
	return field->number == 2 ? expect(reader, field, WIRE_BYTES, "precompiled_charsmap") : CLADE_OK;
}

static enum clade_status model_field(struct reader *reader, const struct field *field, struct model_file *file)
{
	static const struct {
		const char *name;
		field_fn *fn; /* NULL: pieces */
	} messages[] = {
		[1] = { "pieces", NULL },
		[2] = { "trainer_spec", trainer_field },
		[3] = { "normalizer_spec", normalizer_field },
		[5] = { "denormalizer_spec", denormalizer_field },
	};
	struct reader content = field->content;
	if (field->number >= sizeof(messages) / sizeof(messages[0]) || messages[field->number].name == NULL)
		return CLADE_OK;
	enum clade_status status = expect(reader, field, WIRE_BYTES, messages[field->number].name);
	if (status != CLADE_OK)
		return status;
	return field->number == 1 ? read_piece(&content, file) : each_field(&content, messages[field->number].fn, file);
}

static enum clade_status read_file(const struct part_source *source, const void *bytes, size_t count,
				   struct model_file *out)
{
	static const char *const types[] = { "0", "unigram", "bpe", "word", "char" };
	struct reader reader = { source, bytes, bytes, (const unsigned char *)bytes + count };
	*out = (struct model_file) { .model_type = 1 };
	out->spec.dummy_prefix = out->spec.remove_extra_spaces = out->spec.escape_spaces = true;
	out->spec.unknown_surface = " \xe2\x81\x87 ";
	out->spec.unknown_surface_bytes = 5;
	enum clade_status status = each_field(&reader, model_field, out);
	if (status != CLADE_OK)
		return status;
	if (out->model_type != 1 && out->model_type != 2)
		return text_refuse(source, "model_type", out->model_type < 5 ? types[out->model_type] : "above 4",
				   "unigram, bpe");
	if (out->space_as_suffix)
		return text_refuse(source, "trainer_spec's", "treat_whitespace_as_suffix", "spaces as prefixes");
	if (out->denormalizes)
		return text_refuse(source, "denormalizer_spec's", "precompiled_charsmap", "models without one");
	size_t surface = out->spec.unknown_surface_bytes;
	if (utf8_check(out->spec.unknown_surface, surface) < surface)
		return text_damaged(source, "unk_surface is not UTF-8");
	out->spec.pieces = out->pieces;
	out->spec.bpe = out->model_type == 2;
	return CLADE_OK;
}

/* ---- all of it ---- */

enum clade_status clade_tokenizer_parse_sentencepiece(struct clade_context *context, const char *name,
						      const void *bytes, size_t count, const char *config,
						      size_t config_bytes, struct clade_tokenizer **out_tokenizer,
						      struct clade_diag *diag)
{
	struct part_source source = { context, name, diag }, config_source = { context, "tokenizer_config.json", diag };
	struct model_file file;
	json_t *settings = NULL;
	*out_tokenizer = NULL;
	enum clade_status status = read_file(&source, bytes, count, &file);
	if (status == CLADE_OK && config != NULL)
		status = json_read(&config_source, config, config_bytes, &settings);
	if (status == CLADE_OK)
		status = tokenizer_create(&source, out_tokenizer);
	if (status == CLADE_OK)
		status = config != NULL ? sentencepiece_configure(&source, &config_source, &file.spec, settings,
								  *out_tokenizer)
					: sentencepiece_plain(&source, &file.spec, *out_tokenizer);
	if (status != CLADE_OK)
		clade_tokenizer_destroy(out_tokenizer);
	clade_free(context, file.pieces);
	json_decref(settings);
	return status;
}

enum clade_status clade_tokenizer_parse_marian(struct clade_context *context, const char *name, const void *bytes,
					       size_t count, const char *vocab, size_t vocab_bytes,
					       struct clade_tokenizer **out_tokenizer, struct clade_diag *diag)
{
	struct part_source source = { context, name, diag }, vocab_source = { context, "vocab.json", diag };
	struct model_file file;
	json_t *tokens = NULL;
	*out_tokenizer = NULL;
	enum clade_status status = read_file(&source, bytes, count, &file);
	if (status == CLADE_OK)
		status = json_read(&vocab_source, vocab, vocab_bytes, &tokens);
	if (status == CLADE_OK)
		status = tokenizer_create(&source, out_tokenizer);
	if (status == CLADE_OK)
		status = marian_configure(&source, &vocab_source, &file.spec, tokens, *out_tokenizer);
	if (status != CLADE_OK)
		clade_tokenizer_destroy(out_tokenizer);
	clade_free(context, file.pieces);
	json_decref(tokens);
	return status;
}
