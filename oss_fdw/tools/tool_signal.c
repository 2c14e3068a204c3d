/*
 * tool_signal.c
 *	  A signal asks the program to stop: what it has begun in the store is taken back first, then it dies of that signal.
 *
 * The handler only notes the signal and writes a byte into a pipe, which every wait of the main thread looks at.  The core's
 * threads block all signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool.h"

static void note_signal(int number);
static int wait_for(void *arg, int fd, int timeout_ms);

static volatile sig_atomic_t caught;
static int stop_pipe[2] = {-1, -1};

const oc_waiter tool_waiter = {wait_for, NULL};

void
tool_signals_catch(bool pipes)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = note_signal}; /* a write that blocks ends too */

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
	{
		tool_complain("could not make a pipe");
		exit(1);
	}
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
	{
		struct sigaction before;

		/* what nohup and the like have switched off stays off */
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
	if (!pipes)
		signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a temporary file that may not grow is an error, as a full disk is */
}

static void
note_signal(int number)
{
	int error = errno;
	ssize_t written;

	caught = number;
	written = write(stop_pipe[1], "", 1);
	(void) written;
	errno = error;
}

bool
tool_stopped(void)
{
	return caught != 0;
}

int
tool_stop_fd(void)
{
	return stop_pipe[0];
}

void
tool_end_by_signal(void)
{
	int number = caught;

	if (number == 0)
		return;
	signal(number, SIG_DFL);
	raise(number);
	_exit(128 + number);
}

static int
wait_for(void *arg, int fd, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_pipe[0], .events = POLLIN}};

	(void) arg;
	if (!caught)
		poll(fds, 2, timeout_ms);
	return caught != 0;
}
