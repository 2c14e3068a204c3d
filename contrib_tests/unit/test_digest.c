/*
 * test_digest.c
 *	  Digests, HMAC and CRC-64 against published values (protocols of the stores, RFC 2202 and 4231).
 */
#include <stdlib.h>

#include "oc_int.h"
#include "unit.h"

static const char *
hex_of(const unsigned char *data, size_t size)
{
	static char text[129];

	oc_hex(data, size, text);
	return text;
}

static const char *
base64_of(const unsigned char *data, size_t size)
{
	static char text[129];

	oc_base64(data, size, text);
	return text;
}

static void
hmacs(void)
{
	unsigned char digest[32];
	unsigned char key[131];

	memset(key, 0x0b, 20);
	oc_hmac_sha256(key, 20, "Hi There", 8, digest);
	CHECK_STR(hex_of(digest, 32),
			  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	oc_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
	CHECK_STR(hex_of(digest, 32),
			  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, 131);
	oc_hmac_sha256(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, digest);
	CHECK_STR(hex_of(digest, 32),
			  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	oc_hmac_sha256(NULL, 0, NULL, 0, digest);
	CHECK_STR(hex_of(digest, 32),
			  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");

	memset(key, 0x0b, 20);
	oc_hmac_sha1(key, 20, "Hi There", 8, digest);
	CHECK_STR(hex_of(digest, 20), "b617318655057264e28bc0b6fb378c8ef146be00");
	oc_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, digest);
	CHECK_STR(hex_of(digest, 20), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	oc_hmac_sha1(NULL, 0, NULL, 0, digest);
	CHECK_STR(hex_of(digest, 20), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void
check_all(const void *data, size_t size, const char *md5_base64, uint64_t crc)
{
	unsigned char digest[16];

	if (oc_md5(data, size, digest))
		CHECK_STR(base64_of(digest, 16), md5_base64);
	CHECK(oc_crc64(0, data, size) == crc);

	/* in two pieces, chained and combined, cut everywhere in the first bytes and at some later places */
	for (size_t cut = 0; cut <= size; cut += cut < 70 ? 1 : 4099)
	{
		const char *bytes = data;
		uint64_t first = oc_crc64(0, bytes, cut);
		uint64_t second = oc_crc64(0, bytes + cut, size - cut);

		CHECK(oc_crc64(first, bytes + cut, size - cut) == crc);
		CHECK(oc_crc64_combine(first, second, size - cut) == crc);
	}
}

static void
digests(void)
{
	size_t size = 256 * 1024;
	unsigned char *data = malloc(size);
	unsigned char digest[32];
	uint64_t crc1;

	check_all("", 0, "1B2M2Y8AsgTpgAmY7PhCfg==", 0);
	check_all("a", 1, "DMF1ucDxtqgxw5niaXcmYQ==", UINT64_C(3675645893302102789));
	check_all("123456789", 9, "JfnnlDI7RTiF9RgfG2JNCw==", UINT64_C(0x995DC9BBDF1939FA));
	check_all("hello world", 11, "XrY7u+Ae7tCTyyK7j1rNww==", UINT64_C(5981764153023615706));
	memset(data, 0, size);
	check_all(data, 102400, "TGQmrH7xhkZOy7DYHL/LHg==", UINT64_C(15337097285471591505));
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char) i;
	check_all(data, size, "0ZIVsdcUdX4f2wBgxS/UyA==", UINT64_C(8381133231144257645));
	crc1 = oc_crc64(0, data, 102400);
	CHECK(crc1 == UINT64_C(7233985612489857427));
	CHECK(oc_crc64_combine(crc1, UINT64_C(11051210869376104954), 9) ==
		  UINT64_C(619894907701716951));
	CHECK(oc_crc64_combine(crc1, 0, 0) == crc1);
	free(data);

	oc_sha256(NULL, 0, digest);
	CHECK_STR(base64_of(digest, 32), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	oc_sha256("hello world", 11, digest);
	CHECK_STR(base64_of(digest, 32), "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
}

/* The combination must be associative, also over lengths that no test could write out. */
static void
combine_long(void)
{
	uint64_t a = oc_crc64(0, "first", 5);
	uint64_t b = oc_crc64(0, "second", 6);
	uint64_t c = oc_crc64(0, "third", 5);
	uint64_t length_b = UINT64_C(50) << 40;
	uint64_t length_c = (UINT64_C(1) << 33) + 12345;

	CHECK(oc_crc64_combine(oc_crc64_combine(a, b, length_b), c, length_c) ==
		  oc_crc64_combine(a, oc_crc64_combine(b, c, length_c), length_b + length_c));
}

static void
random_tokens(void)
{
	char first[33];
	char second[33];
	char odd[131];
	char guard[4] = "xyz";

	oc_random_hex(first, sizeof(first));
	oc_random_hex(second, sizeof(second));
	CHECK_INT(strspn(first, "0123456789abcdef"), 32);
	CHECK_INT(strlen(first), 32);
	CHECK(strcmp(first, second) != 0);
	oc_random_hex(odd, sizeof(odd));
	CHECK_INT(strspn(odd, "0123456789abcdef"), 130);
	oc_random_hex(odd, 4);
	CHECK_INT(strlen(odd), 3);
	oc_random_hex(guard, 1);
	CHECK_MEM(guard, "\0yz", 4);
	oc_random_hex(guard, 0);
	CHECK_MEM(guard, "\0yz", 4);
}

static void
wiping(void)
{
	char secret[] = "secret";

	oc_wipe(secret, sizeof(secret));
	CHECK_MEM(secret, "\0\0\0\0\0\0", 7);
	oc_wipe(NULL, 0);
}

/* Several at a time give what one at a time gives, whatever their sizes. */
static void
many_md5(void)
{
	unsigned seed = 1;

	for (int round = 0; round < 300; round++)
	{
		unsigned char digests[9][16];
		unsigned char expected[16];
		const void *buffers[9];
		size_t sizes[9];
		int count = 1 + round % 9;

		for (int i = 0; i < count; i++)
		{
			unsigned char *buffer;

			seed = seed * 1103515245 + 12345;
			sizes[i] = round % 3 == 0 ? 1000 : (seed >> 8) % (round % 3 == 1 ? 200 : 5000);
			buffer = malloc(sizes[i] + 1);
			buffer = realloc(buffer, sizes[i] ? sizes[i] : 1);
			for (size_t k = 0; k < sizes[i]; k++)
				buffer[k] = (unsigned char) ((seed = seed * 1103515245 + 12345) >> 16);
			buffers[i] = buffer;
		}
		oc_md5_many(buffers, sizes, count, digests);
		for (int i = 0; i < count; i++)
		{
			CHECK(oc_md5(buffers[i], sizes[i], expected));
			CHECK_MEM(digests[i], expected, 16);
			free((void *) buffers[i]);
		}
	}
}

int
main(void)
{
	many_md5();
	hmacs();
	digests();
	combine_long();
	random_tokens();
	wiping();
	return unit_done();
}
