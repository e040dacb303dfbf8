// SPDX-License-Identifier: BSD-3-Clause
//
// node.js KIND N SIZE CHILD FILE COPY: does one work as Node's users write it,
// with child_process, streams and readline. Prints the seconds it took.
'use strict';
const assert = require('assert');
const fs = require('fs');
const readline = require('readline');
const tls = require('tls');
const { once } = require('events');
const { pipeline } = require('stream/promises');
const { spawn } = require('child_process');

const [kind, count, length, child, file, copy] = process.argv.slice(2);
const n = Number(count), size = Number(length);

function start(stdin, ...args) {
	return spawn(child, args, { stdio: [stdin, 'pipe', 'inherit'] });
}

// Counts the bytes of a stream; resolves at its end.
async function drain(stream) {
	let got = 0;
	stream.on('data', (chunk) => { got += chunk.length; });
	await once(stream, 'end');
	assert.strictEqual(got, n);
}

const kinds = {
	async 'pipe-in'() {
		await drain(start('ignore', 'lines', n, 1).stdout);
	},

	async 'through-memory'(memory) {
		const cat = start('pipe', 'cat', 0, 0);
		cat.stdin.end(memory);
		await drain(cat.stdout);
	},

	async 'through-file'() {
		const cat = start('pipe', 'cat', 0, 0);
		await Promise.all([
			pipeline(fs.createReadStream(file), cat.stdin),
			drain(cat.stdout),
		]);
	},

	async lines() {
		const input = start('ignore', 'lines', n, size).stdout;
		let seen = 0;
		const reader = readline.createInterface({ input });
		reader.on('line', () => { seen++; });
		await once(reader, 'close');
		assert.strictEqual(seen, n);
	},

	async 'ping-pong'() {
		const echo = start('pipe', 'echo', 0, size);
		const message = Buffer.alloc(size, 'x');
		let left = n, got = 0;
		await once(echo, 'spawn');
		const begin = process.hrtime.bigint();
		echo.stdin.write(message);
		await new Promise((resolve) => {
			echo.stdout.on('data', (chunk) => {
				got += chunk.length;
				if (got < size)
					return;
				got = 0;
				if (--left > 0)
					echo.stdin.write(message);
				else
					resolve();
			});
		});
		const end = process.hrtime.bigint();
		echo.stdin.end();
		await once(echo, 'close');
		return end - begin;
	},

	// Whenever a child has ended, another one is started, n in all.
	async spawn() {
		let left = n;
		async function seat() {
			while (left > 0) {
				left--;
				const child = spawn('/bin/true', [], {
					stdio: ['inherit', 'pipe', 'inherit'],
				});
				child.stdout.resume();
				const [status] = await once(child, 'close');
				assert.strictEqual(status, 0);
			}
		}
		await Promise.all(Array.from({ length: size }, seat));
	},

	async 'file-read'() {
		await drain(fs.createReadStream(file));
	},

	async 'file-copy'() {
		await fs.promises.copyFile(file, copy);
	},

	async 'tls-in'() {
		const server = spawn(child, ['tls', n, 3],
			{ stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
		await drain(tls.connect({
			socket: server.stdio[3],
			rejectUnauthorized: false,
			minVersion: 'TLSv1.3',
		}));
	},
};

async function main() {
	const memory = kind === 'through-memory' ? Buffer.alloc(n, 'x') : null;
	const begin = process.hrtime.bigint();
	const took = await kinds[kind](memory);
	console.log(Number(took ?? process.hrtime.bigint() - begin) / 1e9);
}

main();
