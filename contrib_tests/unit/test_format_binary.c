/*
 * test_format_binary.c
 *	  uuid and bytea to hex and back.
 */
#include "value_util.h"

static void
check_uuid(void)
{
	static const uint8_t known[16] = {0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8,
									  0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11};
	uint8_t value[16] = {0};

	CHECK_FORMAT(OC_UUID_MAX, oc_format_uuid(known, out), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
	CHECK_ACCEPTED(oc_parse_uuid, "A0EEBC99-9C0B-4ef8-bb6d-6bb9BD380a11", value);
	CHECK_MEM(value, known, 16);
	CHECK_REFUSED(oc_parse_uuid, "", value);
	CHECK_REFUSED(oc_parse_uuid, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", value);
	CHECK_REFUSED(oc_parse_uuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11", value);
	CHECK_REFUSED(oc_parse_uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", value);
	CHECK_REFUSED(oc_parse_uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1-", value);
	CHECK_REFUSED(oc_parse_uuid, "a0eebc9909c0b-4ef8-bb6d-6bb9bd380a11", value);
	CHECK_REFUSED(oc_parse_uuid, " 0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", value);
	CHECK_MEM(value, known, 16);
}

/* Each byte at each of eight places is taken exactly when it is a hex digit. */
static void
check_digits(void)
{
	for (int byte = 1; byte < 256; byte++)
	{
		for (int place = 2; place < 10; place++)
		{
			char text[] = "\\x00112233";
			uint8_t target[4] = {0};
			size_t size = 0;
			bool is_digit = strchr("0123456789abcdefABCDEF", byte) != NULL;
			bool accepted;

			text[place] = (char) byte;
			TRY_PARSE(accepted, oc_parse_bytea, text, target, &size);
			CHECK_INT(accepted, is_digit);
			if (is_digit)
			{
				char digit[2] = {(char) byte, '\0'};
				int nibble = (int) strtol(digit, NULL, 16);

				CHECK_INT(size, 4);
				CHECK_INT(place % 2 == 0 ? target[place / 2 - 1] >> 4 : target[place / 2 - 1] & 15, nibble);
			}
		}
	}
}

static void
check_bytea(void)
{
	uint8_t data[70];
	char text[160];
	size_t size = 99;

	for (size_t count = 0; count < sizeof data; count++)
	{
		uint8_t *back = malloc(count ? count : 1);
		char *exact = malloc(OC_BYTEA_MAX(count));
		size_t written;
		char *at = text;

		for (size_t i = 0; i < count; i++)
			data[i] = (uint8_t) random64();
		at += sprintf(at, "\\\\x");
		for (size_t i = 0; i < count; i++)
			at += sprintf(at, "%02x", data[i]);
		written = oc_format_bytea(data, count, true, exact);
		CHECK_INT(written, strlen(text));
		CHECK_MEM(exact, text, written);
		written = oc_format_bytea(data, count, false, exact);
		CHECK_INT(written, strlen(text) - 1);
		CHECK_MEM(exact, text + 1, written);
		CHECK_ACCEPTED(oc_parse_bytea, text + 1, back, &size);
		CHECK_INT(size, count);
		CHECK_MEM(back, data, count);
		free(back);
		free(exact);
	}
	CHECK_REFUSED(oc_parse_bytea, "", data, &size);
	CHECK_REFUSED(oc_parse_bytea, "\\", data, &size);
	CHECK_REFUSED(oc_parse_bytea, "\\x0", data, &size);
	CHECK_REFUSED(oc_parse_bytea, "\\X00", data, &size);
	CHECK_REFUSED(oc_parse_bytea, "abcd", data, &size);
	CHECK_REFUSED(oc_parse_bytea, "\\x00 1", data, &size);
}

int
main(void)
{
	check_uuid();
	check_digits();
	check_bytea();
	return unit_done();
}
