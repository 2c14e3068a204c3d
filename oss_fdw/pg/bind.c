/*
 * bind.c
 *	  Options -> core clients, the I/O thread and the worker pool; the only file that hands secrets on.
 *
 * One backend has one oc_io (its I/O thread keeps connections and TLS sessions between statements), at most one pool per
 * size, and a small cache of oc_clients, one per (server, user).  A cached client is dropped when its server or user
 * mapping changes and nobody uses it any more.  Everything is stopped before the process exits, because libraries' exit
 * handlers must not run under live threads.
 */
#include "oss_fdw.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

struct OssClient
{
	Oid serverid;
	Oid userid;
	bool valid;		/* false: options changed since it was opened */
	int references; /* statements and pending exports that use it */
	oc_client *core;
	OssClient *next;
};

#define MAX_POOL 64

static oc_io *the_io = NULL;
static oc_pool *pools[MAX_POOL + 1];
static OssClient *clients = NULL;

static void invalidate_clients(Datum arg, int cacheid, uint32 hashvalue);
static void drop_unused_clients(void);
static void stop_everything(int code, Datum arg);
static OssClient *find_client(const OssOptions *options);

/* The backend's I/O thread; started by the first statement that needs the store. */
oc_io *
oss_io(void)
{
	static bool registered = false;
	oc_error error;

	if (the_io != NULL)
		return the_io;
	if (!registered)
	{
		if (!oc_library_open())
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR), errmsg("could not initialize the transfer library")));
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidate_clients, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID, invalidate_clients, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGUSERSERVER, invalidate_clients, (Datum) 0);
		on_proc_exit(stop_everything, (Datum) 0);
		registered = true;
	}
	oss_wait_init();
	the_io = oc_io_open(oss_use_threads ? 1 : 0, &error);
	if (the_io == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
	return the_io;
}

/* A pool of this many workers, kept for the backend's life; 0 runs jobs inline. */
oc_pool *
oss_pool(int workers)
{
	oc_error error;

	workers = oss_use_threads ? Min(Max(workers, 0), MAX_POOL) : 0;
	if (pools[workers] == NULL)
	{
		pools[workers] = oc_pool_open(workers, &error);
		if (pools[workers] == NULL)
			oss_report_status(OC_FAILED, &error, NULL);
	}
	return pools[workers];
}

/* The strings stay the options'. */
void
oss_config_fill(const OssOptions *options, oc_config *config)
{
	memset(config, 0, sizeof(*config));
	config->provider = options->provider;
	config->endpoint = options->endpoint;
	if (options->use_ssl_given && strstr(options->endpoint, "://") == NULL)
		config->endpoint = psprintf("%s://%s", options->use_ssl ? "https" : "http", options->endpoint);
	config->region = options->region;
	config->addressing = options->addressing;
	config->signature = options->signature_version;
	config->access_key_id = options->access_key_id;
	config->access_key_secret = options->access_key_secret;
	config->security_token = options->security_token;
	config->connect_timeout_ms = options->connect_timeout;
	config->low_speed_limit = options->low_speed_limit;
	config->low_speed_time_s = options->low_speed_time;
	config->dns_cache_timeout_s = options->dns_cache_timeout;
	config->max_retries = options->max_retries > 0 ? options->max_retries : -1;
	config->retry_timeout_ms = options->retry_timeout;
	config->proxy = options->proxy;
	config->ca_file = options->ca_file;
	config->insecure_tls = !options->ssl_verify;
	config->allowed_hosts = oss_allowed_endpoints && oss_allowed_endpoints[0] ? oss_allowed_endpoints : NULL;
}

/* A client for the options' server and user; the caller releases it. */
OssClient *
oss_client_acquire(const OssOptions *options)
{
	OssClient *client;
	oc_config config;
	oc_error error;

	(void) oss_io();
	drop_unused_clients();
	client = find_client(options);
	if (client == NULL)
	{
		client = MemoryContextAllocZero(TopMemoryContext, sizeof(OssClient));
		client->serverid = options->serverid;
		client->userid = options->userid;
		oss_config_fill(options, &config);
		client->core = oc_client_open(the_io, &config, &error);
		if (client->core == NULL)
		{
			pfree(client);
			oss_report_status(OC_FAILED, &error, NULL);
		}
		client->valid = true;
		client->next = clients;
		clients = client;
	}
	client->references++;
	return client;
}

void
oss_client_release(OssClient *client)
{
	if (client)
		client->references--;
}

oc_client *
oss_client_core(OssClient *client)
{
	return client->core;
}

void
oss_options_require_bucket(const OssOptions *options)
{
	if (options->bucket == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND), errmsg("option \"bucket\" is missing"),
						errhint("Set it on the server or on the foreign table.")));
}

/* ---- helpers */

static OssClient *
find_client(const OssOptions *options)
{
	for (OssClient *client = clients; client; client = client->next)
		if (client->valid && client->serverid == options->serverid && client->userid == options->userid)
			return client;
	return NULL;
}

/* Any change of a server or mapping: cheap and rare, so all go. */
static void
invalidate_clients(Datum arg, int cacheid, uint32 hashvalue)
{
	for (OssClient *client = clients; client; client = client->next)
		client->valid = false;
}

/* Not in the callback above: that may run while a client is in use. */
static void
drop_unused_clients(void)
{
	OssClient **link = &clients;

	while (*link)
	{
		OssClient *client = *link;

		if (client->valid || client->references > 0)
		{
			link = &client->next;
			continue;
		}
		*link = client->next;
		oc_client_close(client->core);
		pfree(client);
	}
}

/* GUC changes that are part of a client's configuration */
void
oss_bind_forget(void)
{
	invalidate_clients((Datum) 0, 0, 0);
}

/* The transaction is over by now: nothing is in flight that matters. */
static void
stop_everything(int code, Datum arg)
{
	oc_io_close(the_io);
	the_io = NULL;
	for (int i = 0; i <= MAX_POOL; i++)
	{
		oc_pool_close(pools[i]);
		pools[i] = NULL;
	}
}
