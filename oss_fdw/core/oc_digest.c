/*
 * oc_digest.c
 *	  Digests, HMAC, CRC-64 and random tokens: the only user of OpenSSL and of ISA-L's CRC.
 *
 * All functions are thread-safe and keep no state.
 */
#include <errno.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <isa-l/crc64.h>

#include "oc_int.h"

/* The polynomial of CRC-64/XZ with its bits reversed: bit 63 is the coefficient of x^0. */
#define CRC64_POLYNOMIAL UINT64_C(0xC96C5795D7870F42)
#define CRC64_ONE        (UINT64_C(1) << 63)       /* x^0 */
#define CRC64_X8         (UINT64_C(1) << (63 - 8)) /* x^8: shifts by one byte */

static void hmac(const EVP_MD *digest, const void *key, size_t key_size, const void *data,
				 size_t size, unsigned char *target, size_t target_size);
static uint64_t multiply_modulo(uint64_t a, uint64_t b);
static void random_bytes(unsigned char *target, size_t size);

/* ---------------------------------------------------------------- digests */

void
oc_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
			   unsigned char target[32])
{
	hmac(EVP_sha256(), key, key_size, data, size, target, 32);
}

void
oc_hmac_sha1(const void *key, size_t key_size, const void *data, size_t size,
			 unsigned char target[20])
{
	hmac(EVP_sha1(), key, key_size, data, size, target, 20);
}

/* Without memory the result is all zeros: a signature that the store refuses, never a leak. */
static void
hmac(const EVP_MD *digest, const void *key, size_t key_size, const void *data, size_t size,
	 unsigned char *target, size_t target_size)
{
	unsigned int written = 0;

	if (!HMAC(digest, key_size ? key : "", (int) key_size, size ? data : (const void *) "", size,
			  target, &written) ||
		written != target_size)
		memset(target, 0, target_size);
}

void
oc_sha256(const void *data, size_t size, unsigned char target[32])
{
	if (EVP_Digest(size ? data : "", size, target, NULL, EVP_sha256(), NULL) != 1)
		memset(target, 0, 32);
}

bool
oc_md5(const void *data, size_t size, unsigned char target[16])
{
	return EVP_Digest(size ? data : "", size, target, NULL, EVP_md5(), NULL) == 1;
}

void *
oc_md5_context_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context && EVP_DigestInit_ex(context, EVP_md5(), NULL) != 1)
	{
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	return context;
}

void
oc_md5_context_add(void *context, const void *data, size_t size)
{
	EVP_DigestUpdate(context, data, size);
}

void
oc_md5_context_free(void *context, unsigned char target[16])
{
	EVP_DigestFinal_ex(context, target, NULL);
	EVP_MD_CTX_free(context);
}

/* Not optimised away, unlike a memset before free. */
void
oc_wipe(void *data, size_t size)
{
	if (data && size > 0)
		OPENSSL_cleanse(data, size);
}

/* ---------------------------------------------------------------- CRC-64 */

uint64_t
oc_crc64(uint64_t crc, const void *data, size_t size)
{
	return size ? crc64_ecma_refl(crc, data, size) : crc;
}

/*
 * The CRC of A followed by B, from the CRCs of both and the length of B.  Appending a byte
 * multiplies the remainder by x^8, so the first CRC is multiplied by x^(8 * size2), which square
 * and multiply finds in log2(size2) steps.  Initial value and final inversion cancel out.
 */
uint64_t
oc_crc64_combine(uint64_t crc1, uint64_t crc2, uint64_t size2)
{
	uint64_t factor = CRC64_ONE;
	uint64_t power = CRC64_X8;

	for (; size2 > 0; size2 >>= 1)
	{
		if (size2 & 1)
			factor = multiply_modulo(factor, power);
		power = multiply_modulo(power, power);
	}
	return multiply_modulo(factor, crc1) ^ crc2;
}

/* The product of two polynomials over GF(2), modulo that of the CRC. */
static uint64_t
multiply_modulo(uint64_t a, uint64_t b)
{
	uint64_t product = 0;

	for (; a != 0; a <<= 1)
	{
		if (a & CRC64_ONE)
			product ^= b;
		b = b & 1 ? (b >> 1) ^ CRC64_POLYNOMIAL : b >> 1;
	}
	return product;
}

/* ---------------------------------------------------------------- random */

void
oc_random_hex(char *target, size_t size)
{
	unsigned char chunk[32];

	while (size > 1)
	{
		size_t digits = size - 1 < 2 * sizeof(chunk) ? size - 1 : 2 * sizeof(chunk);
		char text[2 * sizeof(chunk) + 1];

		random_bytes(chunk, sizeof(chunk));
		oc_hex(chunk, sizeof(chunk), text);
		memcpy(target, text, digits);
		target += digits;
		size -= digits;
	}
	if (size > 0)
		*target = '\0';
}

/* The kernel's generator, which cannot repeat itself after a fork; OpenSSL's where a filter forbids the call. */
static void
random_bytes(unsigned char *target, size_t size)
{
	size_t done = 0;

	while (done < size)
	{
		ssize_t got = getrandom(target + done, size - done, 0);

		if (got > 0)
			done += (size_t) got;
		else if (errno != EINTR)
			break;
	}
	if (done == size || RAND_bytes(target, (int) size) == 1)
		return;

	/* neither works: a token must still differ from all others, though it can be guessed */
	struct
	{
		int64_t now;
		time_t wall;
		pthread_t thread;
		void *place;
	} seed = {oc_now_us(), oc_wall_seconds(), pthread_self(), target};
	unsigned char digest[32];

	oc_sha256(&seed, sizeof(seed), digest);
	for (size_t i = 0; i < size; i++)
		target[i] = digest[i % sizeof(digest)];
}
