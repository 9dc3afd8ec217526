/* SPDX-License-Identifier: MIT */
/* Which implementation runs where: rules from the command line and lock files, pins of the graph, then the first that
 * accepts. Also which blocks are taken whole. Every decision keeps its reasons. */
#ifndef CLADE_CHOOSE_H
#define CLADE_CHOOSE_H

#include "model.h"
#include <clade/session.h>
#include <clade/tuned.h>

enum clade_origin { CLADE_ORIGIN_RULE, CLADE_ORIGIN_LOCK, CLADE_ORIGIN_PIN, CLADE_ORIGIN_TUNED, CLADE_ORIGIN_FIRST };

struct clade_rule {
	char *pattern, *name;
	enum clade_origin origin;
	uint32_t hits; /* nodes, boxes or ops of the graph that the pattern matches */
};

struct clade_rules {
	struct clade_context *context;
	uint32_t count;
	struct clade_rule *rules; /* a later one wins; lock lines come before the command line's */
	bool strict, fast, open_all, keep_values;
	struct clade_tuned *tuned;   /* NULL: none */
	struct clade_device *device; /* the session's; NULL: nothing can be tried */
};

struct clade_choice {
	const struct clade_impl *impl; /* NULL: none (a box that is opened) */
	enum clade_origin origin;
	uint32_t refusal_count;
	struct clade_refusal *refusals; /* owned; texts too */
	int32_t tuned[CLADE_MAX_TUNABLES];
	char tuned_text[64]; /* the same for people */
};

/* Parses "PATTERN=NAME" rules and a lock text, and checks that every name exists and every pattern meets something in
 * the graph; else CLADE_ERR_USAGE (rules) or CLADE_ERR_DATA (lock) with the nearest word. */
enum clade_status clade_rules_create(const struct clade_graph *graph, const struct clade_choices *choices,
				     struct clade_rules **out_rules, struct clade_diag *diag);
void clade_rules_destroy(struct clade_rules **rules);

/* For a node of the IR. `info` is concrete at the plan's bound, its device is MAIN's; `host` is the reference device's.
 * *out_on_host says that the implementation runs on the host although the device is another one. */
enum clade_status clade_choose_node(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t node,
				    struct clade_node_info *info, const struct clade_device_info *host,
				    struct clade_choice *out, bool *out_on_host, struct clade_diag *diag);
/* For a box with a registered block op. out->impl NULL: open it (the reasons are in the refusals). */
enum clade_status clade_choose_box(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box,
				   const struct clade_node_info *info, struct clade_choice *out,
				   struct clade_diag *diag);
/* The implementation that a rule, a lock line or a pin names for the node, or for the block of the box; NULL: none, or
 * its op has none of that name. */
const struct clade_impl *clade_rules_node_impl(const struct clade_rules *rules, const struct clade_ir *ir,
					       uint32_t node);
const struct clade_impl *clade_rules_box_impl(const struct clade_rules *rules, const struct clade_ir *ir, uint32_t box);
/* Reads the measured winners; `device` is the one of the session. */
enum clade_status clade_rules_add_tuned(struct clade_rules *rules, const char *text,
					const struct clade_device_info *device, struct clade_diag *diag);
void clade_choice_finish(struct clade_context *context, struct clade_choice *choice);

/* `*` and `?` stay within a segment between slashes, `**` crosses. */
bool clade_glob(const char *pattern, const char *text);
const char *clade_origin_name(enum clade_origin origin);
const char *clade_order_name(const struct clade_impl *impl);

#endif
