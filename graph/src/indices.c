/* SPDX-License-Identifier: MIT */
/* Graph inputs whose integers index something: found once for a session, so that a run only compares numbers. */
#include "session_internal.h"

#include <string.h>

static bool append(struct clade_session *session, const struct clade_index *index)
{
	struct clade_index *grown;

	for (uint32_t i = 0; i < session->index_count; i++) /* every layer's cache asks the same of the positions */
		if (session->indices[i].entry == index->entry && session->indices[i].input == index->input &&
		    ((index->is_cache && session->indices[i].is_cache) || session->indices[i].target == index->target))
			return true;
	grown = clade_resize(session->context, session->indices, (session->index_count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	grown[session->index_count++] = *index;
	session->indices = grown;
	return true;
}

static bool find_in_entry(struct clade_session *session, uint32_t entry)
{
	const struct clade_ir *ir = session->ir;
	const struct clade_ir_entry *e = &ir->entries[entry];

	for (uint32_t n = e->first_node; n < e->last_node; n++) {
		const struct clade_ir_node *node = &ir->nodes[n];

		for (uint32_t i = 0; i < node->input_count && node->op->ports[i]; i++) {
			const char *indexed = node->op->ports[i]->index_of;
			uint32_t input = 0;

			while (input < e->input_count && e->inputs[input].value != node->inputs[i])
				input++;
			if (!indexed)
				continue;
			if (input == e->input_count) { /* computed inside, unless what it indexes is no cache */
				for (uint32_t k = 0; k < node->input_count && node->op->ports[k]; k++)
					if (!strcmp(node->op->ports[k]->name, indexed) &&
					    node->op->ports[k]->flags & CLADE_STATE)
						session->positions_known = false;
				continue;
			}
			for (uint32_t k = 0; k < node->input_count && node->op->ports[k]; k++) {
				struct clade_index index = { entry, input, node->inputs[k],
							     node->op->ports[k]->flags & CLADE_STATE };

				if (!strcmp(node->op->ports[k]->name, indexed) && index.target != CLADE_IR_NONE &&
				    !append(session, &index))
					return false;
			}
		}
	}
	return true;
}

enum clade_status clade_session_find_indices(struct clade_session *session, struct clade_diag *diag)
{
	session->positions_known = true;
	for (uint32_t e = 0; e < session->ir->entry_count; e++)
		if (!find_in_entry(session, e))
			return clade_fail_memory(diag, (session->index_count + 1) * sizeof(struct clade_index),
						 "a session");
	return CLADE_OK;
}

int64_t clade_session_index_bound(const struct clade_session *session, uint32_t entry, uint32_t input, bool *out_cache,
				  const char **out_target)
{
	int64_t bound = -1;

	*out_cache = false;
	for (uint32_t i = 0; i < session->index_count; i++) {
		const struct clade_index *index = &session->indices[i];
		const struct clade_ir_value *target = &session->ir->values[index->target];
		struct clade_type type;

		if (index->entry != entry || index->input != input)
			continue;
		if (index->is_cache) {
			*out_cache = true;
		} else if (clade_ir_eval_type(session->ir, &target->type, session->bindings, &type) &&
			   (bound < 0 || type.dims[0] < bound)) {
			bound = type.dims[0];
			*out_target = target->path;
		}
	}
	return bound;
}
