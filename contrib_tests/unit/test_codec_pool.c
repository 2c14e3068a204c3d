/*
 * test_codec_pool.c
 *	  Workers compress and decode at once; the contexts that threads keep are theirs alone and go with them.
 */
#include "codec_util.h"

static const oc_codec written_codecs[] = {OC_CODEC_NONE,   OC_CODEC_GZIP,  OC_CODEC_ZSTD,
										  OC_CODEC_LZ4,    OC_CODEC_BZIP2, OC_CODEC_XZ,
										  OC_CODEC_DEFLATE};

#define WRITTEN (sizeof(written_codecs) / sizeof(written_codecs[0]))

typedef struct block_job
{
	oc_codec codec;
	const bytes *source;
	bytes expected;
	bool same;
} block_job;

static void
compress_job(void *arg)
{
	block_job *job = arg;
	bytes object = compress_object(job->codec, OC_LEVEL_DEFAULT, job->source, 30000);

	job->same = object.size == job->expected.size &&
				memcmp(object.data, job->expected.data, object.size) == 0 &&
				decodes_to(job->codec, &object, 4096, 4096, job->source);
	bytes_free(&object);
}

/* Each codec several times, so that threads change codecs and use their contexts again. */
static void
test_threads(int workers)
{
	bytes text = make_csv(100000, 29);
	block_job jobs[WRITTEN * 4];
	oc_error error;
	oc_pool *pool = oc_pool_open(workers, &error);

	for (size_t i = 0; i < WRITTEN * 4; i++)
	{
		jobs[i] = (block_job){.codec = written_codecs[i % WRITTEN], .source = &text};
		jobs[i].expected = compress_object(jobs[i].codec, OC_LEVEL_DEFAULT, &text, 30000);
		oc_pool_submit(pool, compress_job, &jobs[i]);
	}
	oc_pool_close(pool);
	for (size_t i = 0; i < WRITTEN * 4; i++)
	{
		CHECK(jobs[i].same);
		bytes_free(&jobs[i].expected);
	}
	bytes_free(&text);
}

int
main(void)
{
	test_threads(0);
	test_threads(1);
	test_threads(4);
	return unit_done();
}
