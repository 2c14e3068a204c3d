/*
 * test_http_cancel.c
 *	  The I/O thread: cancelling and closing at every moment, waiting, callbacks, many calls at once.
 *
 * Every test runs with the I/O thread and inline.
 */
#include "http_util.h"

#include <setjmp.h>

/* ---------------------------------------------------------------- cancelling and closing */

static void
await_requests(fixture *f, int count, oc_call *call)
{
	int times;

	while (atomic_load(&f->server->requests) < count && !oc_call_is_done(call))
	{
		times = 2;
		oc_io_wait(f->io, &(oc_waiter){gives_up, &times}, 1);
	}
}

static void
test_cancel_in_silence(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	oc_call *calls[3];
	int times = 2;
	int i;

	for (i = 0; i < 3; i++)
	{
		calls[i] = new_call(f, OC_HEAD);
		oc_call_start(calls[i]);
	}
	await_requests(f, 3, calls[0]);
	oc_call_cancel(calls[0]);
	CHECK(oc_call_is_done(calls[0]));
	CHECK(!oc_call_is_done(calls[1]));
	CHECK_INT(calls[0]->status, OC_CANCELLED);
	CHECK_INT(calls[0]->error.class, OC_ERR_CANCELLED);
	CHECK_INT(oc_call_wait(calls[1], &(oc_waiter){gives_up, &times}), OC_CANCELLED);
	CHECK_INT(calls[1]->status, OC_CANCELLED);
	oc_call_free(calls[2]); /* tolerated: cancels */
	oc_call_free(calls[0]);
	oc_call_free(calls[1]);
	fixture_close(f);
}

static void
test_cancel_before_anything(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	int i;

	for (i = 0; i < 200; i++)
	{
		oc_call *call = new_call(f, OC_HEAD);

		oc_call_start(call);
		oc_call_cancel(call);
		CHECK_INT(call->status, OC_CANCELLED);
		oc_call_free(call);
	}
	fixture_close(f);
}

static void
test_cancel_between_attempts(void)
{
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 503 Slow Down\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", RAW_KEEP}), NULL);
	oc_call *call = new_call(f, OC_HEAD);

	call->max_retries = 5;
	oc_call_start(call);
	while (atomic_load(&f->stats.retries) == 0)
		oc_io_wait(f->io, NULL, 1);
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	CHECK_INT(f->server->requests, 1);
	oc_call_free(call);
	fixture_close(f);
}

/* A listener whose backlog is full drops every SYN: connecting takes for ever. */
static void
test_cancel_while_connecting(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fillers[8];
	char endpoint[64];
	oc_config config = {.provider = OC_PROVIDER_S3, .endpoint = endpoint};
	fixture *f;
	oc_call *call, *left;
	int times = 3;
	int i;

	if (bind(listener, (struct sockaddr *) &address, size) != 0 || listen(listener, 0) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &size) != 0)
		abort();
	for (i = 0; i < 8; i++)
	{
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void) !connect(fillers[i], (struct sockaddr *) &address, size);
	}
	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", ntohs(address.sin_port));
	f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	call = new_call(f, OC_HEAD);
	left = new_call(f, OC_HEAD);
	oc_call_start(call);
	oc_call_start(left);
	oc_io_wait(f->io, &(oc_waiter){gives_up, &times}, 50);
	CHECK(!oc_call_is_done(call));
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	oc_call_free(call);
	oc_io_close(f->io); /* with the other one in flight */
	CHECK(oc_call_is_done(left));
	CHECK_INT(left->status, OC_CANCELLED);
	oc_call_free(left);
	f->io = NULL;
	fixture_close(f);
	for (i = 0; i < 8; i++)
		close(fillers[i]);
	close(listener);
}

static void
test_close_while_resolving(void)
{
	oc_config config = {.provider = OC_PROVIDER_S3, .endpoint = "http://hang.test", .addressing = OC_ADDRESSING_PATH};
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	oc_call *call = new_call(f, OC_HEAD);
	oc_call *left = new_call(f, OC_HEAD);

	atomic_store(&name_asked, false);
	atomic_store(&name_free, false);
	atomic_store(&name_returned, false);
	oc_call_start(call);
	oc_call_start(left);
	while (!atomic_load(&name_asked))
		oc_io_wait(f->io, NULL, 1);
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	oc_io_close(f->io);
	CHECK_INT(left->status, OC_CANCELLED);
	CHECK(!atomic_load(&name_returned)); /* nobody waited for the resolver */
	atomic_store(&name_free, true);
	while (!atomic_load(&name_returned))
		usleep(1000);
	usleep(20000); /* the detached resolver threads end now; sanitizers want them gone */
	oc_call_free(call);
	oc_call_free(left);
	f->io = NULL;
	fixture_close(f);
	CHECK_INT(open_signals, 0);
}

static void
test_close_with_calls_in_flight(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	oc_call *calls[20];
	int i;

	for (i = 0; i < 20; i++)
	{
		calls[i] = new_call(f, OC_HEAD);
		oc_call_start(calls[i]);
	}
	await_requests(f, 5, calls[0]);
	oc_io_close(f->io);
	for (i = 0; i < 20; i++)
	{
		CHECK(oc_call_is_done(calls[i]));
		CHECK_INT(calls[i]->status, OC_CANCELLED);
		oc_call_free(calls[i]);
	}
	f->io = NULL;
	fixture_close(f);
}

static jmp_buf escape;

static int
jumps_out(void *arg, int fd, int timeout_ms)
{
	(void) arg;
	(void) fd;
	(void) timeout_ms;
	longjmp(escape, 1);
}

static void
test_waiter_may_jump(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}, {GOOD_HEAD, RAW_KEEP}), NULL);
	oc_call *volatile call = new_call(f, OC_HEAD);
	oc_call *other;

	oc_call_start(call);
	await_requests(f, 1, call);
	if (setjmp(escape) == 0)
	{
		oc_call_wait(call, &(oc_waiter){jumps_out, NULL});
		CHECK(!"the waiter jumped");
	}
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	other = run_verb(f, OC_HEAD); /* all still works */
	CHECK_INT(other->status, OC_OK);
	oc_call_free(other);
	oc_call_free(call);
	fixture_close(f);
}

/* ---------------------------------------------------------------- done callbacks, many calls */

typedef struct chain
{
	fixture *f;
	oc_call *second;
	_Atomic int done;
	bool foreign_thread;
} chain;

static void
second_done(oc_call *call, void *arg)
{
	(void) call;
	atomic_fetch_add(&((chain *) arg)->done, 1);
}

static void
first_done(oc_call *call, void *arg)
{
	chain *c = arg;

	CHECK_INT(call->status, OC_OK);
	c->foreign_thread = !pthread_equal(pthread_self(), main_thread);
	oc_call_start(c->second);
	atomic_fetch_add(&c->done, 1);
}

static void
test_done_starts_another(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	chain c = {.f = f, .second = new_call(f, OC_HEAD)};
	oc_call *first = new_call(f, OC_HEAD);

	c.second->done = second_done;
	c.second->done_arg = &c;
	first->done = first_done;
	first->done_arg = &c;
	oc_call_start(first);
	while (atomic_load(&c.done) < 2)
		oc_io_wait(f->io, NULL, -1);
	CHECK_INT(oc_call_wait(c.second, NULL), OC_OK);
	CHECK_INT(c.foreign_thread, threads == 1);
	CHECK_INT(oc_call_wait(first, NULL), OC_OK);
	oc_call_free(first);
	oc_call_free(c.second);
	fixture_close(f);
}

static void
test_many_at_once(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_GET, RAW_KEEP}), NULL);
	oc_call *calls[100];
	char sinks[100][10];
	int i, done;

	for (i = 0; i < 100; i++)
	{
		calls[i] = new_call(f, OC_GET);
		calls[i]->sink = sinks[i];
		calls[i]->sink_size = 10;
		oc_call_start(calls[i]);
	}
	do
	{
		for (i = done = 0; i < 100; i++)
			done += oc_call_is_done(calls[i]);
		if (done < 100)
			oc_io_wait(f->io, NULL, -1);
	} while (done < 100);
	for (i = 0; i < 100; i++)
	{
		CHECK_INT(calls[i]->status, OC_OK);
		CHECK_MEM(sinks[i], "0123456789", 10);
		oc_call_free(calls[i]);
	}
	CHECK(f->server->connections <= 64);
	CHECK_INT(f->stats.bytes_received, 1000);
	fixture_close(f);
}

static void *
notify_main(void *arg)
{
	oc_io_notify(((fixture *) arg)->io);
	return NULL;
}

static void
test_notify(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	pthread_t thread;
	int times;
	int i;

	for (i = 0; i < 50; i++)
	{
		times = 1000000;
		pthread_create(&thread, NULL, notify_main, f);
		CHECK_INT(oc_io_wait(f->io, NULL, -1), OC_OK); /* would hang for ever if the notice were lost */
		pthread_join(thread, NULL);
	}
	times = 1;
	CHECK_INT(oc_io_wait(f->io, &(oc_waiter){gives_up, &times}, -1), OC_CANCELLED);
	oc_io_close(NULL);
	fixture_close(f);
}

/* ---------------------------------------------------------------- the owner drives */

static void
note_thread(oc_call *call, void *arg)
{
	(void) call;
	*(bool *) arg = pthread_equal(pthread_self(), main_thread) != 0;
}

static oc_call *
new_quiet_call(fixture *f, bool *here)
{
	oc_call *call = new_call(f, OC_HEAD);

	call->wait_follows = true;
	call->done = note_thread;
	call->done_arg = here;
	return call;
}

static void
test_owner_drives(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	int times = 0;
	int i;

	/* a thread that is not parked yet does the work itself: then it was not here, but done all the same */
	for (i = 0; i < 300; i++)
	{
		bool here = false;
		oc_call *call = new_quiet_call(f, &here);

		oc_call_start(call);
		if (i % 2)
			while (!oc_call_is_done(call))
				CHECK_INT(oc_io_wait(f->io, NULL, -1), OC_OK);
		CHECK_INT(oc_call_wait(call, NULL), OC_OK);
		CHECK_INT(call->status, OC_OK);
		oc_call_free(call);
		times += here;
		if (i % 10 == 9)
			usleep(2000);
	}
	CHECK(times > 0);
	CHECK(threads == 1 || times == 300);
	fixture_close(f);
}

/* A second attempt after a second: by then the thread has it. */
static void
test_thread_takes_over(void)
{
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 503 Slow Down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", RAW_KEEP},
									 {GOOD_HEAD, RAW_KEEP}),
							  NULL);
	bool here = false;
	oc_call *call = new_quiet_call(f, &here);

	call->max_retries = 2;
	oc_call_start(call);
	CHECK_INT(oc_call_wait(call, NULL), OC_OK);
	CHECK_INT(here, threads == 0);
	oc_call_free(call);
	fixture_close(f);
}

static void
test_quiet_cancels(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	bool here;
	int times = 2;
	oc_call *call = new_quiet_call(f, &here);

	oc_call_start(call);
	CHECK_INT(oc_call_wait(call, &(oc_waiter){gives_up, &times}), OC_CANCELLED);
	oc_call_free(call);
	for (int i = 0; i < 200; i++)
	{
		call = new_quiet_call(f, &here);
		oc_call_start(call);
		if (i % 2)
			oc_call_cancel(call);
		oc_call_free(call); /* tolerated: cancels */
	}
	call = new_quiet_call(f, &here);
	oc_call_start(call);
	oc_io_close(f->io);
	CHECK_INT(call->status, OC_CANCELLED);
	oc_call_free(call);
	f->io = NULL;
	fixture_close(f);
}

/* Others come meanwhile: calls of this owner before it waits, notices of other threads while it drives. */
static void
test_quiet_among_others(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	fixture *silent = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	pthread_t thread;
	bool here;

	for (int i = 0; i < 100; i++)
	{
		oc_call *calls[3] = {new_quiet_call(f, &here), new_call(f, OC_HEAD), new_quiet_call(f, &here)};

		for (int j = 0; j < 3; j++)
			oc_call_start(calls[j]);
		for (int j = 0; j < 3; j++)
		{
			CHECK_INT(oc_call_wait(calls[j], NULL), OC_OK);
			oc_call_free(calls[j]);
		}
	}
	for (int i = 0; i < 50; i++)
	{
		oc_call *call = new_quiet_call(silent, &here);

		oc_call_start(call);
		pthread_create(&thread, NULL, notify_main, silent);
		CHECK_INT(oc_io_wait(silent->io, NULL, -1), OC_OK);
		CHECK(!oc_call_is_done(call));
		pthread_join(thread, NULL);
		oc_call_free(call);
	}
	fixture_close(silent);
	fixture_close(f);
}

static void
run_all(void)
{
	test_owner_drives();
	test_thread_takes_over();
	test_quiet_cancels();
	test_quiet_among_others();
	test_cancel_in_silence();
	test_cancel_before_anything();
	test_cancel_between_attempts();
	test_cancel_while_connecting();
	test_close_while_resolving();
	test_close_with_calls_in_flight();
	test_waiter_may_jump();
	test_done_starts_another();
	test_many_at_once();
	test_notify();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(300); /* a hang is a failure, not a wait */
	main_thread = pthread_self();
	CHECK(oc_library_open());
	for (threads = 1; threads >= 0; threads--)
		run_all();
	oc_library_close();
	return unit_done();
}
