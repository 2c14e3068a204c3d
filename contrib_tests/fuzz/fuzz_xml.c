/*
 * fuzz_xml.c
 *	  Any bytes as each of the store's XML answers.
 *
 * What is taken must keep its promises: a page's names are not empty, a failure has a message.
 */
#include <stdlib.h>

#include "oc_int.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool good)
{
	if (!good)
		abort();
}

static void
require_message(const oc_error *error)
{
	require(error->class != OC_ERR_NONE && error->message[0] && !strchr(error->message, '\n'));
}

static void
lists(const char *xml, size_t size)
{
	oc_page page;
	oc_error error;

	if (oc_xml_list(xml, size, &page, &error))
	{
		for (size_t i = 0; i < page.count; i++)
			require(page.objects[i].key[0] && page.objects[i].etag &&
					page.objects[i].storage_class);
		require(page.next && page.next_upload_id);
	}
	else
		require_message(&error);
	oc_page_free(&page);
	if (oc_xml_uploads(xml, size, &page, &error))
	{
		for (size_t i = 0; i < page.count; i++)
			require(page.uploads[i].key[0] && page.uploads[i].upload_id);
	}
	else
		require_message(&error);
	oc_page_free(&page);
}

static void
results(const char *xml, size_t size)
{
	char text[72];
	oc_error error;

	if (oc_xml_initiate(xml, size, text, sizeof(text), &error))
		require(text[0] && strlen(text) < sizeof(text));
	else
		require_message(&error);
	if (oc_xml_complete(xml, size, text, sizeof(text), &error))
		require(strlen(text) < sizeof(text));
	else
		require_message(&error);
	if (!oc_xml_delete(xml, size, &error))
		require_message(&error);
	if (oc_xml_error(xml, size, &error))
		require_message(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	lists((const char *) data, size);
	results((const char *) data, size);
	return 0;
}
