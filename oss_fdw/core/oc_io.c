/*
 * oc_io.c
 *	  The I/O thread: tasks in, completions out, timers, waiting and cancelling.
 *
 * Owner:       oc_io_submit -> inbox (locked) -> wake the thread -> oc_io_wait sleeps on the eventfd
 * I/O thread:  inbox -> task->begin -> exchanges on the wire (oc_http.c) -> ... -> oc_io_done -> eventfd
 *
 * With zero threads the same loop turns inside oc_io_wait and oc_call_wait, in short polls, with signals blocked
 * around it: libcurl's resolver threads inherit the mask, and no handler of the program may ever run on them.
 *
 * A thread that has nothing in flight is parked.  An owner that submits one small thing and then waits for it (oc_io_submit_quietly) may
 * do the work itself for LENT_MS: two threads less to wake, which is what a small request costs beside the store's time.  What
 * takes longer goes to the thread.  Either of them drives, never both: "lent" changes under the lock while the thread is parked.
 *
 * The lock guards the inbox, the flags of the sleeping protocol and the step of a task to DONE.  It is never held
 * while a callback of the owner, of a task or of libcurl runs.
 */
#include "oc_call_int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLEEP_MAX_MS 60000
#define INLINE_POLL_MS 100	/* so often the waiter is asked whether to go on */
#define INLINE_ASK_US 20000 /* and not more often than this */
#define LENT_MS 40			/* so long an owner drives before it leaves the rest to the thread: nobody asks the waiter meanwhile */

struct oc_io
{
	oc_wire *wire;
	bool threaded;
	pthread_t thread;
	int event_fd;
	_Atomic bool signalled; /* event_fd was written and not drained since */
	pthread_mutex_t lock;
	pthread_cond_t finished;
	pthread_cond_t work; /* the parked thread's */
	_Atomic bool lent;	 /* an owner drives, the thread is parked; changes under the lock */

	/* under the lock */
	oc_task *inbox_first;
	oc_task *inbox_last;
	bool parked;		/* the thread has nothing in flight and waits for work */
	bool quiet;			/* the inbox holds something that the parked thread was not told of */
	bool sleeping;		/* who drives is in, or on its way into, oc_wire_sleep */
	bool cancel_wanted; /* some task has its cancel flag set */
	bool stopping;
	int awaiting;		/* threads in oc_io_await_done */

	/* the I/O thread's (inline: the waiter's) */
	oc_task live;		/* ring */
	uint64_t random;
};

static void io_release(oc_io *io);
static void put_into_inbox(oc_io *io, oc_task *task);
static void *io_main(void *arg);
static void park(oc_io *io);
static void wake_driver(oc_io *io);
static void io_turn(oc_io *io, int timeout_ms);
static void inline_turn(oc_io *io, int timeout_ms);
static void take_inbox(oc_io *io);
static void link_live(oc_io *io, oc_task *task);
static void stop_cancelled(oc_io *io, bool all);
static void run_due(oc_io *io);
static int next_timeout(const oc_io *io, int timeout_ms);
static bool signal_owner(oc_io *io);
static void drain(oc_io *io);
static bool drive_quiet_work(oc_io *io, const oc_task *task);
static void take_back(oc_io *io);
static oc_status inline_wait(oc_io *io, const oc_task *task, const oc_waiter *waiter, int timeout_ms);
static int ask(const oc_waiter *waiter, int fd, int timeout_ms);

/* ---------------------------------------------------------------- open, close */

oc_io *
oc_io_open(int threads, oc_error *error)
{
	oc_io *io = calloc(1, sizeof *io);
	char seed[17];
	int failure;

	if (io == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&io->lock, NULL);
	pthread_cond_init(&io->finished, NULL);
	pthread_cond_init(&io->work, NULL);
	io->live.next = io->live.previous = &io->live;
	io->threaded = threads > 0;
	io->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	oc_random_hex(seed, sizeof seed);
	io->random = strtoull(seed, NULL, 16) | 1;
	io->wire = oc_wire_open();
	if (io->event_fd < 0 || io->wire == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "the HTTP library could not be started");
		io_release(io);
		return NULL;
	}
	if (io->threaded && (failure = oc_thread_start(&io->thread, io_main, io, "oss_fdw io")) != 0)
	{
		oc_error_set(error, OC_ERR_MEMORY, "the I/O thread could not be started (errno %d)", failure);
		io_release(io);
		return NULL;
	}
	return io;
}

void
oc_io_close(oc_io *io)
{
	if (io == NULL)
		return;
	pthread_mutex_lock(&io->lock);
	io->stopping = true;
	wake_driver(io);
	pthread_mutex_unlock(&io->lock);
	if (io->threaded)
	{
		oc_wire_wake(io->wire);
		pthread_join(io->thread, NULL);
	}
	else
		inline_turn(io, 0);
	io_release(io);
}

/* No task is left and no thread runs. */
static void
io_release(oc_io *io)
{
	oc_wire_close(io->wire);
	if (io->event_fd >= 0)
		close(io->event_fd);
	pthread_cond_destroy(&io->finished);
	pthread_cond_destroy(&io->work);
	pthread_mutex_destroy(&io->lock);
	free(io);
}

/* ---------------------------------------------------------------- tasks, from any thread */

void
oc_io_submit(oc_io *io, oc_task *task)
{
	pthread_mutex_lock(&io->lock);
	put_into_inbox(io, task);
	wake_driver(io);
	pthread_mutex_unlock(&io->lock);
}

void
oc_io_submit_quietly(oc_io *io, oc_task *task)
{
	pthread_mutex_lock(&io->lock);
	put_into_inbox(io, task);
	if (io->parked && io->inbox_first == task && !atomic_load(&io->lent))
		io->quiet = true;
	else
		wake_driver(io);
	pthread_mutex_unlock(&io->lock);
}

/* Under the lock. */
static void
put_into_inbox(oc_io *io, oc_task *task)
{
	atomic_store(&task->state, OC_TASK_ACTIVE);
	task->next = NULL;
	if (io->inbox_last)
		io->inbox_last->next = task;
	else
		io->inbox_first = task;
	io->inbox_last = task;
}

/* Under the lock.  Whoever drives looks at the inbox, at cancel flags and at stopping, now or before it next sleeps. */
static void
wake_driver(oc_io *io)
{
	if (io->parked && !atomic_load(&io->lent))
	{
		io->quiet = false;
		pthread_cond_signal(&io->work);
	}
	else if (io->sleeping)
		oc_wire_wake(io->wire);
	io->sleeping = false;
}

void
oc_io_submit_here(oc_io *io, oc_task *task)
{
	atomic_store(&task->state, OC_TASK_ACTIVE);
	link_live(io, task);
	task->begin(task);
}

void
oc_io_cancel(oc_io *io, oc_task *task)
{
	atomic_store(&task->cancel, true);
	pthread_mutex_lock(&io->lock);
	io->cancel_wanted = true;
	wake_driver(io);
	pthread_mutex_unlock(&io->lock);
}

void
oc_io_await_done(oc_io *io, oc_task *task)
{
	if (!io->threaded)
	{
		while (atomic_load(&task->state) != OC_TASK_DONE)
			inline_turn(io, INLINE_POLL_MS);
		return;
	}
	pthread_mutex_lock(&io->lock);
	io->awaiting++;
	while (atomic_load(&task->state) != OC_TASK_DONE)
		pthread_cond_wait(&io->finished, &io->lock);
	io->awaiting--;
	pthread_mutex_unlock(&io->lock);
}

void
oc_io_done(oc_io *io, oc_task *task)
{
	if (task->next) /* it was live */
	{
		task->previous->next = task->next;
		task->next->previous = task->previous;
		task->next = task->previous = NULL;
	}
	pthread_mutex_lock(&io->lock);
	atomic_store(&task->state, OC_TASK_DONE);
	/* from here on the task may be freed by its owner */
	if (io->awaiting > 0)
		pthread_cond_broadcast(&io->finished);
	pthread_mutex_unlock(&io->lock);
	(void) signal_owner(io); /* an owner who drives looks before it sleeps */
}

oc_wire *
oc_io_wire(oc_io *io)
{
	return io->wire;
}

/* xorshift: spreads retries, nothing more */
double
oc_io_random(oc_io *io)
{
	io->random ^= io->random << 13;
	io->random ^= io->random >> 7;
	io->random ^= io->random << 17;
	return (double) (io->random >> 11) / 9007199254740992.0;
}

/* ---------------------------------------------------------------- waiting */

/* false: the descriptor is readable already, or about to be. */
static bool
signal_owner(oc_io *io)
{
	uint64_t one = 1;

	if (atomic_exchange(&io->signalled, true))
		return false;
	while (write(io->event_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	return true;
}

void
oc_io_notify(oc_io *io)
{
	if (signal_owner(io) && (!io->threaded || atomic_load(&io->lent)))
		oc_wire_wake(io->wire);
}

oc_status
oc_io_wait(oc_io *io, const oc_waiter *waiter, int timeout_ms)
{
	if (!io->threaded)
		return inline_wait(io, NULL, waiter, timeout_ms);
	if (drive_quiet_work(io, NULL) && atomic_load(&io->signalled))
	{
		drain(io);
		return OC_OK;
	}
	if (ask(waiter, io->event_fd, timeout_ms) != 0)
		return OC_CANCELLED;
	drain(io);
	return OC_OK;
}

/*
 * Waiting for one task swallows the notice of others.  That is sound because every owner looks at all of its
 * calls before it sleeps again.
 */
oc_status
oc_io_wait_task(oc_io *io, const oc_task *task, const oc_waiter *waiter)
{
	if (!io->threaded)
		return inline_wait(io, task, waiter, -1);
	(void) drive_quiet_work(io, task);
	while (atomic_load(&task->state) != OC_TASK_DONE)
	{
		if (ask(waiter, io->event_fd, -1) != 0)
			return OC_CANCELLED;
		drain(io);
	}
	return OC_OK;
}

/* Read first, reset then: a notice between the two makes the descriptor readable once too often, never too seldom. */
static void
drain(oc_io *io)
{
	uint64_t count;

	while (read(io->event_fd, &count, sizeof count) < 0 && errno == EINTR)
		;
	atomic_store(&io->signalled, false);
}

/*
 * On the owner's thread: what was submitted quietly, until the task is done (NULL: until anything happens) or LENT_MS are over.
 * false: there was nothing of the kind.
 */
static bool
drive_quiet_work(oc_io *io, const oc_task *task)
{
	int64_t until;

	pthread_mutex_lock(&io->lock);
	if (!io->quiet)
	{
		pthread_mutex_unlock(&io->lock);
		return false;
	}
	io->quiet = false;
	atomic_store(&io->lent, true);
	pthread_mutex_unlock(&io->lock);
	until = oc_now_us() + LENT_MS * 1000;
	for (;;)
	{
		int64_t left_us = until - oc_now_us();

		if (left_us <= 0 || (task ? atomic_load(&task->state) == OC_TASK_DONE : atomic_load(&io->signalled)))
			break;
		if (task && atomic_load(&io->signalled))
			drain(io); /* another task's: it must not keep us from sleeping */
		inline_turn(io, (int) ((left_us + 999) / 1000));
	}
	take_back(io);
	return true;
}

/* The thread drives again, if there is anything to drive. */
static void
take_back(oc_io *io)
{
	pthread_mutex_lock(&io->lock);
	atomic_store(&io->lent, false);
	io->sleeping = false;
	if (io->live.next != &io->live || io->inbox_first || io->cancel_wanted || io->stopping)
		pthread_cond_signal(&io->work);
	pthread_mutex_unlock(&io->lock);
}

/* task NULL: until anything happens */
static oc_status
inline_wait(oc_io *io, const oc_task *task, const oc_waiter *waiter, int timeout_ms)
{
	int64_t begun = oc_now_us();
	int64_t asked = 0;

	for (;;)
	{
		int64_t now = oc_now_us();
		int64_t left_ms = timeout_ms < 0 ? INLINE_POLL_MS : timeout_ms - (now - begun) / 1000;

		if (task ? atomic_load(&task->state) == OC_TASK_DONE : atomic_load(&io->signalled))
		{
			drain(io);
			return OC_OK;
		}
		if (left_ms <= 0 && asked != 0)
			return OC_OK;
		if (now - asked >= INLINE_ASK_US)
		{
			if (waiter && ask(waiter, io->event_fd, 0) != 0)
				return OC_CANCELLED;
			asked = now;
		}
		if (task && atomic_load(&io->signalled))
			drain(io); /* another task's: it must not keep us from sleeping */
		inline_turn(io, left_ms < 0 ? 0 : left_ms < INLINE_POLL_MS ? (int) left_ms : INLINE_POLL_MS);
	}
}

static int
ask(const oc_waiter *waiter, int fd, int timeout_ms)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	if (waiter)
		return waiter->wait(waiter->arg, fd, timeout_ms);
	poll(&one, 1, timeout_ms); /* a signal just makes the caller look again */
	return 0;
}

/* ---------------------------------------------------------------- the loop */

static void *
io_main(void *arg)
{
	oc_io *io = arg;
	bool stopping;

	do
	{
		park(io);
		io_turn(io, SLEEP_MAX_MS);
		pthread_mutex_lock(&io->lock);
		stopping = io->stopping;
		pthread_mutex_unlock(&io->lock);
	} while (!stopping);
	io_turn(io, 0); /* ends everything that is left */
	return NULL;
}

/* Returns when there is something to do for the thread. */
static void
park(oc_io *io)
{
	pthread_mutex_lock(&io->lock);
	io->parked = true;
	while (atomic_load(&io->lent) || io->quiet ||
		   (io->live.next == &io->live && !io->inbox_first && !io->cancel_wanted && !io->stopping))
		pthread_cond_wait(&io->work, &io->lock);
	io->parked = false;
	pthread_mutex_unlock(&io->lock);
}

/* Signals of faults stay open: blocked, they would kill without a word. */
static void
inline_turn(oc_io *io, int timeout_ms)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	io_turn(io, timeout_ms);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Everything that can be done now, then one sleep until there is more. */
static void
io_turn(oc_io *io, int timeout_ms)
{
	bool inline_driver;
	bool sleep;

	take_inbox(io);
	run_due(io);
	oc_wire_perform(io->wire);

	timeout_ms = next_timeout(io, timeout_ms);
	pthread_mutex_lock(&io->lock);
	inline_driver = !io->threaded || atomic_load(&io->lent);
	sleep = io->inbox_first == NULL && !io->cancel_wanted && !io->stopping && timeout_ms > 0;
	if (inline_driver)
		sleep = sleep && !atomic_load(&io->signalled);
	else
		sleep = sleep && io->live.next != &io->live; /* else the thread parks */
	io->sleeping = sleep;
	pthread_mutex_unlock(&io->lock);
	if (!sleep)
		return;
	oc_wire_sleep(io->wire, timeout_ms);
	pthread_mutex_lock(&io->lock);
	io->sleeping = false;
	pthread_mutex_unlock(&io->lock);
}

static void
take_inbox(oc_io *io)
{
	oc_task *task;
	bool cancel, stopping;

	do
	{
		pthread_mutex_lock(&io->lock);
		task = io->inbox_first;
		io->inbox_first = io->inbox_last = NULL;
		stopping = io->stopping;
		cancel = io->cancel_wanted || stopping;
		io->cancel_wanted = false;
		pthread_mutex_unlock(&io->lock);

		while (task)
		{
			oc_task *next = task->next;

			link_live(io, task);
			if (!stopping && !atomic_load(&task->cancel))
				task->begin(task);
			task = next;
		}
		if (cancel)
			stop_cancelled(io, stopping);
		pthread_mutex_lock(&io->lock); /* a done callback may have submitted more */
		cancel = io->inbox_first != NULL || io->cancel_wanted;
		pthread_mutex_unlock(&io->lock);
	} while (cancel);
}

static void
link_live(oc_io *io, oc_task *task)
{
	task->next = &io->live;
	task->previous = io->live.previous;
	io->live.previous->next = task;
	io->live.previous = task;
}

/* Ending one task may end others (children, parents): so begin anew after each. */
static void
stop_cancelled(oc_io *io, bool all)
{
	oc_task *task;

again:
	for (task = io->live.next; task != &io->live; task = task->next)
	{
		if (all)
			atomic_store(&task->cancel, true);
		if (atomic_load(&task->cancel))
		{
			task->stop(task);
			goto again;
		}
	}
}

static void
run_due(oc_io *io)
{
	int64_t now = oc_now_us();
	oc_task *task;

again:
	for (task = io->live.next; task != &io->live; task = task->next)
	{
		if (task->due_us != 0 && task->due_us <= now)
		{
			task->due_us = 0;
			task->due(task);
			goto again;
		}
	}
}

static int
next_timeout(const oc_io *io, int timeout_ms)
{
	int64_t now = 0;
	const oc_task *task;

	for (task = io->live.next; task != &io->live; task = task->next)
	{
		int64_t left_ms;

		if (task->due_us == 0)
			continue;
		if (now == 0)
			now = oc_now_us();
		left_ms = (task->due_us - now + 999) / 1000;
		if (left_ms < timeout_ms)
			timeout_ms = left_ms > 0 ? (int) left_ms : 0;
	}
	return timeout_ms;
}

