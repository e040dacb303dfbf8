/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boost.Process with Boost.Asio, as in their manuals: asynchronous pipes,
 * streambufs, completion handlers.
 */
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio.hpp>
#include <boost/process.hpp>
#ifdef WITH_TLS
#include <boost/asio/ssl.hpp>
#endif

#include "bench.h"

namespace asio = boost::asio;
namespace bp = boost::process;
using boost::system::error_code;
using socket_type = asio::local::stream_protocol::socket;

static thread_local char block[BENCH_BLOCK];

static void check(const error_code &error, const char *what)
{
	if (!error)
		return;
	errno = error.value();
	bench_die(what);
}

static std::vector<std::string> arguments(const char *mode, size_t n,
					  size_t size)
{
	std::vector<std::string> words;

	for (char **word = bench_argv(mode, n, size); *word; word++)
		words.push_back(*word);
	return words;
}

/* Reads to the end of a stream. */
template <class Stream> struct reader {
	Stream &from;
	size_t got = 0;

	explicit reader(Stream &stream) : from(stream)
	{
		read();
	}

	void read()
	{
		from.async_read_some(asio::buffer(block),
				     [this](error_code error, size_t n) {
					     got += n;
					     if (!error)
						     read();
				     });
	}
};

static double pipe_in(size_t n, size_t)
{
	double start = bench_now();
	asio::io_context io;
	bp::async_pipe out(io);
	bp::child child(bp::args = arguments("lines", n, 1), bp::std_out > out);
	reader<bp::async_pipe> all(out);

	io.run();
	child.wait();
	bench_expect("bytes", all.got, n);
	return bench_now() - start;
}

static double through_memory(size_t n, size_t)
{
	char *memory = bench_bytes(n);
	double start = bench_now();
	asio::io_context io;
	bp::async_pipe in(io), out(io);
	bp::child cat(bp::args = arguments("cat", 0, 0),
		      bp::std_in<in, bp::std_out> out);
	reader<bp::async_pipe> all(out);

	asio::async_write(in, asio::buffer(memory, n),
			  [&](error_code error, size_t) {
				  check(error, "write");
				  in.close();
			  });
	io.run();
	cat.wait();
	bench_expect("bytes", all.got, n);
	return bench_now() - start;
}

/* One operation for each line, which is copied out of the buffer. */
struct line_reader {
	bp::async_pipe &from;
	asio::streambuf buffer;
	std::string line;
	struct bench_count count = {};

	explicit line_reader(bp::async_pipe &pipe) : from(pipe)
	{
		read();
	}

	void read()
	{
		asio::async_read_until(
			from, buffer, '\n', [this](error_code error, size_t) {
				if (error)
					return;
				std::istream stream(&buffer);

				std::getline(stream, line);
				bench_line(line.data(), line.size(), &count);
				read();
			});
	}
};

static double lines(size_t n, size_t size)
{
	double start = bench_now();
	asio::io_context io;
	bp::async_pipe out(io);
	bp::child child(bp::args = arguments("lines", n, size),
			bp::std_out > out);
	line_reader all(out);

	io.run();
	child.wait();
	bench_expect("lines", all.count.lines, n);
	return bench_now() - start;
}

/* Messages to a child and back. */
template <class Stream> struct game {
	asio::io_context &io;
	Stream &in, &out;
	size_t size;
	size_t &left;
	char message[1024];

	void ping()
	{
		asio::async_write(in, asio::buffer(block, size),
				  [](error_code error, size_t) {
					  check(error, "write");
				  });
		asio::async_read(out, asio::buffer(message, size),
				 [this](error_code error, size_t) {
					 check(error, "read");
					 if (left == 0)
						 return;
					 if (--left == 0)
						 io.stop();
					 else
						 ping();
				 });
	}
};

static double ping_pong(size_t n, size_t size)
{
	asio::io_context io;
	bp::async_pipe in(io), out(io);
	bp::child child(bp::args = arguments("echo", 0, size),
			bp::std_in<in, bp::std_out> out);
	game<bp::async_pipe> game{ io, in, out, size, n, {} };
	double start = bench_now(), took;

	game.ping();
	io.run();
	took = bench_now() - start;
	in.close();
	child.wait();
	return took;
}

/* Whenever a child has ended, another one is started, n in all. */
struct seat {
	asio::io_context &io;
	size_t &to_start;
	std::unique_ptr<bp::async_pipe> out;
	bp::child child;
	char byte;
	int ends;

	void start()
	{
		if (to_start == 0)
			return;
		to_start--;
		ends = 0;
		out = std::make_unique<bp::async_pipe>(io);
		child = bp::child(
			io, bench_true[0], bp::std_out > *out,
			bp::on_exit = [this](int status, std::error_code) {
				bench_expect("status of the child",
					     (size_t)status, 0);
				end();
			});
		out->async_read_some(asio::buffer(&byte, 1),
				     [this](error_code, size_t n) {
					     bench_expect("bytes", n, 0);
					     end();
				     });
	}

	/* Called twice: for the process and for its output. */
	void end()
	{
		if (++ends == 2)
			asio::post(io, [this] { start(); });
	}
};

static double spawn(size_t n, size_t at_once)
{
	double start = bench_now();
	asio::io_context io;
	std::vector<std::unique_ptr<seat>> seats;

	for (size_t i = 0; i < at_once; i++) {
		seats.emplace_back(new seat{ io, n, {}, {}, 0, 0 });
		seats.back()->start();
	}
	io.run();
	bench_expect("children to start", n, 0);
	return bench_now() - start;
}

static void echo(int *fds, size_t pairs, size_t n)
{
	asio::io_context io(1);
	std::vector<socket_type> sockets;
	std::vector<game<socket_type>> games;

	sockets.reserve(pairs);
	games.reserve(pairs);
	for (size_t i = 0; i < pairs; i++) {
		sockets.emplace_back(io, asio::local::stream_protocol(),
				     fds[i]);
		games.push_back(
			{ io, sockets[i], sockets[i], BENCH_MESSAGE, n, {} });
		games[i].ping();
	}
	io.run();
	bench_expect("echoes left", n, 0);
}

static double many(size_t n, size_t pairs)
{
	struct bench_child child;
	int *fds = bench_pairs(pairs, &child);
	double start = bench_now();

	echo(fds, pairs, n);
	return bench_now() - start;
}

static double threads(size_t n, size_t threads)
{
	return bench_threads(n, threads, echo);
}

static asio::io_context *posts_to;

static void post_one()
{
	asio::post(*posts_to, [] {
		if (bench_posted())
			posts_to->stop();
	});
}

static void run_posts()
{
	auto guard = asio::make_work_guard(*posts_to);

	posts_to->run();
}

double post_time(size_t n, size_t cores)
{
	posts_to = new asio::io_context;
	return bench_post(n, cores, post_one, run_posts).seconds;
}

static double idle(size_t, size_t files)
{
	int *fds = bench_silent(files);
	asio::io_context io;
	std::vector<std::unique_ptr<asio::posix::stream_descriptor>> all;
	double before;

	io.poll();
	before = bench_memory();
	for (size_t i = 0; i < files; i++) {
		all.emplace_back(
			new asio::posix::stream_descriptor(io, fds[i]));
		all[i]->async_read_some(asio::buffer(block),
					[](error_code, size_t) {});
	}
	io.poll();
	return (bench_memory() - before) / (double)files;
}

#ifdef WITH_TLS
double tls_in(size_t n, size_t)
{
	double start = bench_now();
	struct bench_child child;
	asio::io_context io;
	asio::ssl::context context(asio::ssl::context::tlsv13_client);

	bench_spawn_on_socket(&child, bench_argv("tls", n, 0));
	asio::ssl::stream<socket_type> stream(
		socket_type(io, asio::local::stream_protocol(), child.out),
		context);
	std::unique_ptr<reader<asio::ssl::stream<socket_type>>> all;

	stream.async_handshake(
		asio::ssl::stream_base::client, [&](error_code error) {
			check(error, "handshake");
			all.reset(new reader<decltype(stream)>(stream));
		});
	io.run();
	bench_reap(&child);
	bench_expect("bytes", all->got, n);
	return bench_now() - start;
}
#endif

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "lines", lines, 4 },
		{ "ping-pong", ping_pong, 0 },
		{ "spawn", spawn, 0 },
		{ "many", many, 0 },
		{ "threads", threads, 0 },
		{ "post", post_time, 0 },
		{ "idle", idle, 0 },
#ifdef WITH_TLS
		{ "tls-in", tls_in, 0 },
#endif
		{ nullptr, nullptr, 0 },
	};

	return bench_main(argc, argv, kinds);
}
