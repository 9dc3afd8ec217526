/* SPDX-License-Identifier: MIT */
/* Choice of implementations: rules, lock lines, pins, and the first that accepts. */
#include "choose.h"

#include <stdio.h>
#include <string.h>

#include <clade/messages.h>

bool clade_glob(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*') {
			bool crosses = pattern[1] == '*';

			pattern += crosses ? 2 : 1;
			for (;; text++) {
				if (clade_glob(pattern, text))
					return true;
				if (!*text || (*text == '/' && !crosses))
					return false;
			}
		}
		if (!*text || (*pattern == '?' ? *text == '/' : *pattern != *text))
			return false;
	}
	return !*text;
}

const char *clade_origin_name(enum clade_origin origin)
{
	static const char *const names[] = { "command line", "lock", "pin", "measured", "first that accepts" };

	return names[origin];
}

const char *clade_order_name(const struct clade_impl *impl)
{
	if (impl->precision == CLADE_PRECISION_REDUCED)
		return "reduced";
	return impl->order == CLADE_ORDER_CANONICAL ? "canonical" : "own";
}

/* ---- rules ---- */

static bool rule_matches(const struct clade_rule *rule, const char *path, const char *op)
{
	if (rule->origin == CLADE_ORIGIN_LOCK)
		return !strcmp(rule->pattern, path);
	if (op && !strchr(rule->pattern, '/') && clade_glob(rule->pattern, op))
		return true;
	return clade_glob(rule->pattern, path);
}

/* The last rule that names this box or one around it; `limit` counts the rules to look at. -1: none. */
static int32_t rule_for_box(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box)
{
	for (int32_t i = (int32_t)rules->count - 1; i >= 0; i--)
		for (uint32_t b = box; b != CLADE_IR_NONE; b = ir->boxes[b].parent)
			if (ir->boxes[b].path[0] &&
			    rule_matches(&rules->rules[i], ir->boxes[b].path, ir->boxes[b].block))
				return i;
	return -1;
}

static int32_t rule_for_node(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t node)
{
	const struct clade_ir_node *n = &ir->nodes[node];
	int32_t outer = rule_for_box(rules, ir, n->box);

	for (int32_t i = (int32_t)rules->count - 1; i > outer; i--)
		if (rule_matches(&rules->rules[i], n->path, n->op->name))
			return i;
	return outer;
}

const struct clade_impl *clade_rules_node_impl(const struct clade_rules *rules, const struct clade_ir *ir,
					       uint32_t node)
{
	int32_t rule = rule_for_node(rules, ir, node);
	const char *name = rule >= 0 ? rules->rules[rule].name : ir->nodes[node].pin;

	return name ? clade_impl_find(ir->context, ir->nodes[node].op->name, name) : NULL;
}

const struct clade_impl *clade_rules_box_impl(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box)
{
	const struct clade_ir_box *b = &ir->boxes[box];
	int32_t rule = rule_for_box(rules, ir, box);
	const char *name = rule >= 0 ? rules->rules[rule].name : b->pin;

	return name && b->op ? clade_impl_find(ir->context, b->op->name, name) : NULL;
}

static bool impl_name_exists(struct clade_context *context, const char *name, const char **out_nearest)
{
	const char *words[64];
	size_t count = 0;

	for (size_t o = 0; o < clade_op_count(context); o++) {
		const struct clade_impl *impl;

		for (size_t i = 0; (impl = clade_impl_at(context, clade_op_at(context, o)->name, i)); i++) {
			size_t k = 0;

			if (!strcmp(impl->name, name))
				return true;
			while (k < count && strcmp(words[k], impl->name))
				k++;
			if (k == count && count < 64)
				words[count++] = impl->name;
		}
	}
	*out_nearest = clade_nearest(name, words, count);
	return false;
}

static enum clade_status check_rule(const struct clade_ir *ir, struct clade_rule *rule, struct clade_diag *diag)
{
	bool lock = rule->origin == CLADE_ORIGIN_LOCK;
	enum clade_status status = lock ? CLADE_ERR_DATA : CLADE_ERR_USAGE;
	const char *nearest = NULL;
	char where[256];

	snprintf(where, sizeof(where), "%s", lock ? "lock file" : "--impl");
	if (!impl_name_exists(ir->context, rule->name, &nearest))
		return clade_fail(diag, status, CLADE_MSG_IMPL_UNKNOWN, where,
				  "no implementation is named '%s'; see `clade ops`%s%s%s", rule->name,
				  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	for (uint32_t i = 0; i < ir->node_count; i++)
		rule->hits += rule_matches(rule, ir->nodes[i].path, ir->nodes[i].op->name);
	for (uint32_t i = 0; i < ir->box_count; i++)
		rule->hits += ir->boxes[i].path[0] && rule_matches(rule, ir->boxes[i].path, ir->boxes[i].block);
	if (rule->hits)
		return CLADE_OK;
	nearest = clade_op_nearest(ir->context, rule->pattern);
	return clade_fail(
		diag, status, CLADE_MSG_IMPL_NO_MATCH, where,
		"'%s' meets no node, block or op of this graph; `*` stays within a segment, `**` crosses%s%s%s",
		rule->pattern, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static enum clade_status add_rule(struct clade_rules *rules, const char *text, size_t length, enum clade_origin origin,
				  struct clade_diag *diag)
{
	struct clade_context *context = rules->context;
	struct clade_rule *rule;
	const char *split = NULL;
	void *grown;

	for (size_t i = 0; i < length; i++)
		if (text[i] == '=')
			split = text + i;
	if (!split || split == text || split + 1 == text + length)
		return clade_fail(diag, origin == CLADE_ORIGIN_LOCK ? CLADE_ERR_DATA : CLADE_ERR_USAGE,
				  CLADE_MSG_IMPL_SYNTAX, origin == CLADE_ORIGIN_LOCK ? "lock file" : "--impl",
				  "'%.*s' is not PATTERN=NAME; for example linear=ref", (int)length, text);
	grown = clade_resize(context, rules->rules, (rules->count + 1) * sizeof(*rules->rules));
	if (!grown)
		return clade_fail_memory(diag, (rules->count + 1) * sizeof(*rules->rules), "rules");
	rules->rules = grown;
	rule = &rules->rules[rules->count];
	*rule = (struct clade_rule) { .origin = origin };
	rule->pattern = clade_alloc(context, length + 2);
	if (!rule->pattern)
		return clade_fail_memory(diag, length + 2, "a rule");
	rules->count++;
	/* one block for both strings */
	memcpy(rule->pattern, text, length);
	rule->name = rule->pattern + (split - text) + 1;
	for (char *end = rule->name - 1; end >= rule->pattern && (*end == '=' || *end == ' '); end--)
		*end = 0;
	while (*rule->name == ' ')
		rule->name++;
	return CLADE_OK;
}

/* Lock text: "clade-lock 1", then "path = impl" lines; # starts a comment. */
static enum clade_status add_lock(struct clade_rules *rules, const char *text, struct clade_diag *diag)
{
	enum clade_status status = CLADE_OK;
	bool first = true;

	while (*text && !status) {
		size_t length = strcspn(text, "\n"), used = length;

		while (used && (text[used - 1] == '\r' || text[used - 1] == ' '))
			used--;
		if (used && text[0] != '#') {
			if (first && (used != 12 || strncmp(text, "clade-lock 1", 12)))
				return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_LOCK, "lock file",
						  "the first line is '%.*s'; it must be 'clade-lock 1'",
						  (int)(used > 60 ? 60 : used), text);
			if (!first)
				status = add_rule(rules, text, used, CLADE_ORIGIN_LOCK, diag);
			first = false;
		}
		text += length + (text[length] == '\n');
	}
	return status;
}

enum clade_status clade_rules_create(const struct clade_graph *graph, const struct clade_choices *choices,
				     struct clade_rules **out_rules, struct clade_diag *diag)
{
	struct clade_context *context = clade_graph_context(graph);
	struct clade_rules *rules = clade_alloc(context, sizeof(*rules));
	enum clade_status status = CLADE_OK;

	*out_rules = NULL;
	if (!rules)
		return clade_fail_memory(diag, sizeof(*rules), "rules");
	rules->context = context;
	if (choices) {
		rules->strict = choices->strict;
		rules->fast = choices->fast;
		rules->open_all = choices->open_all;
		rules->keep_values = choices->keep_values;
		if (choices->lock_text)
			status = add_lock(rules, choices->lock_text, diag);
		for (const char *const *r = choices->rules; r && *r && !status; r++)
			status = add_rule(rules, *r, strlen(*r), CLADE_ORIGIN_RULE, diag);
		for (uint32_t i = 0; i < rules->count && !status; i++)
			status = check_rule(clade_graph_ir(graph), &rules->rules[i], diag);
	}
	if (status)
		clade_rules_destroy(&rules);
	*out_rules = rules;
	return status;
}

void clade_rules_destroy(struct clade_rules **rules)
{
	struct clade_context *context;

	if (!rules || !*rules)
		return;
	context = (*rules)->context;
	for (uint32_t i = 0; i < (*rules)->count; i++)
		clade_free(context, (*rules)->rules[i].pattern);
	clade_free(context, (*rules)->rules);
	clade_tuned_destroy(&(*rules)->tuned);
	clade_free(context, *rules);
	*rules = NULL;
}

/* ---- choices ---- */

void clade_choice_finish(struct clade_context *context, struct clade_choice *choice)
{
	for (uint32_t i = 0; i < choice->refusal_count; i++)
		clade_free(context, (void *)choice->refusals[i].why);
	clade_free(context, choice->refusals);
	*choice = (struct clade_choice) { 0 };
}

/* Reasons are a courtesy: without memory for one, the choice itself is unharmed. */
static void refuse(struct clade_context *context, struct clade_choice *choice, const char *impl, const char *why)
{
	struct clade_refusal *grown =
		clade_resize(context, choice->refusals, (choice->refusal_count + 1) * sizeof(*grown));

	if (!grown)
		return;
	choice->refusals = grown;
	grown[choice->refusal_count].impl = impl;
	grown[choice->refusal_count].why = clade_strdup(context, why);
	if (grown[choice->refusal_count].why)
		choice->refusal_count++;
}

static bool on_host(const struct clade_impl *impl)
{
	return impl->needs & CLADE_NEEDS_HOST;
}

/* Whether a node on this device may have `impl` though nobody names it; else the reason goes to `why`. */
static bool may_choose(const struct clade_rules *rules, const struct clade_impl *impl, enum clade_device_kind kind,
		       char *why, size_t why_size)
{
	const char *reason = NULL;

	if (!rules->fast && impl->precision != CLADE_PRECISION_FULL)
		reason = "its precision is reduced; only by name or --fast";
	else if (!rules->fast && impl->order != CLADE_ORDER_CANONICAL)
		reason = "its order of summation is its own; only by name or --fast";
	else if (impl->kinds && !(impl->kinds & CLADE_KIND_BIT(kind)))
		reason = "it is made for devices of another kind; only by name";
	if (reason)
		snprintf(why, why_size, "%s", reason);
	return !reason;
}

/* Whether `impl` takes the node on its device. An instruction that must be tried first is tried when the first node
 * wants it and nothing else is against it, since that takes time. */
static bool takes(const struct clade_rules *rules, const struct clade_impl *impl, const struct clade_node_info *info,
		  char *why, size_t why_size)
{
	if (impl->needs & CLADE_NEEDS_INT_DOT && info->device->dot == CLADE_DOT_UNTRIED && rules->device) {
		struct clade_device_info hopeful = *info->device;
		struct clade_node_info asked = *info;

		hopeful.dot = CLADE_DOT_READY;
		asked.device = &hopeful;
		if (clade_impl_accepts(impl, &asked, why, why_size))
			clade_device_try_dot(rules->device);
	}
	return clade_impl_accepts(impl, info, why, why_size);
}

/* The same; a host implementation on another device is asked with the host's info. */
static bool accepts(const struct clade_rules *rules, const struct clade_impl *impl, struct clade_node_info *info,
		    const struct clade_device_info *host, char *why, size_t why_size)
{
	const struct clade_device_info *device = info->device;
	bool ok;

	if (on_host(impl))
		info->device = host;
	ok = takes(rules, impl, info, why, why_size);
	info->device = device;
	return ok;
}

/* The implementation that a rule or pin names. */
static enum clade_status choose_named(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t node,
				      struct clade_node_info *info, const struct clade_device_info *host,
				      const char *name, enum clade_origin origin, struct clade_choice *out,
				      struct clade_diag *diag)
{
	const struct clade_ir_node *n = &ir->nodes[node];
	const struct clade_impl *impl = clade_impl_find(ir->context, n->op->name, name);
	enum clade_status status = origin == CLADE_ORIGIN_RULE ? CLADE_ERR_USAGE : CLADE_ERR_DATA;
	char where[320], why[256] = "";

	if (origin == CLADE_ORIGIN_PIN)
		snprintf(where, sizeof(where), "%s:%u:%u", n->pos.file, n->pos.line, n->pos.column);
	else
		snprintf(where, sizeof(where), "%s", origin == CLADE_ORIGIN_LOCK ? "lock file" : "--impl");
	if (!impl) {
		const char *words[32], *nearest;
		size_t count = 0;

		for (const struct clade_impl *k; count < 32 && (k = clade_impl_at(ir->context, n->op->name, count));)
			words[count++] = k->name;
		nearest = clade_nearest(name, words, count);
		return clade_fail(diag, status, CLADE_MSG_IMPL_UNKNOWN, where,
				  "%s: op '%s' has no implementation '%s'; see `clade ops %s`%s%s%s", n->path,
				  n->op->name, name, n->op->name, nearest ? "; did you mean '" : "",
				  nearest ? nearest : "", nearest ? "'?" : "");
	}
	if (!accepts(rules, impl, info, host, why, sizeof(why)))
		return clade_fail(diag, status, CLADE_MSG_IMPL_REFUSED, where, "%s: %s.%s refuses this node: %s",
				  n->path, n->op->name, name, why);
	out->impl = impl;
	out->origin = origin;
	return CLADE_OK;
}

/* ---- measured winners ---- */

enum clade_status clade_rules_add_tuned(struct clade_rules *rules, const char *text,
					const struct clade_device_info *device, struct clade_diag *diag)
{
	enum clade_status status = clade_tuned_read(rules->context, text, "measured winners", &rules->tuned, diag);
	char why[400];

	if (status || clade_tuned_fits(rules->tuned, device, why, sizeof(why)))
		return status;
	clade_tuned_destroy(&rules->tuned);
	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_TUNED, "measured winners", "%s", why);
}

/* The ordinary winners are sought among the exact: where --fast lets another come before `impl`, they say nothing. */
static bool is_passed(const struct clade_rules *rules, const struct clade_ir *ir, const struct clade_node_info *info,
		      const struct clade_impl *impl)
{
	const struct clade_impl *other;
	char why[256];

	if (!rules->fast || impl->precision != CLADE_PRECISION_FULL)
		return false;
	for (size_t i = 0; (other = clade_impl_at(ir->context, impl->op, i)) && other != impl; i++)
		if (other->precision != CLADE_PRECISION_FULL &&
		    may_choose(rules, other, info->device->kind, why, sizeof(why)) &&
		    takes(rules, other, info, why, sizeof(why)))
			return true;
	return false;
}

/* The winner for this node, if its implementation (`only`, NULL: any) is still there, has these values and takes the
 * node. Fills out's impl and values. */
static bool choose_measured_among(const struct clade_rules *rules, bool fast, const struct clade_ir *ir,
				  const struct clade_op *op, struct clade_node_info *info,
				  const struct clade_impl *only, struct clade_choice *out)
{
	char key[CLADE_TUNED_KEY], why[256] = "";
	const struct clade_impl *impl;
	struct clade_winner winner;
	bool taken;

	memset(out->tuned, 0, sizeof(out->tuned));
	if (!rules->tuned || !clade_tuned_key(op, info, fast, key, sizeof(key)) ||
	    !clade_tuned_find(rules->tuned, key, &winner))
		return false;
	impl = clade_impl_find(ir->context, op->name, winner.impl);
	if (!impl || (only && impl != only) || on_host(impl) != (info->device->kind == CLADE_DEVICE_HOST) ||
	    (!only && !may_choose(rules, impl, info->device->kind, why, sizeof(why))) ||
	    (!only && !fast && is_passed(rules, ir, info, impl)))
		return false;
	taken = clade_tuned_values(impl, winner.values, out->tuned);
	info->tuned = out->tuned;
	taken = taken && takes(rules, impl, info, why, sizeof(why));
	info->tuned = NULL;
	if (!taken) {
		memset(out->tuned, 0, sizeof(out->tuned));
		return false;
	}
	out->impl = impl;
	clade_tuned_values_text(impl, out->tuned, out->tuned_text, sizeof(out->tuned_text));
	return true;
}

/* With --fast, what was measured among all that it allows; else, or without one, the winner among the exact. */
static bool choose_measured(const struct clade_rules *rules, const struct clade_ir *ir, const struct clade_op *op,
			    struct clade_node_info *info, const struct clade_impl *only, struct clade_choice *out)
{
	return (rules->fast && choose_measured_among(rules, true, ir, op, info, only, out)) ||
	       choose_measured_among(rules, false, ir, op, info, only, out);
}

/* out->impl may be a measured winner already: then only the others' reasons are found. */
static enum clade_status choose_first(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t node,
				      struct clade_node_info *info, const struct clade_device_info *host,
				      struct clade_choice *out, struct clade_diag *diag)
{
	const struct clade_ir_node *n = &ir->nodes[node];
	bool main_is_host = info->device->kind == CLADE_DEVICE_HOST;
	const struct clade_impl *impl, *fallback = NULL, *measured = out->impl;

	for (size_t i = 0; (impl = clade_impl_at(ir->context, n->op->name, i)); i++) {
		char why[256] = "";

		if (impl == measured)
			continue;
		if (may_choose(rules, impl, info->device->kind, why, sizeof(why)) &&
		    accepts(rules, impl, info, host, why, sizeof(why))) {
			if (!out->impl && on_host(impl) == main_is_host) {
				out->impl = impl;
				continue;
			}
			if (!fallback && on_host(impl))
				fallback = impl;
			if (impl == fallback && !out->impl)
				continue;
			if (on_host(impl) && !main_is_host)
				snprintf(why, sizeof(why), "it runs on the host");
			else
				snprintf(why, sizeof(why), measured ? "%s was measured to be faster" : "%s comes first",
					 out->impl ? out->impl->name : fallback->name);
		}
		refuse(ir->context, out, impl->name, why);
	}
	out->origin = measured ? CLADE_ORIGIN_TUNED : CLADE_ORIGIN_FIRST;
	if (out->impl)
		return CLADE_OK;
	if (!fallback || rules->strict)
		return clade_fail(diag, CLADE_ERR_UNSUPPORTED, CLADE_MSG_NO_IMPL, n->path,
				  "op '%s' has no implementation for device %s%s%s%s", n->op->name, info->device->id,
				  fallback ? "; --strict forbids the reference on the host" : "",
				  out->refusal_count ? ": " : "", out->refusal_count ? out->refusals[0].why : "");
	clade_log(ir->context, CLADE_LOG_WARN, "plan", "%s: %s runs as reference C on the host: %s", n->path,
		  n->op->name, out->refusal_count ? out->refusals[0].why : "it has no OpenCL implementation");
	out->impl = fallback;
	return CLADE_OK;
}

enum clade_status clade_choose_node(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t node,
				    struct clade_node_info *info, const struct clade_device_info *host,
				    struct clade_choice *out, bool *out_on_host, struct clade_diag *diag)
{
	int32_t rule = rule_for_node(rules, ir, node);
	const char *pin = ir->nodes[node].pin;
	enum clade_status status;

	*out = (struct clade_choice) { 0 };
	if (rule >= 0)
		status = choose_named(rules, ir, node, info, host, rules->rules[rule].name, rules->rules[rule].origin,
				      out, diag);
	else if (pin)
		status = choose_named(rules, ir, node, info, host, pin, CLADE_ORIGIN_PIN, out, diag);
	else {
		choose_measured(rules, ir, ir->nodes[node].op, info, NULL, out);
		status = choose_first(rules, ir, node, info, host, out, diag);
	}
	if (!status && out->origin != CLADE_ORIGIN_TUNED)
		choose_measured(rules, ir, ir->nodes[node].op, info, out->impl, out);
	*out_on_host = !status && on_host(out->impl) && info->device->kind != CLADE_DEVICE_HOST;
	if (status)
		clade_choice_finish(ir->context, out);
	return status;
}

static bool box_writes(const struct clade_ir *ir, const struct clade_ir_box *box, uint32_t state)
{
	for (uint32_t i = 0; i < box->output_count; i++)
		if (ir->values[box->outputs[i]].state == state)
			return true;
	return false;
}

/* Whether something names a value or node inside the box, so that it must be opened; the reason goes to `why`. */
static bool box_is_named_inside(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box, int32_t outer,
				char *why, size_t why_size)
{
	const struct clade_ir_box *b = &ir->boxes[box];

	for (uint32_t n = b->first_node; n < b->last_node; n++) {
		const struct clade_ir_node *node = &ir->nodes[n];

		if (rule_for_node(rules, ir, n) > outer) {
			snprintf(why, why_size, "a rule names %s inside it", node->path);
			return true;
		}
		if (node->pin && (!b->pin || strcmp(node->pin, b->pin))) {
			snprintf(why, why_size, "%s inside it is pinned", node->path);
			return true;
		}
		for (uint32_t o = 0; o < node->output_count; o++) {
			uint32_t state = ir->values[node->outputs[o]].state;

			if (state != CLADE_IR_NONE && !box_writes(ir, b, state)) {
				snprintf(why, why_size, "%s inside it writes a state", node->path);
				return true;
			}
		}
	}
	return false;
}

/* Whether a value made inside the box, and not one of its outputs, is used outside or is an output of the entry. */
static bool box_leaks(const struct clade_ir *ir, uint32_t box, char *why, size_t why_size)
{
	const struct clade_ir_box *b = &ir->boxes[box];
	uint32_t root = box;
	const struct clade_ir_entry *entry = NULL;

	while (ir->boxes[root].parent != CLADE_IR_NONE)
		root = ir->boxes[root].parent;
	for (uint32_t e = 0; e < ir->entry_count; e++)
		if (ir->entries[e].root_box == root)
			entry = &ir->entries[e];
	for (uint32_t n = b->first_node; n < b->last_node; n++)
		for (uint32_t o = 0; o < ir->nodes[n].output_count; o++) {
			uint32_t value = ir->nodes[n].outputs[o];
			bool is_output = false, used = false;

			for (uint32_t i = 0; i < b->output_count; i++)
				is_output |= b->outputs[i] == value;
			if (is_output)
				continue;
			for (uint32_t i = 0; entry && i < entry->output_count; i++)
				used |= entry->outputs[i].value == value;
			for (uint32_t m = b->last_node; entry && m < entry->last_node && !used; m++)
				for (uint32_t i = 0; i < ir->nodes[m].input_count; i++)
					used |= ir->nodes[m].inputs[i] == value;
			if (used) {
				snprintf(why, why_size, "%s inside it is used outside", ir->values[value].path);
				return true;
			}
		}
	return false;
}

enum clade_status clade_choose_box(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box,
				   const struct clade_node_info *info, struct clade_choice *out,
				   struct clade_diag *diag)
{
	const struct clade_ir_box *b = &ir->boxes[box];
	int32_t rule = rule_for_box(rules, ir, box);
	const char *name = rule >= 0 ? rules->rules[rule].name : b->pin;
	const struct clade_impl *impl;
	char why[256] = "";

	*out = (struct clade_choice) { 0 };
	out->origin = rule >= 0 ? rules->rules[rule].origin : b->pin ? CLADE_ORIGIN_PIN : CLADE_ORIGIN_FIRST;
	if (rules->open_all)
		snprintf(why, sizeof(why), "all blocks are opened");
	else if (!box_is_named_inside(rules, ir, box, rule, why, sizeof(why)))
		box_leaks(ir, box, why, sizeof(why));
	if (!why[0] && !name) {
		struct clade_node_info asked = *info;

		if (choose_measured(rules, ir, b->op, &asked, NULL, out)) {
			out->origin = CLADE_ORIGIN_TUNED;
			return CLADE_OK;
		}
	}
	for (size_t i = 0; (impl = clade_impl_at(ir->context, b->op->name, i)); i++) {
		char reason[256];

		snprintf(reason, sizeof(reason), "%s", why);
		if (!reason[0] && name && strcmp(name, impl->name))
			snprintf(reason, sizeof(reason), "'%s' is asked for", name);
		if (!reason[0] && !name)
			may_choose(rules, impl, info->device->kind, reason, sizeof(reason));
		if (!reason[0] && !out->impl && takes(rules, impl, info, reason, sizeof(reason))) {
			out->impl = impl;
			continue;
		}
		if (!out->impl) {
			char text[400];

			snprintf(text, sizeof(text), "block %s: %s", b->path, reason);
			refuse(ir->context, out, impl->name, text);
		}
		if (rule >= 0 && !strcmp(name, impl->name) && !out->impl && !rules->open_all) {
			clade_fail(diag, out->origin == CLADE_ORIGIN_LOCK ? CLADE_ERR_DATA : CLADE_ERR_USAGE,
				   CLADE_MSG_IMPL_REFUSED, out->origin == CLADE_ORIGIN_LOCK ? "lock file" : "--impl",
				   "%s: %s.%s refuses this block: %s", b->path, b->op->name, name, reason);
			clade_choice_finish(ir->context, out);
			return out->origin == CLADE_ORIGIN_LOCK ? CLADE_ERR_DATA : CLADE_ERR_USAGE;
		}
	}
	if (out->impl) {
		struct clade_node_info asked = *info;

		choose_measured(rules, ir, b->op, &asked, out->impl, out);
	}
	return CLADE_OK;
}
