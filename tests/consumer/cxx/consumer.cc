// SPDX-License-Identifier: BSD-3-Clause
// What consumer.c does, in C++11: objects free what they have, and lambdas are
// callbacks.

#include <asyncfile.h>
#include <event2/event.h>
#include <event2/thread.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

struct Release {
	void operator()(event_base *base) const { event_base_free(base); }
	void operator()(event *event) const { event_free(event); }
	void operator()(af_loop *loop) const { af_loop_free(loop); }
	void operator()(af_pipe *pipeline) const { af_pipe_close(pipeline); }
	void operator()(af_future *future) const { af_future_unref(future); }
};

template <typename T> using Handle = std::unique_ptr<T, Release>;

static Handle<af_future> await(af_future *future)
{
	Handle<af_future> done(future);
	int r = af_await(future);

	if (r != 0)
		throw std::system_error(-r, std::generic_category());
	return done;
}

static std::string output(const Handle<af_future> &done)
{
	const af_output *output = af_future_output(done.get());

	return std::string(output->out, output->out_len);
}

static std::string sort(af_loop *loop, const std::string &text)
{
	const char *const sort[] = { "sort", nullptr };
	const char *const head[] = { "head", "-n", "1", nullptr };
	const char *const *const stages[] = { sort, head, nullptr };
	af_spawn_options streams = {};
	af_communicate_options input = {};

	streams.in.kind = AFIO_PIPE;
	streams.out.kind = AFIO_PIPE;
	Handle<af_pipe> pipeline(af_pipe_spawn(loop, stages, &streams));
	input.input_kind = AFIO_INPUT_MEMORY;
	input.input = text.data();
	input.input_len = text.size();
	return output(await(af_pipe_communicate(pipeline.get(), &input)));
}

struct Callback {
	event_base *base;
	af_loop *loop;
	std::string printed;
};

static std::string wait_in_callback(event_base *base, af_loop *loop)
{
	Callback callback = { base, loop, "" };
	auto on_event = [](evutil_socket_t, short, void *arg) {
		const char *const echo[] = { "echo", "a child in a callback",
					     nullptr };
		auto &callback = *static_cast<Callback *>(arg);

		try {
			callback.printed =
				output(await(af_run(callback.loop, echo,
						    nullptr)));
		} catch (const std::exception &error) {
			std::cerr << "consumer: " << error.what() << '\n';
		}
		event_base_loopbreak(callback.base);
	};
	Handle<event> event(event_new(base, -1, 0, on_event, &callback));
	std::thread thread([&] { event_active(event.get(), EV_READ, 0); });

	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	thread.join();
	return callback.printed;
}

static std::uintptr_t work(af_loop *loop, std::uintptr_t n)
{
	auto add_up = [](void *arg) {
		auto n = reinterpret_cast<std::uintptr_t>(arg);

		return reinterpret_cast<void *>(n * (n + 1) / 2);
	};
	auto sum = await(af_work(loop, add_up, reinterpret_cast<void *>(n),
				 nullptr));

	return reinterpret_cast<std::uintptr_t>(af_future_value(sum.get()));
}

int main()
{
	if (evthread_use_pthreads() != 0)
		return 1;
	try {
		Handle<event_base> base(event_base_new());
		Handle<af_loop> loop(af_loop_new(base.get()));

		std::cout << "pipeline: " << sort(loop.get(), "b\na\nc\n");
		std::cout << "callback: "
			  << wait_in_callback(base.get(), loop.get());
		std::cout << "thread: " << work(loop.get(), 100) << '\n';
	} catch (const std::exception &error) {
		std::cerr << "consumer: " << error.what() << '\n';
		return 1;
	}
	return 0;
}
