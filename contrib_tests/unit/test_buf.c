/*
 * test_buf.c
 *	  The growable buffer: contents, ceiling, sticky failure.
 */
#include <stdlib.h>

#include "oc_int.h"
#include "unit.h"

static void
appends(void)
{
	oc_buf buf;

	oc_buf_init(&buf, 1000);
	CHECK(buf.data == NULL);
	CHECK(oc_buf_append(&buf, NULL, 0));
	CHECK_STR(buf.data, "");
	CHECK(oc_buf_append_string(&buf, "abc"));
	CHECK(oc_buf_append_char(&buf, 'd'));
	CHECK(oc_buf_printf(&buf, "%d-%s", 42, "xyz"));
	CHECK_STR(buf.data, "abcd42-xyz");
	CHECK_INT(buf.size, 10);
	CHECK(oc_buf_append(&buf, "\0q", 2));
	CHECK_INT(buf.size, 12);
	CHECK_MEM(buf.data, "abcd42-xyz\0q", 13);
	oc_buf_reset(&buf);
	CHECK_INT(buf.size, 0);
	CHECK_STR(buf.data, "");
	oc_buf_free(&buf);
	CHECK(buf.data == NULL);
	CHECK(oc_buf_append_string(&buf, "again"));
	CHECK_STR(buf.data, "again");
	oc_buf_free(&buf);
}

static void
ceiling_is_exact(void)
{
	for (size_t ceiling = 0; ceiling < 300; ceiling++)
	{
		oc_buf buf;
		size_t fitted = 0;

		oc_buf_init(&buf, ceiling);
		while (fitted < 400 && oc_buf_append_char(&buf, (char) ('a' + fitted % 26)))
			fitted++;
		CHECK_INT(fitted, ceiling);
		CHECK(buf.failed);
		CHECK_INT(buf.size, ceiling);
		CHECK(ceiling == 0 || strlen(buf.data) == ceiling);
		CHECK(buf.capacity <= ceiling + 1);
		oc_buf_free(&buf);
	}
}

static void
failure_is_sticky(void)
{
	oc_buf buf;

	oc_buf_init(&buf, 5);
	CHECK(oc_buf_append_string(&buf, "abc"));
	CHECK(!oc_buf_append_string(&buf, "def"));
	CHECK(!oc_buf_append_char(&buf, 'd'));
	CHECK(!oc_buf_append(&buf, "", 0));
	CHECK(!oc_buf_printf(&buf, "%s", ""));
	CHECK_STR(buf.data, "abc");
	oc_buf_reset(&buf);
	CHECK(oc_buf_printf(&buf, "%05d", 7));
	CHECK_STR(buf.data, "00007");
	CHECK(!oc_buf_printf(&buf, "%d", 7));
	CHECK_STR(buf.data, "00007");
	oc_buf_free(&buf);

	/* sizes near the end of the address space must not wrap */
	oc_buf_init(&buf, SIZE_MAX);
	CHECK(oc_buf_append_string(&buf, "abc"));
	CHECK(!oc_buf_append(&buf, "abc", SIZE_MAX - 1));
	CHECK(buf.failed);
	CHECK_STR(buf.data, "abc");
	oc_buf_free(&buf);
}

static void
large(void)
{
	oc_buf buf;
	size_t size = 3 * 1024 * 1024 + 7;
	char *block = malloc(size);

	memset(block, 'z', size);
	oc_buf_init(&buf, 2 * size);
	CHECK(oc_buf_append(&buf, block, size));
	CHECK(oc_buf_append(&buf, block, size));
	CHECK(!oc_buf_append_char(&buf, 'z'));
	CHECK_INT(buf.size, 2 * size);
	CHECK_MEM(buf.data + size, block, size);
	free(block);
	oc_buf_free(&buf);
}

int
main(void)
{
	appends();
	ceiling_is_exact();
	failure_is_sticky();
	large();
	return unit_done();
}
