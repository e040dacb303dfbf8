/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals: opened without a moment in which another thread's child
 * could inherit one; their size and modes; and the end of their input.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "file/file.h"
#include "process/pty.h"
#include "process/ptypeer.h"

#define PTY_ROWS 24
#define PTY_COLUMNS 80

static int pty_set_size(int master, const struct af_spawn_options *options)
{
	struct winsize size = {
		.ws_row = options->pty_rows ? options->pty_rows : PTY_ROWS,
		.ws_col = options->pty_columns ? options->pty_columns
					       : PTY_COLUMNS,
		.ws_xpixel = options->pty_xpixel,
		.ws_ypixel = options->pty_ypixel,
	};

	return ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

static int pty_set_modes(int tty, const struct af_spawn_options *options)
{
	struct termios modes;
	int r;

	if (!options->pty_modes && !options->pty_flags)
		return 0;
	if (options->pty_modes)
		modes = *options->pty_modes;
	else if (tcgetattr(tty, &modes) < 0)
		return -errno;
	if (options->pty_flags & AFIO_PTY_RAW)
		cfmakeraw(&modes);
	if (options->pty_flags & AFIO_PTY_NO_ECHO)
		modes.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	do
		r = tcsetattr(tty, TCSANOW, &modes);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int afi_pty_open(int *ret_master, int *ret_tty,
		 const struct af_spawn_options *options, const uid_t *uid)
{
	int master = afi_ptypeer_open_master(), tty = -1, r;

	/* For a system that has no more, POSIX says EAGAIN, and Linux ENOSPC. */
	if (master < 0)
		return master == -EAGAIN ? -ENOSPC : master;
	r = tty = afi_ptypeer_open_tty(master);
	/* Some systems have no size before the terminal is open. */
	if (r >= 0)
		r = pty_set_size(master, options);
	if (r == 0)
		r = pty_set_modes(tty, options);
	if (r == 0 && uid && fchown(tty, *uid, (gid_t)-1) < 0)
		r = -errno;
	if (r < 0) {
		if (tty >= 0)
			close(tty);
		close(master);
		return r;
	}
	*ret_master = master;
	*ret_tty = tty;
	return 0;
}

int afi_pty_resize(const struct af_file *master, unsigned rows,
		   unsigned columns, unsigned xpixel, unsigned ypixel)
{
	struct winsize size = { .ws_row = (unsigned short)rows,
				.ws_col = (unsigned short)columns,
				.ws_xpixel = (unsigned short)xpixel,
				.ws_ypixel = (unsigned short)ypixel };

	if (rows < 1 || rows > USHRT_MAX || columns < 1 ||
	    columns > USHRT_MAX || xpixel > USHRT_MAX || ypixel > USHRT_MAX)
		return -EINVAL;
	return ioctl(master->fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int afi_pty_name(const struct af_file *master, char *buf, size_t len)
{
	return afi_ptypeer_name(master->fd, buf, len);
}

int afi_pty_end_input(struct af_file *master)
{
	struct termios mode;
	struct af_future *f;
	char end[2];
	int r;

	if (tcgetattr(master->fd, &mode) < 0)
		return -errno;
	if (mode.c_cc[VEOF] == _POSIX_VDISABLE)
		return 0;
	end[0] = end[1] = (char)mode.c_cc[VEOF];
	f = af_file_write(master, end, sizeof(end), AFIO_FULL, NULL);
	r = af_future_error(f);
	af_future_unref(f);
	/* EPIPE: the terminal has hung up, and nobody can read there again. */
	return r == -EINPROGRESS || r == -EPIPE ? 0 : r;
}
