/*
 * put_one.c
 *	  The yardstick of small transactions: signed PUTs by the core alone, one after the other on a kept connection.
 *
 * Endpoint, bucket, region and keys come from the OSS_TEST_* variables of with_store.sh.  Every PUT is a new object with
 * the same body, checked by the store's CRC-64 as always.  Prints the median and the 90th percentile in milliseconds; the first
 * PUT, which connects, is not counted.
 *
 * usage: put_one COUNT KEY_PREFIX BODY
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oc.h"

static int
wait_for(void *arg, int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	(void) arg;
	(void) poll(&ready, 1, timeout_ms);
	return 0;
}

static const char *
setting(const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		return value;
	fprintf(stderr, "put_one: %s is not set; run it by with_store.sh\n", name);
	exit(2);
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* One PUT; its time in milliseconds. */
static double
put(oc_client *client, const char *prefix, int number, const char *body)
{
	static const oc_waiter waiter = {.wait = wait_for};
	char key[256];
	double begun = now_ms();
	oc_call *call = oc_call_new(client, OC_PUT);

	if (call == NULL)
		exit(1);
	snprintf(key, sizeof(key), "%s%d.csv", prefix, number);
	call->bucket = setting("OSS_TEST_BUCKET");
	call->key = key;
	call->body = body;
	call->body_size = strlen(body);
	if (oc_call_run(call, &waiter) != OC_OK)
	{
		fprintf(stderr, "put_one: %s: %s\n", key, call->error.message);
		exit(1);
	}
	oc_call_free(call);
	return now_ms() - begun;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *) a;
	double right = *(const double *) b;

	return (left > right) - (left < right);
}

static void
measure(oc_client *client, int count, const char *prefix, const char *body)
{
	double *times = malloc(count * sizeof(double));

	if (times == NULL)
		exit(1);
	(void) put(client, prefix, -1, body);
	for (int i = 0; i < count; i++)
		times[i] = put(client, prefix, i, body);
	qsort(times, count, sizeof(double), compare);
	printf("%.4f %.4f\n", times[count / 2], times[count * 9 / 10]);
	free(times);
}

int
main(int argc, char **argv)
{
	oc_error error = {0};
	oc_config config = {.provider = OC_PROVIDER_OSS};
	oc_io *io;
	oc_client *client;

	if (argc != 4 || atoi(argv[1]) < 1)
	{
		fprintf(stderr, "usage: put_one COUNT KEY_PREFIX BODY\n");
		return 2;
	}
	config.endpoint = setting("OSS_TEST_ENDPOINT");
	config.region = setting("OSS_TEST_REGION");
	config.access_key_id = setting("OSS_TEST_KEY_ID");
	config.access_key_secret = setting("OSS_TEST_KEY_SECRET");
	if (!oc_library_open() || (io = oc_io_open(1, &error)) == NULL || (client = oc_client_open(io, &config, &error)) == NULL)
	{
		fprintf(stderr, "put_one: %s\n", error.message);
		return 1;
	}
	measure(client, atoi(argv[1]), argv[2], argv[3]);
	oc_client_close(client);
	oc_io_close(io);
	oc_library_close();
	return 0;
}
