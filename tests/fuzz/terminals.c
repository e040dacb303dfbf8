/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Terminals: any bytes both ways between a master and its terminal, in modes
 * that change, up to a hangup of one side. A model of the line discipline says
 * which bytes arrive, and where the terminal has its end of file. Some of the
 * terminals are those of a child.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "fuzz/children.h"
#include "fuzz/discipline.h"

#define MAX_LINE 2000
#define MAX_WRITES 8

static struct af_file *master, *tty;
static int tty_fd;		   /* another one of the terminal, to ask it */
static struct af_process *process; /* of whose the terminal is; or NULL */
static struct af_future *writes[MAX_WRITES];
static unsigned n_writes;
static struct input *program;

static struct way *way_to(const struct af_file *file)
{
	return file == tty ? &to_tty : &to_master;
}

static void check_bytes(struct way *way, struct af_future *f)
{
	size_t len = 0;
	const char *data = af_future_data(f, &len);

	must(data && data[len] == '\0' && len <= there(way));
	must(memcmp(data, way->bytes + way->pos, len) == 0);
	way->pos += len;
}

/* The terminal's end of file stays one, until it is cleared. */
static void pass_end(struct af_file *file, struct way *way)
{
	struct af_future *f;

	for (int i = 0; i < 2; i++) {
		f = af_file_read(file, 1 + take_byte(program), 0, NULL);
		must(await_soon(f) == 0 && af_future_count(f) == 0);
		must(af_future_flags(f) == AFIO_EOF);
		af_future_unref(f);
	}
	way->ended++;
	must(af_file_clear_eof(file) == 0);
}

/* One read that is done soon, as there is something for it. */
static void read_some(struct af_file *file)
{
	struct way *way = way_to(file);
	size_t n, size;
	unsigned how, flags;
	struct af_future *f;
	const char *end;

	if (at_end(way)) {
		pass_end(file, way);
		return;
	}
	n = there(way);
	how = take_below(program, 4);
	size = 1 + take_byte(program) * (how & 1 ? 50u : 1u);
	flags = how < 2 && size <= n ? AFIO_FULL : 0;
	if (n == 0) {
		f = af_file_read(file, size, 0, &at_once);
		must(await_soon(f) == -ETIMEDOUT);
	} else if (how == 3) {
		size = size < n ? size : n;
		f = af_file_readline(file, size, 0, 0, NULL);
		end = memchr(way->bytes + way->pos, '\n', size);
		must(await_soon(f) == 0);
		must(af_future_count(f) ==
		     (end ? (size_t)(end + 1 - way->bytes) - way->pos : size));
		check_bytes(way, f);
	} else {
		f = af_file_read(file, size, flags, NULL);
		must(await_soon(f) == 0 && af_future_count(f) > 0);
		must(!flags || af_future_count(f) == size);
		check_bytes(way, f);
	}
	af_future_unref(f);
}

/* All that has been written has arrived, and is read; but not half a line. */
static void drain(void)
{
	struct af_file *files[] = { master, tty };

	for (int i = 0; i < 2; i++)
		while (there(way_to(files[i])) || at_end(way_to(files[i])))
			read_some(files[i]);
	for (unsigned i = 0; i < n_writes; i++) {
		must(await_soon(writes[i]) == 0);
		af_future_unref(writes[i]);
	}
	n_writes = 0;
	forget(&to_master);
	if (line == 0)
		forget(&to_tty);
}

/* With an echo, what the terminal writes has its place between the echoes. */
static void make_room(size_t len)
{
	bool whole = modes.c_lflag & ICANON;

	if (modes.c_lflag & ECHO || n_writes == MAX_WRITES ||
	    to_tty.len - to_tty.pos + len > (whole ? MAX_LINE : MAX_BYTES) ||
	    to_master.len + 2 * len > MAX_BYTES || to_tty.n_ends > 0)
		drain();
}

static void write_some(struct af_file *file, const char *bytes, size_t len)
{
	make_room(len);
	if (modes.c_lflag & ICANON && line + len > MAX_LINE)
		return;
	for (size_t i = 0; i < len; i++)
		file == master ? put_in(bytes[i]) : put_out(bytes[i]);
	writes[n_writes] = af_file_write(file, bytes, len, AFIO_FULL, NULL);
	must(writes[n_writes++]);
}

static void write_short(struct af_file *file)
{
	size_t len = 1 + take_below(program, 20);
	const uint8_t *bytes = take_bytes(program, len, &len);

	if (to_tty.n_ends + len < MAX_ENDS)
		write_some(file, (const char *)bytes, len);
}

/* More than a terminal holds, so that the rest of it waits; or is dropped. */
static void write_long(struct af_file *file)
{
	static char bytes[40000];
	size_t len = 1 + take_byte(program) * 150u, start;
	struct way *way = file == master ? &to_tty : &to_master;
	struct af_future *f;

	if (modes.c_lflag & (ICANON | ECHO) || modes.c_oflag & OPOST ||
	    modes.c_iflag)
		return;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + len);
	make_room(len);
	start = way->len;
	write_some(file, bytes, len);
	if (take_byte(program) < 200)
		return;
	f = writes[--n_writes];
	af_future_cancel(f);
	must(af_future_is_done(f) && af_future_count(f) <= len);
	way->len = start + af_future_count(f);
	af_future_unref(f);
}

static void set_modes(void)
{
	unsigned which = take_byte(program);

	drain();
	if (line > 0)
		return;
	must(tcgetattr(tty_fd, &modes) == 0);
	modes.c_iflag = (which & 1 ? ICRNL : 0u) | (which & 2 ? INLCR : 0u) |
			(which & 4 ? IGNCR : 0u) | (which & 8 ? ISTRIP : 0u);
	modes.c_oflag = which & 16 ? OPOST | (which & 32 ? ONLCR : 0u) : 0u;
	modes.c_lflag = (which & 64 ? ICANON : 0u) | (which & 128 ? ECHO : 0u);
	memset(modes.c_cc, _POSIX_VDISABLE, sizeof(modes.c_cc));
	modes.c_cc[VEOF] = CTRL_D;
	/* VMIN is VEOF on some systems. */
	if (!(modes.c_lflag & ICANON))
		modes.c_cc[VMIN] = 1;
	must(tcsetattr(tty_fd, TCSANOW, &modes) == 0);
}

/* The size is what was set last, for who has the terminal. */
static void resize(void)
{
	int rows = take_int(program), columns = take_int(program), r;
	struct winsize before, after;

	must(ioctl(tty_fd, TIOCGWINSZ, &before) == 0);
	if (!process)
		return;
	r = af_process_resize(process, (unsigned)rows, (unsigned)columns);
	must(ioctl(tty_fd, TIOCGWINSZ, &after) == 0);
	if (rows < 1 || rows > 65535 || columns < 1 || columns > 65535) {
		must(r == -EINVAL);
		must(memcmp(&before, &after, sizeof(after)) == 0);
	} else {
		must(r == 0 && after.ws_row == rows);
		must(after.ws_col == columns && after.ws_xpixel == 0);
	}
}

/* As if ^D were typed, twice. */
static void end_input(void)
{
	if (!process)
		return;
	drain();
	/* Only once. */
	for (int i = 0; af_process_stdin(process) && i < 2; i++)
		put_in(CTRL_D);
	must(af_process_close_stdin(process) == 0);
	must(!af_process_stdin(process));
}

static int open_tty(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	must(fd >= 0);
	tty_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	must(tty_fd >= 0);
	return fd;
}

/* Of a child that does nothing; its modes and size are those asked for. */
static void start_child(unsigned flags)
{
	struct af_spawn_options o = {
		.in.kind = AFIO_PTY,
		.out.kind = AFIO_PTY,
		.err.kind = AFIO_PTY,
		.pty_rows = (unsigned short)take_int(program),
		.pty_columns = (unsigned short)take_int(program),
		.pty_flags = flags & 3,
		.kill_on_free = flags & 4,
	};
	struct winsize size;
	char name[64];

	process = af_spawn(loop, HELPER("pause"), &o);
	must(process);
	master = af_process_stdout(process);
	must(master && master == af_process_stdin(process));
	must(af_process_pty_name(process, name, 3) == -ERANGE);
	must(af_process_pty_name(process, name, sizeof(name)) == 0);
	tty = af_file_new(loop, open_tty(name), 0);
	must(ioctl(tty_fd, TIOCGWINSZ, &size) == 0);
	must(size.ws_row == (o.pty_rows ? o.pty_rows : 24));
	must(size.ws_col == (o.pty_columns ? o.pty_columns : 80));
	must(tcgetattr(tty_fd, &modes) == 0);
	must(!!(modes.c_lflag & ECHO) == !o.pty_flags);
	must(!!(modes.c_lflag & ICANON) == !(flags & AFIO_PTY_RAW));
}

static void start_alone(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	must(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	tty = af_file_new(loop, open_tty(ptsname(fd)), 0);
	master = af_file_new(loop, fd, 0);
	must(master);
}

static void start(void)
{
	unsigned flags = take_byte(program);

	process = NULL;
	line = 0;
	forget(&to_tty);
	forget(&to_master);
	if (flags < 64)
		start_child(flags);
	else
		start_alone();
	must(tty);
	set_modes();
}

static void close_tty(void)
{
	must(af_file_close(tty) == 0);
	close(tty_fd);
}

static void close_master(void)
{
	if (process)
		af_process_free(process);
	else
		must(af_file_close(master) == 0);
}

/* The master reads what the terminal has written, and then its end. */
static void leave_tty(void)
{
	struct af_future *left = af_file_hangup(master), *f;

	if (process) {
		f = af_process_stop(process, &at_once);
		must(await_soon(f) == 0);
		af_future_unref(f);
	}
	must(!af_future_is_done(left));
	close_tty();
	f = af_file_read(master, 0, 0, NULL);
	must(await_soon(f) == 0 && af_future_flags(f) == AFIO_EOF);
	must(af_future_count(f) == to_master.len - to_master.pos);
	check_bytes(&to_master, f);
	af_future_unref(f);
	must(await_soon(left) == 0);
	af_future_unref(left);
	close_master();
}

/* What the terminal has not read yet may be lost; then it has its end. */
static void leave_master(void)
{
	struct af_future *left = af_file_hangup(tty), *f;

	turn();
	must(!af_future_is_done(left));
	close_master();
	f = af_file_read(tty, 0, 0, NULL);
	must(await_soon(f) == 0 && af_future_flags(f) == AFIO_EOF);
	check_bytes(&to_tty, f);
	af_future_unref(f);
	/* A child that was just started may have the master a moment longer. */
	must(await_soon(left) == 0);
	af_future_unref(left);
	f = af_file_write(tty, "x", 1, 0, NULL);
	must(await_soon(f) == -EPIPE);
	af_future_unref(f);
	close_tty();
}

static void act(void)
{
	unsigned what = take_below(program, 12);

	if (what < 5)
		write_short(what & 1 ? tty : master);
	else if (what == 5)
		write_long(take_byte(program) & 1 ? tty : master);
	else if (what < 9)
		read_some(what & 1 ? tty : master);
	else if (what == 9)
		set_modes();
	else if (what == 10)
		resize();
	else
		end_input();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned end = take_byte(&in);
	static int lowest;

	if (!loop) {
		need_children();
		lowest = lowest_fd();
	}
	program = &in;
	start();
	for (int n = 0; in.left > 0 && n < 100; n++)
		act();
	/* What is closed has no echo any more. */
	if (end & 4 || modes.c_lflag & ECHO)
		drain();
	/* What is still to be written is of the side that stays, or of none. */
	for (; n_writes > 0; n_writes--) {
		if (end & 3)
			drain();
		if (n_writes == 0)
			break;
		af_future_cancel(writes[n_writes - 1]);
		af_future_unref(writes[n_writes - 1]);
	}
	if ((end & 3) == 1)
		leave_tty();
	else if ((end & 3) == 2)
		leave_master();
	else {
		close_tty();
		close_master();
	}
	expect_nothing_left(lowest);
	return 0;
}
