/* SPDX-License-Identifier: MIT */
/* clade tokenize: text to ids, and back with --decode. */
#include "commands.h"
#include "input.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

static enum clade_status encode(struct tool *tool, const struct clade_tokenizer *tokenizer, const char *text,
				size_t bytes)
{
	int32_t *ids;
	size_t count;
	enum clade_status status =
		clade_tokenizer_encode(tokenizer, text, bytes, !tool->options.no_special, &ids, &count, &tool->diag);
	if (status != CLADE_OK)
		return status;
	if (tool->options.json) {
		json_t *numbers = json_array(), *tokens = json_array();
		for (size_t i = 0; i < count; i++) {
			const char *token = clade_tokenizer_token(tokenizer, ids[i]);
			json_array_append_new(numbers, json_integer(ids[i]));
			json_array_append_new(tokens, json_text(token != NULL ? token : ""));
		}
		status = print_json(json_pack("{s:o, s:o}", "ids", numbers, "tokens", tokens), &tool->diag);
	} else {
		for (size_t i = 0; i < count; i++)
			printf("%s%d", i > 0 ? " " : "", (int)ids[i]);
		printf("\n");
	}
	clade_free(tool->context, ids);
	return status;
}

static enum clade_status push(struct tool *tool, struct clade_decoder *decoder, const int32_t *id, struct text_out *out)
{
	const char *text;
	size_t bytes;
	enum clade_status status = id != NULL ? clade_decoder_push(decoder, *id, &text, &bytes, &tool->diag)
					      : clade_decoder_finish(decoder, &text, &bytes, &tool->diag);
	return status == CLADE_OK ? text_out_add(tool, out, text, bytes) : status;
}

static enum clade_status decode(struct tool *tool, const struct clade_tokenizer *tokenizer)
{
	int32_t *ids = NULL;
	size_t count = 0;
	struct clade_decoder *decoder = NULL;
	struct text_out out = { 0 };
	enum clade_status status = parse_ids(tool, "--decode", tool->options.decode, &ids, &count);
	if (status == CLADE_OK)
		status = clade_decoder_create(tokenizer, tool->options.no_special, &decoder, &tool->diag);
	for (size_t i = 0; i < count && status == CLADE_OK; i++) {
		if (clade_tokenizer_token(tokenizer, ids[i]) == NULL)
			status = clade_fail(&tool->diag, CLADE_ERR_DATA, CLADE_MSG_TEXT_ID, "--decode",
					    "no token has id %d; the vocabulary has ids 0 to %d", (int)ids[i],
					    (int)clade_tokenizer_size(tokenizer) - 1);
		else
			status = push(tool, decoder, &ids[i], &out);
	}
	if (status == CLADE_OK)
		status = push(tool, decoder, NULL, &out);
	if (status == CLADE_OK && tool->options.json) {
		status = print_json(json_pack("{s:s%}", "text", out.text, out.bytes), &tool->diag);
	} else if (status == CLADE_OK) {
		fwrite(out.text, 1, out.bytes, stdout);
		printf("\n");
	}
	free(out.text);
	free(ids);
	clade_decoder_destroy(&decoder);
	return status;
}

static enum clade_status tokenize(struct tool *tool, struct model *model, struct clade_tokenizer **tokenizer)
{
	const struct options *options = &tool->options;
	char *text = NULL;
	size_t bytes = 0;
	*model = (struct model) { 0 };
	if ((options->decode != NULL) + (options->text != NULL) + (tool->argument_count > 1) > 1)
		return fail_usage(tool, CLADE_MSG_TOOL_OPTION, options->decode != NULL ? "--decode" : "--text",
				  "only one of --text, --decode and FILE can be given");
	enum clade_status status = model_open_text(tool, model);
	if (status == CLADE_OK)
		status = model_need_tokenizer(tool, model, tokenizer);
	if (status != CLADE_OK)
		return status;
	if (options->decode != NULL)
		return decode(tool, *tokenizer);
	if (options->text != NULL)
		return encode(tool, *tokenizer, options->text, strlen(options->text));
	status = read_text(tool, tool->argument_count > 1 ? tool->arguments[1] : "-", &text, &bytes);
	if (status == CLADE_OK)
		status = encode(tool, *tokenizer, text, bytes);
	free(text);
	return status;
}

static enum clade_status run(struct tool *tool)
{
	struct model model;
	struct clade_tokenizer *tokenizer = NULL;
	enum clade_status status = tokenize(tool, &model, &tokenizer);
	clade_tokenizer_destroy(&tokenizer);
	model_close(&model);
	return status;
}

static const struct option own_options[] = {
	{ "text", "TEXT", "the text itself (else FILE, else stdin)", take_text, offsetof(struct options, text) },
	{ "decode", "IDS", "the way back: ids separated by commas", take_text, offsetof(struct options, decode) },
	{ "no-special", NULL, "add no special tokens; with --decode: leave them out", take_flag,
	  offsetof(struct options, no_special) },
	{ NULL },
};
static const struct option *const groups[] = { own_options, options_json, options_common, NULL };
const struct command command_tokenize = {
	.name = "tokenize",
	.arguments = "MODEL [FILE]",
	.summary = "text to token ids, and back",
	.groups = groups,
	.min_arguments = 1,
	.max_arguments = 2,
	.run = run,
};
