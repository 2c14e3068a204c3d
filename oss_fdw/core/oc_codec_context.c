/*
 * oc_codec_context.c
 *	  Compression contexts that a thread keeps between blocks.
 *
 * A context costs up to a megabyte that would be allocated, cleared and paged in for every block.  Each thread
 * holds its own, so that nothing is shared or locked, and they are freed when the thread ends.
 *
 * The key is the one piece of static state: threads are the owners here, and POSIX gives a destructor per thread
 * by no other means.  It is made once and lives as long as the process.
 */
#include <stdlib.h>

#include "oc_codec_int.h"

typedef struct thread_contexts
{
	void *context[OC_SLOT_COUNT];
	void (*release[OC_SLOT_COUNT])(void *);
} thread_contexts;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

static void make_key(void);
static void release_all(void *arg);

void **
oc_codec_context(oc_codec_slot slot, void (*release)(void *))
{
	thread_contexts *mine;

	pthread_once(&key_once, make_key);
	if (!key_made)
		return NULL;
	mine = pthread_getspecific(key);
	if (!mine)
	{
		mine = calloc(1, sizeof(*mine));
		if (!mine || pthread_setspecific(key, mine) != 0)
		{
			free(mine);
			return NULL;
		}
	}
	mine->release[slot] = release;
	return &mine->context[slot];
}

static void
make_key(void)
{
	key_made = pthread_key_create(&key, release_all) == 0;
}

static void
release_all(void *arg)
{
	thread_contexts *mine = arg;

	for (int slot = 0; slot < OC_SLOT_COUNT; slot++)
	{
		if (mine->context[slot])
			mine->release[slot](mine->context[slot]);
	}
	free(mine);
}
