/*
 * oc_pool.c
 *	  Worker threads that run jobs in the order in which they were submitted.
 *
 * submit -> FIFO list -> the next free worker.  With zero workers submit runs the job itself, so that
 * every pipeline also works in a single thread, with the same callers.  The pool bounds nothing: owners
 * know how many jobs they may have in flight.
 *
 * One mutex guards the list and the stop flag; no job runs under it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* the strerror_r that returns a string */
#endif
#include <stdlib.h>

#include "oc_int.h"

#define OC_POOL_MAX_WORKERS 256

typedef struct oc_pool_item
{
	struct oc_pool_item *next;
	oc_job job;
	void *arg;
} oc_pool_item;

struct oc_pool
{
	pthread_mutex_t mutex;
	pthread_cond_t wakeup; /* an item was queued, or stop was set */
	oc_pool_item *first;   /* guarded by mutex */
	oc_pool_item *last;    /* guarded by mutex; garbage while first is NULL */
	bool stop;             /* guarded by mutex */
	int workers;           /* threads running; fixed after open */
	pthread_t threads[];
};

static void *worker_main(void *arg);
static oc_pool_item *take_item(oc_pool *pool);
static void start_failed(oc_pool *pool, int problem, oc_error *error);

oc_pool *
oc_pool_open(int workers, oc_error *error)
{
	oc_pool *pool;

	if (workers < 0 || workers > OC_POOL_MAX_WORKERS)
	{
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "number of worker threads must be between 0 and %d, not %d",
					 OC_POOL_MAX_WORKERS, workers);
		return NULL;
	}
	pool = calloc(1, sizeof(oc_pool) + workers * sizeof(pthread_t));
	if (!pool)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory while starting worker threads");
		return NULL;
	}
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wakeup, NULL);
	for (int i = 0; i < workers; i++)
	{
		int problem = oc_thread_start(&pool->threads[i], worker_main, pool, "oc-worker");

		if (problem != 0)
		{
			start_failed(pool, problem, error);
			return NULL;
		}
		pool->workers++;
	}
	return pool;
}

void
oc_pool_close(oc_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wakeup);
	pthread_mutex_unlock(&pool->mutex);
	for (int i = 0; i < pool->workers; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->wakeup);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

int
oc_pool_workers(const oc_pool *pool)
{
	return pool->workers;
}

void
oc_pool_submit(oc_pool *pool, oc_job job, void *arg)
{
	oc_pool_item *item = pool->workers > 0 ? malloc(sizeof(*item)) : NULL;

	/* Also when memory is short: the job is done here and now, late rather than never */
	if (!item)
	{
		job(arg);
		return;
	}
	*item = (oc_pool_item){.job = job, .arg = arg};
	pthread_mutex_lock(&pool->mutex);
	if (pool->first)
		pool->last->next = item;
	else
		pool->first = item;
	pool->last = item;
	pthread_cond_signal(&pool->wakeup);
	pthread_mutex_unlock(&pool->mutex);
}

static void *
worker_main(void *arg)
{
	oc_pool *pool = arg;
	oc_pool_item *item;

	while ((item = take_item(pool)) != NULL)
	{
		oc_pool_item run = *item;

		free(item);
		run.job(run.arg);
	}
	return NULL;
}

/* Sleeps for the next item; NULL when the pool closes and the list is empty. */
static oc_pool_item *
take_item(oc_pool *pool)
{
	oc_pool_item *item;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->stop)
		pthread_cond_wait(&pool->wakeup, &pool->mutex);
	item = pool->first;
	if (item)
		pool->first = item->next;
	pthread_mutex_unlock(&pool->mutex);
	return item;
}

/* Stops the workers that did start. */
static void
start_failed(oc_pool *pool, int problem, oc_error *error)
{
	char text[128];
	int wanted = pool->workers + 1;

	oc_pool_close(pool);
	oc_error_set(error, OC_ERR_MEMORY, "could not start worker thread %d: %s", wanted,
				 strerror_r(problem, text, sizeof(text)));
}
