/* SPDX-License-Identifier: MIT */
/* Bytes written as printable characters (GPT-2). Internal to tools/text. */
#ifndef CLADE_TEXT_BYTE_LEVEL_H
#define CLADE_TEXT_BYTE_LEVEL_H

#include "internal.h"

int32_t byte_level_point(unsigned char byte); /* U+0021 to U+0143 */
int byte_level_byte(int32_t point);           /* -1: no byte has this character */
/* Appends the characters of `bytes` bytes. */
bool byte_level_add(struct text_buffer *out, const char *text, size_t bytes);

#endif
