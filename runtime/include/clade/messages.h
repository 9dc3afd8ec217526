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
	CLADE_MSG_FILE_KIND = 250,   /* not the kind of file that is read here */
	CLADE_MSG_FILE_HEADER = 251, /* a safetensors header */
	CLADE_MSG_FILE_TENSOR = 252, /* one tensor's entry: dtype, shape, offsets */
	CLADE_MSG_FILE_NPY = 253,
	CLADE_MSG_FILE_CONFIG = 254,
	CLADE_MSG_FILE_INDEX = 255,  /* a sharded index and the names in it */
	CLADE_MSG_FILE_TWICE = 256,  /* a name that two files give */
	CLADE_MSG_FILE_VALUE = 257,  /* an element that does not fit the type asked for */
	CLADE_MSG_FILE_SHORT = 258,
	/* 300-349 text */
	CLADE_MSG_TEXT_FIRST = 300,
	CLADE_MSG_TEXT_FILE = 300,     /* tokenizer.json is damaged */
	CLADE_MSG_TEXT_KIND = 301,     /* tokenizer.json asks for something that is not supported */
	CLADE_MSG_TEXT_UTF8 = 302,
	CLADE_MSG_TEXT_ID = 303,       /* an id outside the vocabulary */
	CLADE_MSG_TEXT_UNKNOWN = 304,  /* a text that the vocabulary cannot express */
	/* 350-399 the program's own */
	CLADE_MSG_TOOL_FIRST = 350,
	CLADE_MSG_TOOL_COMMAND = 350,
	CLADE_MSG_TOOL_OPTION = 351,
	CLADE_MSG_TOOL_VALUE = 352,  /* an option's value */
	CLADE_MSG_TOOL_MODEL = 353,  /* a MODEL argument that cannot be resolved */
	CLADE_MSG_TOOL_INPUT = 354,  /* --in */
	CLADE_MSG_TOOL_EXPECT = 355, /* --expect */
	CLADE_MSG_TOOL_STDOUT = 356,
	CLADE_MSG_TOOL_ENTRY = 357,
	CLADE_MSG_TOOL_VERIFY = 358,
	CLADE_MSG_TOOL_GENERATE = 359
};
#endif
