/* SPDX-License-Identifier: MIT */
/* Permanent numbers of user-facing errors, printed as [CLADE-017]. Numbers are never reused; tests match them. */
#ifndef CLADE_MESSAGES_H
#define CLADE_MESSAGES_H

enum clade_message {
	/* 1-49 runtime */
	CLADE_MSG_MEMORY = 1,
	CLADE_MSG_ARGUMENT = 2,
	CLADE_MSG_IO = 3,
	CLADE_MSG_PLUGIN = 10,
	CLADE_MSG_PLUGIN_ABI = 11,
	CLADE_MSG_PLUGIN_UNSAFE = 12,
	CLADE_MSG_REGISTRY = 13,
	CLADE_MSG_INFER = 17,
	CLADE_MSG_ATTR = 18,
	CLADE_MSG_IMPL_REFUSED = 19,
	CLADE_MSG_IMPL_FAILED = 20,
	/* 50-99 devices */
	CLADE_MSG_DEVICE_UNKNOWN = 50,
	CLADE_MSG_DEVICE_AMBIGUOUS = 51,
	CLADE_MSG_DEVICE_NONE = 52,
	CLADE_MSG_OPENCL = 53,
	CLADE_MSG_BUILD = 54,
	CLADE_MSG_LIMIT = 55,
	/* 100-199 graph language */
	CLADE_MSG_GRAPH_FIRST = 100,
	/* 200-249 plan and session */
	CLADE_MSG_PLAN_FIRST = 200,
	/* 250-299 weight files */
	CLADE_MSG_FILE_FIRST = 250,
	/* 300-349 text */
	CLADE_MSG_TEXT_FIRST = 300,
	/* 350-399 the program's own */
	CLADE_MSG_TOOL_FIRST = 350
};
#endif
