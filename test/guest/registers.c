/*
 * Loaded before Debian's user-mode-linux, where the processor has tile registers (AMX). Linux takes a process's
 * extended registers from a tracer only as a whole, which is 11 KB there; user-mode-linux 6.1 knows 2.7 KB of
 * them, is refused, and loses its first process. Here the rest is added: zero, since nothing in a guest uses tiles.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* Static: the stack on which user-mode-linux calls is small. It calls from one thread. */
static char whole[1 << 16];
static size_t whole_size;

long ptrace(enum __ptrace_request request, ...)
{
	static long (*next)(enum __ptrace_request, int, void *, void *);
	va_list rest;

	va_start(rest, request);
	int pid = va_arg(rest, int);
	void *address = va_arg(rest, void *);
	void *data = va_arg(rest, void *);
	va_end(rest);
	if (next == NULL)
		next = dlsym(RTLD_NEXT, "ptrace");
	if (request != PTRACE_SETREGSET || (int)(long)address != NT_X86_XSTATE)
		return next(request, pid, address, data);

	const struct iovec *given = data;
	if (whole_size == 0) {
		struct iovec all = { whole, sizeof whole };
		long failed = next(PTRACE_GETREGSET, pid, address, &all);
		if (failed)
			return failed;
		whole_size = all.iov_len;
		memset(whole, 0, whole_size);
	}
	if (given->iov_len >= whole_size)
		return next(request, pid, address, data);
	memcpy(whole, given->iov_base, given->iov_len);
	struct iovec filled = { whole, whole_size };
	return next(PTRACE_SETREGSET, pid, address, &filled);
}
