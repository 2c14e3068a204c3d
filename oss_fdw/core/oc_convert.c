/*
 * oc_convert.c
 *	  Text -> value as the server keeps it in memory, for single fields: what oc_value.h declares, made of oc_convert_inline.h.
 */
#include "oc_convert_inline.h"

size_t
oc_convert_room(const oc_conversion *how, size_t size)
{
	return oc_inline_convert_room(how, size);
}

bool
oc_convert(const oc_conversion *how, const char *data, size_t size, bool ahead, char *target, size_t *used, uint64_t *value)
{
	return oc_inline_convert(how, data, size, ahead, target, used, value);
}
