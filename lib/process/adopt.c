/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that the program hands over to the library, or gets back from it.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "process/notice.h"
#include "process/process.h"

/* Makes files of the descriptors; each takes its own. */
static int adopt_take(struct af_process *process, const int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] == -1)
			continue;
		process->files[i] = af_file_new(process->loop, fds[i], 0);
		if (!process->files[i])
			return -errno;
	}
	return 0;
}

static void adopt_give_back(struct af_process *process, int ret_fds[3],
			    struct evbuffer *unread[3])
{
	struct af_file **files = process->files;

	/* A terminal that has two places is returned where it is read. */
	if (files[0] == process->pty &&
	    (files[1] == process->pty || files[2] == process->pty))
		files[0] = NULL;
	for (int i = 0; i < 3; i++) {
		ret_fds[i] = -1;
		if (!files[i])
			continue;
		if (files[i] == process->pty)
			process->pty = NULL;
		if (files[i]->finished)
			af_file_close(files[i]);
		else
			ret_fds[i] = af_file_detach(files[i],
						    unread ? unread[i] : NULL);
		files[i] = NULL;
	}
}

struct af_process *af_process_adopt(struct af_loop *loop, pid_t pid, int in_fd,
				    int out_fd, int err_fd)
{
	int fds[3] = { in_fd, out_fd, err_fd };
	struct af_process *process;
	int r;

	if (!loop || pid <= 0 || (in_fd != -1 && in_fd == out_fd) ||
	    (err_fd != -1 && (err_fd == in_fd || err_fd == out_fd))) {
		errno = EINVAL;
		return NULL;
	}
	r = afi_loop_usable(loop);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	process = afi_process_new(loop);
	if (!process)
		return NULL;
	r = afi_exit_adopt(&process->exit, pid);
	if (r == 0)
		r = adopt_take(process, fds);
	if (r == 0)
		return process;
	adopt_give_back(process, fds, NULL);
	afi_exit_release(&process->exit);
	afi_process_discard(process);
	errno = -r;
	return NULL;
}

/*
 * Makes sure that all files can be handed over, with room in unread for what
 * they have read ahead. 0, -ENOMEM or -EBUSY.
 */
static int adopt_prepare_release(const struct af_process *process,
				 struct evbuffer *const unread[3])
{
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		struct af_file *file = process->files[i];

		if (!file)
			continue;
		if (afi_file_is_busy(file))
			return -EBUSY;
		if (!unread || !unread[i] || afi_file_buffered(file) == 0)
			continue;
		/* All in one may go to the same buffer; it may be frozen. */
		n += afi_file_buffered(file);
		if (evbuffer_expand(unread[i], n) < 0 ||
		    evbuffer_add(unread[i], "", 0) < 0)
			return -ENOMEM;
	}
	return 0;
}

int af_process_release(struct af_process *process, pid_t *ret_pid,
		       int ret_fds[3], struct evbuffer *unread[3])
{
	int r = 0;

	if (!process)
		return -EINVAL;
	if (!afi_loop_is_mine(process->loop))
		return -EPERM;
	if (!afi_exit_is_ours(&process->exit))
		return -ESRCH;
	if (ret_fds)
		r = adopt_prepare_release(process, unread);
	if (r < 0)
		return r;
	if (ret_pid)
		*ret_pid = process->exit.pid;
	if (ret_fds)
		adopt_give_back(process, ret_fds, unread);
	afi_process_abandon(process);
	afi_exit_release(&process->exit);
	afi_process_discard(process);
	return 0;
}
