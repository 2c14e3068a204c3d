/*
 * wait.c
 *	  The only place where the backend sleeps for the store or the codecs.
 *
 * The core calls oss_waiter's callback with a descriptor that becomes readable when something of ours is done.  We sleep
 * on it and on our latch.  A query cancel, a statement timeout, a termination or a lost client make the callback say "give
 * up"; the core then cancels its transfers and returns OC_CANCELLED, and report.c raises what is pending.  Nothing is
 * raised from inside the callback, so the core's frames are never jumped over.
 */
#include "oss_fdw.h"

#include "miscadmin.h"
#include "storage/procsignal.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"

#define CLIENT_CHECK_MS 400 /* a lost client is noticed within a second */

static int wait_for_core(void *arg, int fd, int timeout_ms);
static bool must_give_up(void);

const oc_waiter oss_waiter = {wait_for_core, NULL};

static uint32 wait_event = PG_WAIT_EXTENSION;

/* Names our wait event where the server can; called once per backend, outside any wait. */
void
oss_wait_init(void)
{
	static bool named = false;

	if (!named)
		wait_event = OSS_WAIT_EVENT_NEW("OssFdwTransfer");
	named = true;
}

/* oc_waiter: returns 0 to go on, 1 to give up */
static int
wait_for_core(void *arg, int fd, int timeout_ms)
{
	int timeout = CLIENT_CHECK_MS;

	if (must_give_up())
		return 1;
	if (timeout_ms >= 0 && timeout_ms < timeout)
		timeout = timeout_ms;
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, fd, timeout,
							 wait_event);
	ResetLatch(MyLatch);
	return must_give_up() ? 1 : 0;
}

/* Looks, does not act: CHECK_FOR_INTERRUPTS() comes when the core has returned. */
static bool
must_give_up(void)
{
	static TimestampTz last_check = 0;

	if (InterruptPending && (QueryCancelPending || ProcDiePending) && InterruptHoldoffCount == 0 &&
		QueryCancelHoldoffCount == 0 && CritSectionCount == 0)
		return true;
	/* other sessions wait for all backends, in DROP DATABASE for example; a transfer may take minutes */
	if (ProcSignalBarrierPending && InterruptHoldoffCount == 0 && CritSectionCount == 0)
		ProcessProcSignalBarrier();

	/* the server itself only looks when client_connection_check_interval is set */
	if (MyProcPort != NULL && whereToSendOutput == DestRemote && !ClientConnectionLost)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (now - last_check >= CLIENT_CHECK_MS * 1000 || now < last_check)
		{
			last_check = now;
			if (!pq_check_connection())
			{
				ClientConnectionLost = true;
				InterruptPending = true;
			}
		}
	}
	return ClientConnectionLost && InterruptHoldoffCount == 0;
}
