/*
 * store_process.h
 *	  The local store (contrib_tests/store) as a child of a test program.
 *
 * store_start makes a folder, starts the store on it with one bucket and free ports, and fills endpoint; store_stop ends both.
 * store_control asks the control; the functions after it are the questions that tests ask most.  The program runs in the
 * project's top folder, as make does; STORE_SCRIPT in the environment names another store.
 */
#ifndef STORE_PROCESS_H
#define STORE_PROCESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STORE_REGION "cn-hangzhou"
#define STORE_KEY_ID "test-access-key"
#define STORE_KEY_SECRET "test-secret-key"

struct store
{
	pid_t pid;			 /* 0 = not running */
	int port;
	char endpoint[64];	 /* "http://127.0.0.1:12345" */
	char folder[64];
	char answer[65536];	 /* of the last store_control: the JSON body, cut where it is too long */
};

/* A rule that holds requests of one kind at a stage until it is removed. */
#define STORE_BLOCK(op, stage) \
	"{\"action\":\"block\",\"op\":\"" op "\",\"stage\":\"" stage "\",\"count\":null}"

/* Runs a program and waits for it. */
static inline int
store_run(const char *program, const char *argument1, const char *argument2)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
	{
		execlp(program, program, argument1, argument2, (char *) NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* In the child: becomes the store.  Its first line of output, the ports, goes to fd. */
static inline void
store_exec(const struct store *store, const char *bucket, int fd)
{
	const char *script = getenv("STORE_SCRIPT");
	char parent[24];

	snprintf(parent, sizeof(parent), "%d", (int) getppid());
	dup2(fd, STDOUT_FILENO);
	execlp("python3", "python3", script ? script : "contrib_tests/store/oss_store.py", "--root", store->folder,
		   "--control", "--bucket", bucket, "--parent", parent, "--access-key", STORE_KEY_ID, "--secret",
		   STORE_KEY_SECRET, "--region", STORE_REGION, (char *) NULL);
	_exit(127);
}

/* Reads the line with the ports; it comes when the store is ready. */
static inline bool
store_read_port(struct store *store, int fd)
{
	char line[256];
	size_t size = 0;
	ssize_t got = 0;
	const char *port;

	while (size + 1 < sizeof(line) && (got = read(fd, line + size, sizeof(line) - 1 - size)) > 0)
	{
		size += (size_t) got;
		if (memchr(line, '\n', size))
			break;
	}
	line[size] = '\0';
	port = strstr(line, "\"port\": ");
	store->port = port ? atoi(port + 8) : 0;
	snprintf(store->endpoint, sizeof(store->endpoint), "http://127.0.0.1:%d", store->port);
	return store->port > 0;
}

/* As after a crash of its machine: no answer, no farewell. */
static inline void
store_kill(struct store *store)
{
	if (store->pid > 0)
	{
		kill(store->pid, SIGKILL);
		waitpid(store->pid, NULL, 0);
	}
	store->pid = 0;
}

static inline void
store_stop(struct store *store)
{
	store_kill(store);
	if (store->folder[0] != '\0')
		store_run("rm", "-rf", store->folder);
	store->folder[0] = '\0';
}

static inline bool
store_start(struct store *store, const char *bucket)
{
	int ends[2];
	bool ready;

	memset(store, 0, sizeof(*store));
	strcpy(store->folder, "/tmp/oss_store_XXXXXX");
	if (!mkdtemp(store->folder) || pipe(ends) != 0)
		return false;
	store->pid = fork();
	if (store->pid == 0)
		store_exec(store, bucket, ends[1]);
	close(ends[1]);
	ready = store->pid > 0 && store_read_port(store, ends[0]);
	close(ends[0]);
	if (!ready)
		store_stop(store);
	return ready;
}

/* One request to the control; body may be NULL.  false: no answer, or an error, which is printed. */
static inline bool
store_control(struct store *store, const char *method, const char *page, const char *body)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) store->port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t size = 0;
	ssize_t got;
	char *content;

	store->answer[0] = '\0';
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
	{
		perror("the store's control");
		close(fd);
		return false;
	}
	dprintf(fd, "%s /__control__/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method,
			page, body ? strlen(body) : 0, body ? body : "");
	while (size + 1 < sizeof(store->answer) &&
		   (got = read(fd, store->answer + size, sizeof(store->answer) - 1 - size)) > 0)
		size += (size_t) got;
	close(fd);
	store->answer[size] = '\0';
	if (strncmp(store->answer, "HTTP/1.1 200", 12) != 0)
	{
		fprintf(stderr, "the store's control, %s %s %s: %s\n", method, page, body ? body : "", store->answer);
		return false;
	}
	content = strstr(store->answer, "\r\n\r\n");
	if (content)
		memmove(store->answer, content + 4, strlen(content + 4) + 1);
	return true;
}

/* Adds a rule (store/README.md), JSON. */
static inline bool
store_fault(struct store *store, const char *rule)
{
	return store_control(store, "POST", "faults", rule);
}

/* Removes all rules; what they hold goes on. */
static inline bool
store_clear_faults(struct store *store)
{
	return store_control(store, "DELETE", "faults", NULL);
}

/* How often the rules have acted, all together; -1 = no answer. */
static inline int
store_fault_hits(struct store *store)
{
	int hits = 0;

	if (!store_control(store, "GET", "faults", NULL))
		return -1;
	for (const char *at = store->answer; (at = strstr(at, "\"hits\": ")) != NULL; at += 8)
		hits += atoi(at + 8);
	return hits;
}

/* Removes all objects and uploads. */
static inline bool
store_clear(struct store *store)
{
	return store_control(store, "POST", "clear", "{}");
}

/* A waiter's sleep. */
static inline void
store_poll(int fd, int timeout_ms)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	poll(&entry, 1, timeout_ms);
}

#endif
