/* A distance on loopback: hands TCP on, each octet so much later, in order, as many as come.

   delay FILE PORT

   It listens on a free port of 127.0.0.1, prints it, and connects each client to PORT. FILE holds
   a number of 64 bits, mapped, which may be changed at any time: for so many nanoseconds every
   octet is held on its way, so that a round trip takes twice that. What comes is read at once
   and kept in memory: no window limits what is under way. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 128 * 1024 };

struct piece { /* what was read at once; size zero: the end */
    struct piece *next;
    uint64_t due_ns;
    size_t size, sent;
    char octets[];
};

struct way { /* one direction */
    struct piece *first, **last;
    char has_ended, is_blocked;
};

struct end { /* one socket of a pair; `way` leads from it to its peer */
    int fd;
    uint32_t events;
    struct end *peer;
    struct pair *pair;
    struct way way;
};

struct pair {
    struct pair *next;
    struct end client, server;
    char is_broken;
};

static struct pair *pairs;
static int poll_fd, timer, listener;
static volatile uint64_t *delay_ns;
static struct sockaddr_in target;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int is_passing(int error) {
    return error == EAGAIN || error == EINTR || error == ENOTCONN;
}

/* Waits for octets until they end, and for room only where some is missing. */
static void listen_to(struct end *end) {
    uint32_t events = (end->way.has_ended ? 0 : EPOLLIN) | (end->peer->way.is_blocked ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events, .data.ptr = end};
    if (events == end->events) return;
    end->events = events;
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, end->fd, &event)) fail("epoll_ctl");
}

static void take(struct end *from) {
    static char buffer[MOST];
    ssize_t got = recv(from->fd, buffer, MOST, 0);
    if (got < 0) {
        if (!is_passing(errno)) from->pair->is_broken = 1;
        return;
    }
    struct piece *piece = malloc(sizeof *piece + got);
    if (!piece) fail("malloc");
    piece->next = NULL;
    piece->due_ns = now_ns() + *delay_ns;
    piece->size = got;
    piece->sent = 0;
    memcpy(piece->octets, buffer, got);
    *from->way.last = piece;
    from->way.last = &piece->next;
    from->way.has_ended = !got;
}

/* Sends what is due; returns when the next is, or 0 when nothing waits for its time. */
static uint64_t give(struct end *from, uint64_t now) {
    struct way *way = &from->way;
    while (way->first && !way->is_blocked && !from->pair->is_broken) {
        struct piece *piece = way->first;
        if (piece->due_ns > now) return piece->due_ns;
        if (piece->size) {
            ssize_t sent = send(from->peer->fd, piece->octets + piece->sent,
                                piece->size - piece->sent, MSG_NOSIGNAL);
            if (sent < 0) {
                if (is_passing(errno)) way->is_blocked = 1; /* until EPOLLOUT */
                else from->pair->is_broken = 1;
                return 0;
            }
            piece->sent += sent;
            if (piece->sent < piece->size) continue;
        } else {
            shutdown(from->peer->fd, SHUT_WR);
        }
        way->first = piece->next;
        if (!way->first) way->last = &way->first;
        free(piece);
    }
    return 0;
}

static int is_over(struct pair *pair) {
    return pair->is_broken || (pair->client.way.has_ended && !pair->client.way.first
                               && pair->server.way.has_ended && !pair->server.way.first);
}

static void drop(struct pair *pair) {
    struct end *ends[] = {&pair->client, &pair->server};
    for (int i = 0; i < 2; i++) {
        close(ends[i]->fd);
        for (struct piece *piece = ends[i]->way.first; piece;) {
            struct piece *next = piece->next;
            free(piece);
            piece = next;
        }
    }
    free(pair);
}

static void give_all(void) {
    uint64_t now = now_ns(), next = 0;
    for (struct pair **at = &pairs; *at;) {
        struct pair *pair = *at;
        uint64_t due[] = {give(&pair->client, now), give(&pair->server, now)};
        for (int i = 0; i < 2; i++)
            if (due[i] && (!next || due[i] < next)) next = due[i];
        if (is_over(pair)) {
            *at = pair->next;
            drop(pair);
        } else {
            listen_to(&pair->client);
            listen_to(&pair->server);
            at = &pair->next;
        }
    }
    struct itimerspec when = {{0, 0}, {next / 1000000000, next % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL); /* zero: no alarm */
}

static void add(struct end *end, int fd, struct end *peer, struct pair *pair) {
    int on = 1;
    *end = (struct end){fd, EPOLLIN, peer, pair, {NULL, NULL, 0, 0}};
    end->way.last = &end->way.first;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void welcome(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int onward = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct pair *pair = calloc(1, sizeof *pair);
        if (!pair || onward < 0) fail("a connection");
        connect(onward, (void *)&target, sizeof target); /* a refusal shows when it is read */
        add(&pair->client, fd, &pair->server, pair);
        add(&pair->server, onward, &pair->client, pair);
        pair->next = pairs;
        pairs = pair;
    }
}

int main(int count, char **arguments) {
    if (count != 3) return fputs("delay FILE PORT\n", stderr), 2;
    int file = open(arguments[1], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof *delay_ns)) fail(arguments[1]);
    delay_ns = mmap(NULL, sizeof *delay_ns, PROT_READ, MAP_SHARED, file, 0);
    if (delay_ns == MAP_FAILED) fail("mmap");
    struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
    socklen_t length = sizeof address;
    target = address;
    target.sin_port = htons(atoi(arguments[2]));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (void *)&address, length) || listen(listener, 1024)
        || getsockname(listener, (void *)&address, &length)) fail("listen");
    poll_fd = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event events[64] = {{.events = EPOLLIN, .data.ptr = &listener}};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, events)) fail("epoll_ctl");
    events[0].data.ptr = &timer;
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, events)) fail("epoll_ctl");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            void *what = events[i].data.ptr;
            uint64_t alarms;
            if (what == &listener) {
                welcome();
            } else if (what == &timer) {
                if (read(timer, &alarms, sizeof alarms) < 0 && errno != EAGAIN) fail("timer");
            } else {
                struct end *end = what;
                if (events[i].events & EPOLLOUT) end->peer->way.is_blocked = 0;
                if (events[i].events & ~EPOLLOUT && !end->way.has_ended) take(end);
            }
        }
        give_all(); /* the only place where pairs end, so that no event is of one that has */
    }
}
