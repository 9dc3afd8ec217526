/* SPDX-License-Identifier: MIT */
/* Post-processors: special tokens around the text. To add one: a function and a row in the table at the end. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static enum clade_status add_id(const struct part_source *source, const json_t *id, const char *word,
				struct id_buffer *out)
{
	if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= INT32_MAX)
		return text_damaged(source, "post_processor: an id of \"%.64s\" is not one", word);
	return ids_add(out, (int32_t)json_integer_value(id)) ? CLADE_OK
							     : clade_fail_memory(source->diag, 0, "a template");
}

/* Ids added by an earlier member of a Sequence lie inside those of a later one. */
static enum clade_status wrap(const struct part_source *source, const struct id_buffer *before,
			      const struct id_buffer *after, struct template_ids *out)
{
	struct id_buffer all = { .context = source->context };
	bool fine = true;
	for (size_t i = 0; i < before->count && fine; i++)
		fine = ids_add(&all, before->ids[i]);
	for (size_t i = 0; i < out->count && fine; i++)
		fine = ids_add(&all, out->ids[i]);
	for (size_t i = 0; i < after->count && fine; i++)
		fine = ids_add(&all, after->ids[i]);
	if (!fine) {
		clade_free(source->context, all.ids);
		return clade_fail_memory(source->diag, 0, "a template");
	}
	clade_free(source->context, out->ids);
	out->ids = all.ids;
	out->before += before->count;
	out->count = all.count;
	return CLADE_OK;
}

static enum clade_status add_special(const struct part_source *source, const json_t *json, const json_t *name,
				     struct id_buffer *out)
{
	const char *word = json_string_value(name);
	const json_t *special = word != NULL ? json_object_get(json_object_get(json, "special_tokens"), word) : NULL;
	const json_t *ids = json_object_get(special, "ids");
	enum clade_status status = CLADE_OK;
	if (!json_is_array(ids) || json_array_size(ids) > 16)
		return text_damaged(source, "post_processor: special token \"%.64s\" is not in special_tokens",
				    word != NULL ? word : "");
	for (size_t i = 0; i < json_array_size(ids) && status == CLADE_OK; i++)
		status = add_id(source, json_array_get(ids, i), word, out);
	return status;
}

static enum clade_status parse_template(const struct part_source *source, const json_t *json, struct template_ids *out)
{
	struct id_buffer ids[2] = { { .context = source->context }, { .context = source->context } };
	const json_t *single = json_object_get(json, "single");
	bool sequence = false;
	enum clade_status status = CLADE_OK;
	for (size_t i = 0; i < json_array_size(single) && i < 64 && status == CLADE_OK; i++) {
		const json_t *item = json_array_get(single, i);
		const json_t *special = json_object_get(item, "SpecialToken");
		const json_t *text = json_object_get(item, "Sequence");
		if (special != NULL)
			status = add_special(source, json, json_object_get(special, "id"), &ids[sequence]);
		else if (text != NULL && !sequence)
			sequence = true;
		else
			status =
				text_damaged(source, "post_processor: single must hold SpecialTokens and one Sequence");
	}
	if (status == CLADE_OK && !sequence)
		status = text_damaged(source, "post_processor: single holds no Sequence");
	if (status == CLADE_OK)
		status = wrap(source, &ids[0], &ids[1], out);
	clade_free(source->context, ids[0].ids);
	clade_free(source->context, ids[1].ids);
	return status;
}

/* BertProcessing and RobertaProcessing: "cls": [text, id] before, "sep" after. */
static enum clade_status parse_cls_sep(const struct part_source *source, const json_t *json, struct template_ids *out)
{
	struct id_buffer cls = { .context = source->context }, sep = { .context = source->context };
	enum clade_status status = add_id(source, json_array_get(json_object_get(json, "cls"), 1), "cls", &cls);
	if (status == CLADE_OK)
		status = add_id(source, json_array_get(json_object_get(json, "sep"), 1), "sep", &sep);
	if (status == CLADE_OK)
		status = wrap(source, &cls, &sep, out);
	clade_free(source->context, cls.ids);
	clade_free(source->context, sep.ids);
	return status;
}

/* ByteLevel trims offsets, which are not given here. */
static enum clade_status parse_nothing(const struct part_source *source, const json_t *json, struct template_ids *out)
{
	(void)source, (void)json, (void)out;
	return CLADE_OK;
}

static const struct {
	const char *type;
	enum clade_status (*parse)(const struct part_source *source, const json_t *json, struct template_ids *out);
} kinds[] = {
	{ "TemplateProcessing", parse_template },
	{ "ByteLevel", parse_nothing },
	{ "BertProcessing", parse_cls_sep },
	{ "RobertaProcessing", parse_cls_sep },
};

static enum clade_status parse_member(const struct part_source *source, const json_t *json, int depth,
				      struct template_ids *out)
{
	const char *type = text_type(json);
	char supported[256] = "Sequence";
	if (strcmp(type, "Sequence") == 0 && depth < 8) {
		const json_t *list = json_object_get(json, "processors");
		enum clade_status status = CLADE_OK;
		if (!json_is_array(list))
			return text_damaged(source, "post_processor Sequence has no list \"processors\"");
		for (size_t i = 0; i < json_array_size(list) && status == CLADE_OK; i++)
			status = parse_member(source, json_array_get(list, i), depth + 1, out);
		return status;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(type, kinds[i].type) == 0)
			return kinds[i].parse(source, json, out);
		snprintf(supported + strlen(supported), sizeof(supported) - strlen(supported), ", %s", kinds[i].type);
	}
	return text_refuse(source, "post_processor", type, supported);
}

enum clade_status post_processor_parse(const struct part_source *source, const json_t *json, struct template_ids *out)
{
	return json == NULL || json_is_null(json) ? CLADE_OK : parse_member(source, json, 0, out);
}
