// SPDX-License-Identifier: BSD-3-Clause
//
// Uses the page of samples/runweb as a person would: node tests/runweb.js URL,
// with the pipelines of tests/runweb.sh. CHROMIUM is the browser. With SHOTS, a
// folder, pictures are left there.
"use strict";

const assert = require("assert");
const { chromium } = require("playwright-core");

const url = process.argv[2];

async function shot(page, name) {
	if (process.env.SHOTS)
		await page.screenshot({ path: process.env.SHOTS + "/" + name });
}

// By the keyboard alone.
async function run(page, name) {
	await page.getByLabel("Pipeline").focus();
	await page.getByLabel("Pipeline").selectOption(name);
	await page.keyboard.press("Tab");
	await page.keyboard.press("Enter");
	await page.getByRole("heading", { name: ": " + name }).waitFor();
}

async function said(page, text) {
	await page.getByRole("log").getByText(text, { exact: true }).waitFor();
}

async function state(page, text) {
	await page.getByRole("status").filter({ hasText: text }).waitFor();
}

async function use(page) {
	const problems = [];

	page.on("pageerror", (error) => problems.push(String(error)));
	page.on("console", (m) => {
		if (m.type() === "error" && !m.text().includes("favicon"))
			problems.push(m.text());
	});
	await page.goto(url);

	await run(page, "count");
	await said(page, "n 3");
	await state(page, "exit status 0");
	assert.strictEqual(await page.getByLabel("Stages")
		.getByRole("listitem").count(), 2);

	// A reload shows the same run, from its beginning.
	await page.reload();
	await said(page, "n 1");
	await state(page, "exit status 0");

	// Markup of a child is text.
	await run(page, "both");
	await said(page, "err");
	await shot(page, "both.png");

	await run(page, "waits");
	await said(page, "begun");
	await page.reload();
	await said(page, "begun");
	await state(page, "running");
	await shot(page, "waits.png");
	await page.getByRole("button", { name: "Stop" }).click();
	await state(page, "it was stopped");

	await run(page, "much");
	await said(page, "100000");
	await page.getByText("lines are not shown").waitFor();
	await run(page, "missing").catch(() => {});
	await page.getByRole("alert").filter({ hasText: "No such file" })
		.waitFor();
	assert.deepStrictEqual(problems.filter((p) => !p.includes("500")), []);
}

(async () => {
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM,
		args: ["--no-sandbox"],
	});

	try {
		for (const colorScheme of ["light", "dark"]) {
			const page = await browser.newPage({ colorScheme });

			page.setDefaultTimeout(60000);
			await use(page);
			await shot(page, colorScheme + ".png");
			await page.close();
		}
	} finally {
		await browser.close();
	}
})().catch((error) => {
	console.error(error);
	process.exitCode = 1;
});
