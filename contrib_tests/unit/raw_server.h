/*
 * raw_server.h
 *	  A scripted TCP server in a thread of the test: it reads one request after the other and answers each with the
 *	  next reply of its script (the last one repeats).
 *
 * For what no real store does: broken heads, endless bodies, silence.  Real answers come from contrib_tests/store.
 */
#ifndef RAW_SERVER_H
#define RAW_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum raw_after
{
	RAW_KEEP,
	RAW_CLOSE,
	RAW_RESET,	 /* RST instead of FIN */
	RAW_ENDLESS, /* the text, then blanks until the client goes */
	RAW_ECHO,	 /* "@AUTHORIZATION@" in the text stands for the request's header value */
} raw_after;

typedef struct raw_reply
{
	const char *text; /* NULL: silence until the client goes */
	raw_after after;
} raw_reply;

#define RAW_REQUESTS 64

typedef struct raw_server
{
	int listener;
	int port;
	pthread_t thread;
	const raw_reply *script;
	int script_size;
	int stop_pipe[2];
	_Atomic int connections;
	_Atomic int taken;				 /* requests read */
	_Atomic int requests;			 /* of them, with their texts in place */
	char *texts[RAW_REQUESTS];		 /* heads, with the first bytes of their bodies; written before requests goes up */
} raw_server;

typedef struct raw_connection
{
	raw_server *server;
	int fd;
} raw_connection;

static inline void
raw_send(int fd, const char *text, size_t size)
{
	while (size > 0)
	{
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		size -= (size_t) sent;
	}
}

/* Reads one request with its body; NULL when the client is gone. */
static inline char *
raw_read(int fd)
{
	size_t size = 0, capacity = 1 << 20;
	char *text = malloc(capacity);

	for (;;)
	{
		char *end;
		ssize_t got;

		text[size] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end)
		{
			const char *length = strcasestr(text, "\r\nContent-Length:");
			size_t body = length && length < end ? strtoull(length + 17, NULL, 10) : 0;

			if (size >= (size_t) (end + 4 - text) + body)
				return text;
		}
		got = size + 1 < capacity ? recv(fd, text + size, capacity - size - 1, 0) : 0;
		if (got <= 0)
		{
			free(text);
			return NULL;
		}
		size += (size_t) got;
	}
}

static inline void
raw_echo(int fd, const char *text, const char *request)
{
	const char *mark = strstr(text, "@AUTHORIZATION@");
	const char *header = strcasestr(request, "\r\nAuthorization:");
	size_t size = header ? strcspn(header + 16, "\r") : 0;
	char *body = NULL, *whole = NULL;

	if (asprintf(&body, "%.*s%.*s%s", (int) (mark - text), text, (int) size, header ? header + 16 : "", mark + 15) < 0 ||
		asprintf(&whole, "HTTP/1.1 400 Bad Request\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body) < 0)
		abort();
	raw_send(fd, whole, strlen(whole));
	free(body);
	free(whole);
}

static inline void *
raw_serve(void *arg)
{
	raw_connection *connection = arg;
	raw_server *server = connection->server;
	int fd = connection->fd;
	char *request;

	free(connection);
	while ((request = raw_read(fd)) != NULL)
	{
		int index = atomic_fetch_add(&server->taken, 1);
		const raw_reply *reply = &server->script[index < server->script_size ? index : server->script_size - 1];

		if (index < RAW_REQUESTS)
			server->texts[index] = request; /* freed by raw_close */
		atomic_fetch_add(&server->requests, 1);
		if (reply->text == NULL)
		{
			char byte;

			while (recv(fd, &byte, 1, 0) > 0)
				;
			if (index >= RAW_REQUESTS)
				free(request);
			break;
		}
		if (reply->after == RAW_ECHO)
			raw_echo(fd, reply->text, request);
		else
			raw_send(fd, reply->text, strlen(reply->text));
		if (index >= RAW_REQUESTS)
			free(request);
		if (reply->after == RAW_ENDLESS)
		{
			char blanks[65536];

			memset(blanks, ' ', sizeof blanks);
			while (send(fd, blanks, sizeof blanks, MSG_NOSIGNAL) > 0)
				;
		}
		if (reply->after == RAW_RESET)
		{
			struct linger linger = {1, 0};

			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		}
		if (reply->after != RAW_KEEP && reply->after != RAW_ECHO)
			break;
	}
	close(fd);
	return NULL;
}

static inline void *
raw_main(void *arg)
{
	raw_server *server = arg;
	pthread_t threads[256];
	int count = 0;

	for (;;)
	{
		struct pollfd two[2] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->stop_pipe[0], .events = POLLIN}};
		raw_connection *connection;
		int fd;

		poll(two, 2, -1);
		if (two[1].revents)
			break;
		fd = accept(server->listener, NULL, NULL);
		if (fd < 0 || count == 256)
			continue;
		atomic_fetch_add(&server->connections, 1);
		connection = malloc(sizeof *connection);
		*connection = (raw_connection){server, fd};
		pthread_create(&threads[count++], NULL, raw_serve, connection);
	}
	while (count > 0)
		pthread_join(threads[--count], NULL);
	return NULL;
}

/* The script must outlive the server. */
static inline raw_server *
raw_open(const raw_reply *script, int script_size)
{
	raw_server *server = calloc(1, sizeof *server);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;

	server->script = script;
	server->script_size = script_size;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *) &address, size) != 0 || listen(server->listener, 64) != 0 ||
		getsockname(server->listener, (struct sockaddr *) &address, &size) != 0 || pipe(server->stop_pipe) != 0)
		abort();
	server->port = ntohs(address.sin_port);
	pthread_create(&server->thread, NULL, raw_main, server);
	return server;
}

/* Only after the clients have closed their connections (oc_io_close). */
static inline void
raw_close(raw_server *server)
{
	int i;

	if (write(server->stop_pipe[1], "x", 1) != 1)
		abort();
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->stop_pipe[0]);
	close(server->stop_pipe[1]);
	for (i = 0; i < RAW_REQUESTS; i++)
		free(server->texts[i]);
	free(server);
}

#endif
