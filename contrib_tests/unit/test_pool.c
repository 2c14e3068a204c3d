/*
 * test_pool.c
 *	  Jobs run once each, in order with one worker, inline with none, and close waits for them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "oc.h"
#include "unit.h"

#define JOBS 20000

typedef struct job_log
{
	_Atomic int done;
	int order[JOBS]; /* by the one worker */
} job_log;

typedef struct numbered_job
{
	job_log *log;
	int number;
	oc_pool *pool;
	pthread_t thread; /* that ran it */
	sigset_t blocked; /* there */
	_Atomic int runs;
} numbered_job;

static void
note(void *arg)
{
	numbered_job *job = arg;

	job->runs++;
	job->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &job->blocked);
	job->log->order[job->log->done++] = job->number;
}

static void
count(void *arg)
{
	numbered_job *job = arg;

	job->runs++;
	job->log->done++;
}

/* A job that makes another job: any thread may submit. */
static void
submit_more(void *arg)
{
	numbered_job *job = arg;

	if (job->number > 0)
	{
		numbered_job *next = job - 1;

		next->pool = job->pool;
		oc_pool_submit(job->pool, submit_more, next);
	}
	job->log->done++;
}

static void
slow(void *arg)
{
	usleep(2000);
	((job_log *) arg)->done++;
}

static numbered_job *
make_jobs(job_log *log)
{
	numbered_job *jobs = calloc(JOBS, sizeof(*jobs));

	log->done = 0;
	for (int i = 0; i < JOBS; i++)
	{
		jobs[i].log = log;
		jobs[i].number = i;
	}
	return jobs;
}

static void
test_order(int workers, job_log *log)
{
	numbered_job *jobs = make_jobs(log);
	oc_error error;
	oc_pool *pool = oc_pool_open(workers, &error);
	int in_order = 0;

	CHECK(pool != NULL);
	CHECK_INT(oc_pool_workers(pool), workers);
	for (int i = 0; i < JOBS; i++)
	{
		oc_pool_submit(pool, note, &jobs[i]);
		if (workers == 0)
			in_order += log->done == i + 1;
	}
	if (workers == 0)
		CHECK_INT(in_order, JOBS);
	oc_pool_close(pool);
	in_order = 0;
	for (int i = 0; i < JOBS; i++)
		in_order += log->order[i] == i && jobs[i].runs == 1;
	CHECK_INT(in_order, JOBS);
	CHECK(pthread_equal(jobs[0].thread, pthread_self()) == (workers == 0));
	if (workers > 0)
		CHECK(sigismember(&jobs[0].blocked, SIGURG) && sigismember(&jobs[0].blocked, SIGALRM) &&
			  sigismember(&jobs[0].blocked, SIGTERM));
	free(jobs);
}

static void
test_many(int workers, job_log *log)
{
	numbered_job *jobs = make_jobs(log);
	oc_error error;
	oc_pool *pool = oc_pool_open(workers, &error);
	int once = 0;

	for (int i = 0; i < JOBS; i++)
		oc_pool_submit(pool, count, &jobs[i]);
	oc_pool_close(pool);
	for (int i = 0; i < JOBS; i++)
		once += jobs[i].runs == 1;
	CHECK_INT(once, JOBS);
	CHECK_INT(log->done, JOBS);
	free(jobs);
}

static void
test_nested(int workers, job_log *log)
{
	numbered_job *jobs = make_jobs(log);
	oc_error error;
	oc_pool *pool = oc_pool_open(workers, &error);

	jobs[99].pool = pool;
	oc_pool_submit(pool, submit_more, &jobs[99]);
	while (log->done < 100)
		usleep(100);
	oc_pool_close(pool);
	CHECK_INT(log->done, 100);
	free(jobs);
}

static void
test_close_waits(job_log *log)
{
	oc_error error;
	oc_pool *pool = oc_pool_open(2, &error);

	log->done = 0;
	for (int i = 0; i < 20; i++)
		oc_pool_submit(pool, slow, log);
	oc_pool_close(pool);
	CHECK_INT(log->done, 20);
	/* Nothing was ever submitted */
	for (int i = 0; i < 50; i++)
		oc_pool_close(oc_pool_open(3, &error));
	oc_pool_close(NULL);
}

static void
test_arguments(void)
{
	oc_error error = {0};

	CHECK(oc_pool_open(-1, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	CHECK_STR(error.message, "number of worker threads must be between 0 and 256, not -1");
	error = (oc_error){0};
	CHECK(oc_pool_open(1000000, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
}

/* The creating thread keeps its own signal mask. */
static void
test_mask_restored(void)
{
	sigset_t before;
	sigset_t after;
	oc_error error;
	int same = 1;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	oc_pool_close(oc_pool_open(2, &error));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < 32; i++)
		same &= sigismember(&before, i) == sigismember(&after, i);
	CHECK(same);
}

int
main(void)
{
	job_log *log = calloc(1, sizeof(*log));

	test_order(0, log);
	test_order(1, log);
	test_many(2, log);
	test_many(7, log);
	test_nested(0, log);
	test_nested(1, log);
	test_nested(3, log);
	test_close_waits(log);
	test_arguments();
	test_mask_restored();
	free(log);
	return unit_done();
}
