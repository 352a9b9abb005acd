/* A mail server that takes everything and keeps nothing, as fast as one thread can.

   sink [--chunking] [--watch TEXT] FILE

   It listens on a free port of 127.0.0.1 and prints the port. PIPELINING (RFC 2920) is always
   offered, CHUNKING (RFC 3030) with --chunking. FILE holds what it has counted, eight numbers of
   64 bits in the order of `struct counts`, mapped: whoever maps it reads along and may write
   zeros. Recipients whose command holds TEXT are counted by themselves too. Moments are
   nanoseconds since 1970, of the first and the last mail since they were last zero. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, REPLIES = 32 * 1024, MOST_REPLY = 128 };
enum mode { COMMANDS, DATA, BDAT };

static struct counts {
    uint64_t messages, octets, first_ns, last_ns;
    uint64_t watched, watched_first_ns, watched_last_ns, connections;
} *counts;
static int offers_chunking;
static const char *watch;

struct client {
    int fd, recipients;
    enum mode mode;
    char has_sender, is_watched, is_last, is_leaving, waits_to_write;
    char at_line, after_cr; /* DATA: at a line's beginning; the octet before was a CR */
    uint64_t octets, left;  /* of this message; of this chunk */
    size_t have, said;
    char in[ROOM], out[REPLIES];
};

static void say(struct client *c, const char *reply) {
    size_t length = strlen(reply);
    memcpy(c->out + c->said, reply, length);
    c->said += length;
}

static void forget(struct client *c) {
    c->has_sender = c->is_watched = 0;
    c->recipients = 0;
    c->octets = 0;
}

static void taken(struct client *c) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = now.tv_sec * 1000000000ull + now.tv_nsec;
    if (!counts->messages++ || !counts->first_ns) counts->first_ns = ns;
    counts->last_ns = ns;
    counts->octets += c->octets;
    if (c->is_watched) {
        if (!counts->watched++ || !counts->watched_first_ns) counts->watched_first_ns = ns;
        counts->watched_last_ns = ns;
    }
    say(c, "250 2.0.0 taken\r\n");
    forget(c);
}

static int begins(const char *line, const char *word) {
    return !strncasecmp(line, word, strlen(word));
}

static void command(struct client *c, char *line) {
    if (begins(line, "MAIL FROM:")) {
        if (c->has_sender) {
            say(c, "503 5.5.1 one mail at a time\r\n");
        } else {
            c->has_sender = 1;
            say(c, "250 2.1.0 ok\r\n");
        }
    } else if (begins(line, "RCPT TO:")) {
        char *end = strchr(line, '>');
        if (!c->has_sender) {
            say(c, "503 5.5.1 MAIL first\r\n");
        } else if (!end || end[1 + strspn(end + 1, " ")]) { /* no parameter is known here */
            say(c, "555 5.5.4 unknown parameter\r\n");
        } else {
            c->recipients++;
            if (watch && strstr(line, watch)) c->is_watched = 1;
            say(c, "250 2.1.5 ok\r\n");
        }
    } else if (!strcasecmp(line, "DATA")) {
        if (!c->recipients) {
            say(c, "503 5.5.1 RCPT first\r\n");
        } else {
            c->mode = DATA;
            c->at_line = 1;
            c->after_cr = 0;
            say(c, "354 go ahead\r\n");
        }
    } else if (offers_chunking && begins(line, "BDAT ")) {
        char *end;
        errno = 0;
        c->left = strtoull(line + 5, &end, 10);
        c->is_last = !strcasecmp(end, " LAST");
        if (line[5] < '0' || line[5] > '9' || errno || (*end && !c->is_last)) {
            say(c, "501 5.5.4 BDAT octets [LAST]\r\n"); /* what follows cannot be told apart */
            c->is_leaving = 1;
        } else {
            c->mode = BDAT;
        }
    } else if (begins(line, "EHLO ")) {
        forget(c);
        say(c, "250-sink.example\r\n250-PIPELINING\r\n");
        if (offers_chunking) say(c, "250-CHUNKING\r\n");
        say(c, "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
    } else if (begins(line, "HELO ") || !strcasecmp(line, "RSET") || !strcasecmp(line, "NOOP")) {
        if (!begins(line, "NOOP")) forget(c);
        say(c, "250 2.0.0 ok\r\n");
    } else if (!strcasecmp(line, "QUIT")) {
        say(c, "221 2.0.0 bye\r\n");
        c->is_leaving = 1;
    } else {
        say(c, "500 5.5.2 unknown command\r\n");
    }
}

/* Each returns how many of the octets it has used; zero when it needs more. */

static size_t take_command(struct client *c, char *at, size_t size) {
    char *end = memchr(at, '\n', size);
    if (!end) return 0;
    *(end > at && end[-1] == '\r' ? end - 1 : end) = 0;
    command(c, at);
    return end + 1 - at;
}

static size_t take_data(struct client *c, const char *at, size_t size) {
    const char *here = at, *end = at + size;
    while (here < end) {
        if (c->at_line) {
            size_t seen = end - here < 3 ? end - here : 3;
            if (!memcmp(here, ".\r\n", seen)) {
                if (seen < 3) break; /* may be the end: wait for the rest of it */
                c->octets += here - at;
                c->mode = COMMANDS;
                taken(c);
                return here + 3 - at;
            }
            c->at_line = 0;
        }
        const char *line_end = memchr(here, '\n', end - here);
        if (!line_end) {
            c->after_cr = end[-1] == '\r';
            here = end;
        } else { /* a line ends with CR and LF, else ".\n" in a mail could end it */
            c->at_line = line_end > here ? line_end[-1] == '\r' : c->after_cr;
            c->after_cr = 0;
            here = line_end + 1;
        }
    }
    c->octets += here - at;
    return here - at;
}

static size_t take_chunk(struct client *c, size_t size) {
    size_t used = size < c->left ? size : c->left;
    c->left -= used;
    c->octets += used;
    if (c->left) return used;
    c->mode = COMMANDS;
    if (!c->recipients) {
        say(c, "503 5.5.1 RCPT first\r\n");
        c->octets = 0;
    } else if (c->is_last) {
        taken(c);
    } else {
        say(c, "250 2.0.0 chunk\r\n");
    }
    return used;
}

/* Goes through what was read, until more is needed or the replies have to leave first. */
static void work(struct client *c) {
    size_t at = 0;
    while (!c->is_leaving && c->said + MOST_REPLY < REPLIES) {
        size_t left = c->have - at, used;
        if (c->mode == BDAT) {
            if (!left && c->left) break;
            used = take_chunk(c, left);
        } else {
            if (!left) break;
            used = c->mode == DATA ? take_data(c, c->in + at, left)
                                   : take_command(c, c->in + at, left);
            if (!used) break;
        }
        at += used;
    }
    c->have -= at;
    memmove(c->in, c->in + at, c->have);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch_for(int poll, struct client *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poll, operation, c->fd, &event)) fail("epoll_ctl");
}

/* Whether all replies have left; zero too when the client is gone. */
static int answer(int poll, struct client *c) {
    ssize_t sent = c->said ? send(c->fd, c->out, c->said, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        c->is_leaving = 1;
        sent = c->said;
    }
    if (sent > 0) memmove(c->out, c->out + sent, c->said -= sent);
    if (c->waits_to_write != (c->said > 0)) {
        c->waits_to_write = c->said > 0;
        watch_for(poll, c, EPOLL_CTL_MOD, c->waits_to_write ? EPOLLOUT : EPOLLIN);
    }
    return !c->said;
}

static void serve(int poll, struct client *c) {
    if (!c->waits_to_write) {
        ssize_t got = recv(c->fd, c->in + c->have, ROOM - c->have, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) c->is_leaving = 1; /* gone, or a command without end filled the room */
        else c->have += got;
    }
    while (answer(poll, c) && !c->is_leaving) {
        size_t before = c->have;
        work(c);
        if (!c->said && c->have == before) break;
    }
    if (c->is_leaving && !c->said) {
        close(c->fd);
        free(c);
    }
}

static void welcome(int poll, int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *c = malloc(sizeof *c);
        if (!c) fail("malloc");
        memset(c, 0, offsetof(struct client, in)); /* the large rest is never read unwritten */
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch_for(poll, c, EPOLL_CTL_ADD, EPOLLIN);
        counts->connections++;
        say(c, "220 sink.example ESMTP\r\n");
        answer(poll, c);
    }
}

int main(int count, char **arguments) {
    int option;
    for (option = 1; option < count - 1; option++) {
        if (!strcmp(arguments[option], "--chunking")) offers_chunking = 1;
        else if (!strcmp(arguments[option], "--watch")) watch = arguments[++option];
        else break;
    }
    if (option != count - 1) return fputs("sink [--chunking] [--watch TEXT] FILE\n", stderr), 2;
    const char *name = arguments[option];
    int file = open(name, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof *counts)) fail(name);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED) fail("mmap");

    struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    if (bind(listener, (void *)&address, length) || listen(listener, 1024)
        || getsockname(listener, (void *)&address, &length)) fail("listen");
    struct epoll_event events[64] = {{.events = EPOLLIN, .data.ptr = NULL}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, listener, events)) fail("epoll_ctl");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) serve(poll, events[i].data.ptr);
            else welcome(poll, listener);
        }
    }
}
