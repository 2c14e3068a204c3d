/*
 * oc_codec_int.h
 *	  What oc_codec.c and the codecs share.  Nobody else includes it.
 *
 * One oc_codec_ops per codec.  oc_codec.c drives them: it finds members, names errors and tells the end;
 * a codec compresses one block and decodes one member.
 */
#ifndef OC_CODEC_INT_H
#define OC_CODEC_INT_H

#include "oc_int.h"

/* What a decoder works on: it advances in and out and lowers the sizes. */
typedef struct oc_codec_io
{
	const unsigned char *in;
	size_t in_size;
	unsigned char *out;
	size_t out_size;
	bool last; /* nothing follows in */
} oc_codec_io;

typedef struct oc_codec_ops
{
	const char *name;
	const char *suffix;
	int level_min; /* level_max < level_min: the codec has no levels */
	int level_max;
	int level_default;
	const unsigned char *empty; /* a member of no bytes */
	size_t empty_size;

	/* Upper bound of what compress writes.  NULL: reading only. */
	size_t (*bound)(size_t size);
	/* The level has been checked and is never OC_LEVEL_DEFAULT.  adler32 is never NULL. */
	oc_status (*compress)(int level, const unsigned char *source, size_t source_size,
						  unsigned char *target, size_t target_size, size_t *written,
						  uint32_t *adler32, oc_error *error);

	/* A state ready for the first member. */
	void *(*open)(oc_error *error);
	/*
	 * Goes on until in or out is used up or a member ends.  OC_OK: wants more input or room.  OC_END: a member ended
	 * here, all its bytes were written, and the state is ready for the next one.
	 */
	oc_status (*decode)(void *state, oc_codec_io *io, oc_error *error);
	void (*close)(void *state);
} oc_codec_ops;

extern const oc_codec_ops oc_codec_gzip;
extern const oc_codec_ops oc_codec_deflate;
extern const oc_codec_ops oc_codec_zstd;
extern const oc_codec_ops oc_codec_lz4;
extern const oc_codec_ops oc_codec_bzip2;
extern const oc_codec_ops oc_codec_xz;
extern const oc_codec_ops oc_codec_snappy;

/* ---- oc_codec_gzip.c, also for deflate */

#define OC_ISAL_LEVELS 3 /* levels from 1 that ISA-L does */

extern size_t oc_codec_deflate_bound(size_t size);
/*
 * Compresses by ISA-L: a gzip member, or raw deflate ended by a full flush.  OC_AGAIN: it needs more room than there is,
 * or the block is too large for it; another library will do.
 */
extern oc_status oc_codec_isal(int level, bool member, const unsigned char *source,
							   size_t source_size, unsigned char *target, size_t target_size,
							   size_t *written, oc_error *error);

/* ---- oc_codec_deflate.c: the ends of a zlib stream made of full-flushed blocks */

extern size_t oc_codec_zlib_prologue(int level, unsigned char *target);
extern size_t oc_codec_zlib_epilogue(uint32_t adler32, unsigned char *target);
extern uint32_t oc_codec_zlib_combine(uint32_t adler1, uint32_t adler2, size_t size2);
/* Whether data are a whole zlib stream, or at least OC_ZLIB_SAMPLE bytes that begin one; a test for detection. */
#define OC_ZLIB_SAMPLE 256
extern bool oc_codec_zlib_plausible(const unsigned char *data, size_t size);

/* Sets "out of memory in the gzip codec" and returns OC_FAILED. */
extern oc_status oc_codec_no_memory(const char *codec, oc_error *error);

/* ---- oc_codec_context.c: compression contexts that a thread keeps between blocks */

typedef enum oc_codec_slot
{
	OC_SLOT_ISAL,
	OC_SLOT_LIBDEFLATE,
	OC_SLOT_ZSTD,
	OC_SLOT_LZ4,
	OC_SLOT_COUNT,
} oc_codec_slot;

/*
 * The calling thread's place for a context, NULL at first; what it holds when the thread ends is given to release.
 * Returns NULL when memory is short.
 */
extern void **oc_codec_context(oc_codec_slot slot, void (*release)(void *));

#endif
