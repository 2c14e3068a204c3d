/*
 * oc_md5.c
 *	  MD5 of several buffers at a time.
 *
 * One MD5 is a chain of dependent steps, so a core computes it at a fraction of what it could do.  Parts are independent: here
 * each lane of a vector is another buffer, and the chain's time is paid once for all of them.  The algorithm is that of RFC 1321,
 * section 3.4; buffers may have different lengths, each drops out where it ends.
 *
 * A buffer that is alone goes to OpenSSL, whose code for one chain is as fast as it gets, and so does one that comes in pieces.
 */
#include <stdlib.h>

#include "oc_int.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define BLOCK 64

/* A lane is one buffer's state: words a, b, c, d. */
typedef uint32_t oc_lanes __attribute__((vector_size(4 * OC_MD5_LANES)));

typedef struct oc_md5_state
{
	oc_lanes word[4];
} oc_md5_state;

/* floor(2^32 * abs(sin(i))), i = 1 .. 64 */
static const uint32_t sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static const uint8_t shifts[4][4] = {
	{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/* The 16 words of each lane's block, lane by lane in the vectors. */
static inline void
load(oc_lanes words[16], const unsigned char *const blocks[OC_MD5_LANES])
{
#if defined(__SSE2__) && OC_MD5_LANES == 4
	/* four words of four buffers at a time: a transposed square */
	for (int i = 0; i < 16; i += 4)
	{
		__m128i a = _mm_loadu_si128((const __m128i *) (blocks[0] + 4 * i));
		__m128i b = _mm_loadu_si128((const __m128i *) (blocks[1] + 4 * i));
		__m128i c = _mm_loadu_si128((const __m128i *) (blocks[2] + 4 * i));
		__m128i d = _mm_loadu_si128((const __m128i *) (blocks[3] + 4 * i));
		__m128i ab_low = _mm_unpacklo_epi32(a, b);
		__m128i ab_high = _mm_unpackhi_epi32(a, b);
		__m128i cd_low = _mm_unpacklo_epi32(c, d);
		__m128i cd_high = _mm_unpackhi_epi32(c, d);

		words[i] = (oc_lanes) _mm_unpacklo_epi64(ab_low, cd_low);
		words[i + 1] = (oc_lanes) _mm_unpackhi_epi64(ab_low, cd_low);
		words[i + 2] = (oc_lanes) _mm_unpacklo_epi64(ab_high, cd_high);
		words[i + 3] = (oc_lanes) _mm_unpackhi_epi64(ab_high, cd_high);
	}
#else
	for (int i = 0; i < 16; i++)
		for (int lane = 0; lane < OC_MD5_LANES; lane++)
		{
			const unsigned char *p = blocks[lane] + 4 * i;

			words[i][lane] =
				p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
		}
#endif
}

static inline oc_lanes
rotate(oc_lanes value, int bits)
{
	return value << bits | value >> (32 - bits);
}

/* Keeps the compiler from moving what is done to value so far behind what comes next: it does not see which operand is late. */
static inline oc_lanes
done_first(oc_lanes value)
{
#if defined(__x86_64__)
	__asm__("" : "+x"(value));
#endif
	return value;
}

/*
 * sum plus the auxiliary function F, G, H or I of the round.  b is the step before's result and the last to be there: as few operations
 * as possible are made one after the other from it (the two halves of G have no bit in common, so they may be added).
 */
static inline oc_lanes
mix(int round, oc_lanes sum, oc_lanes b, oc_lanes c, oc_lanes d)
{
	switch (round)
	{
		case 0:
			return sum + (d ^ (b & (c ^ d)));
		case 1:
			return done_first(sum + (c & ~d)) + (b & d);
		case 2:
			return sum + (b ^ done_first(c ^ d));
		default:
			return sum + (c ^ (b | ~d));
	}
}

static void
begin(oc_md5_state *state)
{
	static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

	for (int i = 0; i < 4; i++)
		state->word[i] = (oc_lanes){0} + start[i];
}

/* One block of each lane. */
static inline void
transform(oc_md5_state *state, const unsigned char *const blocks[OC_MD5_LANES])
{
	static const uint8_t first[4] = {0, 1, 5, 0};
	static const uint8_t stride[4] = {1, 5, 3, 7};
	oc_lanes words[16];
	oc_lanes a = state->word[0];
	oc_lanes b = state->word[1];
	oc_lanes c = state->word[2];
	oc_lanes d = state->word[3];

	load(words, blocks);
#pragma GCC unroll 64
	for (int i = 0; i < 64; i++)
	{
		int round = i / 16;
		oc_lanes sum = done_first(a + (words[(first[round] + stride[round] * (i % 16)) % 16] + sines[i]));

		sum = mix(round, sum, b, c, d);

		a = d;
		d = c;
		c = b;
		b += rotate(sum, shifts[round][i % 4]);
	}
	state->word[0] += a;
	state->word[1] += b;
	state->word[2] += c;
	state->word[3] += d;
}

/* The end of one lane: what is left of its data, the padding and the length in bits.  The other lanes stay as they are. */
static void
finish(const oc_md5_state *state, int lane, const unsigned char *rest, size_t total,
	   unsigned char target[16])
{
	unsigned char tail[2 * BLOCK] = {0};
	size_t left = total % BLOCK;
	size_t blocks = left < BLOCK - 8 ? 1 : 2;
	uint64_t bits = (uint64_t) total * 8;
	oc_md5_state own = *state;

	memcpy(tail, rest, left);
	tail[left] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[blocks * BLOCK - 8 + i] = (unsigned char) (bits >> (8 * i));
	for (size_t i = 0; i < blocks; i++)
	{
		const unsigned char *const all[OC_MD5_LANES] = {[0 ... OC_MD5_LANES - 1] =
															tail + i * BLOCK};

		transform(&own, all);
	}
	for (int i = 0; i < 16; i++)
		target[i] = (unsigned char) (own.word[i / 4][lane] >> (8 * (i % 4)));
}

/* Up to OC_MD5_LANES buffers.  A lane without a buffer, or with one that has ended, goes through somebody else's bytes. */
static void
digest_lanes(const void *const *data, const size_t *sizes, int count, unsigned char (*targets)[16])
{
	oc_md5_state state;
	const unsigned char *at[OC_MD5_LANES];
	size_t left[OC_MD5_LANES] = {0};
	bool open[OC_MD5_LANES] = {false};
	int running = count;

	begin(&state);
	for (int lane = 0; lane < count; lane++)
	{
		at[lane] = sizes[lane] ? data[lane] : (const unsigned char *) "";
		left[lane] = sizes[lane] / BLOCK;
		open[lane] = true;
	}
	while (running > 0)
	{
		size_t blocks = SIZE_MAX;
		int shortest = 0;

		for (int lane = 0; lane < count; lane++)
			if (open[lane] && left[lane] < blocks)
			{
				blocks = left[lane];
				shortest = lane;
			}
		for (int lane = 0; lane < OC_MD5_LANES; lane++)
			if (!open[lane])
				at[lane] = at[shortest];
		for (size_t i = 0; i < blocks; i++)
		{
			transform(&state, at);
			for (int lane = 0; lane < OC_MD5_LANES; lane++)
				at[lane] += BLOCK;
		}
		for (int lane = 0; lane < count; lane++)
			if (open[lane] && (left[lane] -= blocks) == 0)
			{
				finish(&state, lane, at[lane], sizes[lane], targets[lane]);
				open[lane] = false;
				running--;
			}
	}
}

void
oc_md5_many(const void *const *data, const size_t *sizes, int count, unsigned char (*targets)[16])
{
	for (int i = 0; i < count; i += OC_MD5_LANES)
	{
		int group = count - i < OC_MD5_LANES ? count - i : OC_MD5_LANES;

		/* OpenSSL refuses where its configuration allows approved algorithms only; as a checksum of transfers it serves all the same */
		if (group > 1 || !oc_md5(data[i], sizes[i], targets[i]))
			digest_lanes(data + i, sizes + i, group, targets + i);
	}
}

/* ---------------------------------------------------------------- one buffer that comes in pieces */

struct oc_md5_stream
{
	void *
		context; /* OpenSSL's; NULL where it refuses: then the rest is ours, all lanes being the same */
	oc_md5_state state;
	unsigned char rest[BLOCK];
	size_t total;
};

oc_md5_stream *
oc_md5_open(void)
{
	oc_md5_stream *stream = aligned_alloc(64, (sizeof(*stream) + 63) / 64 * 64);

	if (!stream)
		return NULL;
	memset(stream, 0, sizeof(*stream));
	stream->context = oc_md5_context_new();
	begin(&stream->state);
	return stream;
}

void
oc_md5_add(oc_md5_stream *stream, const void *data, size_t size)
{
	const unsigned char *at = data;

	if (stream->context)
	{
		oc_md5_context_add(stream->context, data, size);
		return;
	}
	stream->total += size;
	for (; size >= BLOCK; at += BLOCK, size -= BLOCK)
	{
		const unsigned char *const all[OC_MD5_LANES] = {[0 ... OC_MD5_LANES - 1] = at};

		transform(&stream->state, all);
	}
	memcpy(stream->rest, at, size);
}

void
oc_md5_close(oc_md5_stream *stream, unsigned char target[16])
{
	if (!stream)
		return;
	if (stream->context)
		oc_md5_context_free(stream->context, target);
	else
		finish(&stream->state, 0, stream->rest, stream->total, target);
	free(stream);
}
