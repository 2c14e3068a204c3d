/*
 * store_util.h
 *	  Starts the local store (contrib_tests/store) for a test program, stops it, and scripts its faults.
 *
 * The path of oss_store.py comes from OC_STORE, else it is relative to the working directory, the repository's root.
 * Python is OC_PYTHON or /usr/bin/python3.
 */
#ifndef STORE_UTIL_H
#define STORE_UTIL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STORE_KEY_ID "test-key-id"
#define STORE_SECRET "test-key-secret"
#define STORE_BUCKET "test-bucket"
#define STORE_REGION "cn-hangzhou"

typedef struct store
{
	pid_t pid;
	int port;
	int tls_port;
	char folder[64]; /* certificates */
	char ca_file[96];
} store;

static inline void
store_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void
store_exec(const store *s, int out)
{
	const char *path = getenv("OC_STORE");
	const char *python = getenv("OC_PYTHON");
	char parent[32];

	snprintf(parent, sizeof parent, "%d", (int) getppid());
	dup2(out, STDOUT_FILENO);
	execl(python ? python : "/usr/bin/python3", "python3", path ? path : "contrib_tests/store/oss_store.py", "--port", "0",
		  "--tls", "--make-certificates", s->folder, "--control", "--access-key", STORE_KEY_ID, "--secret", STORE_SECRET,
		  "--bucket", STORE_BUCKET, "--region", STORE_REGION, "--parent", parent, (char *) NULL);
	_exit(127);
}

/* The value of a number in the one line that the store prints when it is ready. */
static inline int
store_number(const char *line, const char *name)
{
	const char *found = strstr(line, name);

	return found ? atoi(found + strlen(name)) : 0;
}

static inline store *
store_start(void)
{
	store *s = calloc(1, sizeof *s);
	int ends[2];
	FILE *out;
	char line[512] = "";

	strcpy(s->folder, "/tmp/oc_store_XXXXXX");
	if (mkdtemp(s->folder) == NULL || pipe(ends) != 0)
		store_die("the store's folder");
	snprintf(s->ca_file, sizeof s->ca_file, "%s/ca.pem", s->folder);
	s->pid = fork();
	if (s->pid == 0)
	{
		close(ends[0]);
		store_exec(s, ends[1]);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	if (out == NULL || fgets(line, sizeof line, out) == NULL)
		store_die("the store did not start");
	fclose(out);
	s->port = store_number(line, "\"port\": ");
	s->tls_port = store_number(line, "\"tls_port\": ");
	if (s->port == 0 || s->tls_port == 0)
		store_die(line);
	return s;
}

static inline void
store_stop(store *s)
{
	static const char *const files[] = {"ca.pem", "ca.key", "ca.srl", "cert.pem", "key.pem", "request.pem", "extensions"};
	char path[128];
	size_t i;

	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	for (i = 0; i < sizeof files / sizeof *files; i++)
	{
		snprintf(path, sizeof path, "%s/%s", s->folder, files[i]);
		unlink(path);
	}
	rmdir(s->folder);
	free(s);
}

/* One request to the control; the answer (head and body) is the caller's to free. */
static inline char *
store_control(store *s, const char *method, const char *page, const char *body)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t size = 0, capacity = 1 << 20;
	char *answer = malloc(capacity);
	ssize_t got;

	if (connect(fd, (struct sockaddr *) &address, sizeof address) != 0)
		store_die("the store's control");
	dprintf(fd, "%s /__control__/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", method,
			page, strlen(body), body);
	while ((got = read(fd, answer + size, capacity - size - 1)) > 0)
		size += (size_t) got;
	close(fd);
	answer[size] = '\0';
	if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
	{
		fprintf(stderr, "control %s %s %s:\n%s\n", method, page, body, answer);
		exit(1);
	}
	return answer;
}

/* format has one %s, for the operation */
static inline void
store_fault(store *s, const char *format, const char *op)
{
	char body[512];

	snprintf(body, sizeof body, format, op); /* the test's own literals */
	free(store_control(s, "POST", "faults", body));
}

/* No faults, nothing blocked. */
static inline void
store_reset(store *s)
{
	free(store_control(s, "DELETE", "faults", ""));
}

/* Until a request stands in the blocking rule of that id. */
static inline void
store_await(store *s, const char *id)
{
	char page[128];

	snprintf(page, sizeof page, "wait?id=%s&waiting=1&timeout=60", id);
	free(store_control(s, "GET", page, ""));
}

#endif
