/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The search box. The index is a script, which a page from file:// may load, too,
 * and is loaded when it is needed first. A section is found if it has all words;
 * those with the words in their heading come first.
 */
(function () {
	"use strict";

	var top = document.currentScript.getAttribute("data-top");
	var form = document.getElementById("search");
	var input = form.querySelector("input");
	var list = form.querySelector("ol");
	var sections = null;
	var asked = false;

	function rank(section, words) {
		var heading = section[0].toLowerCase();
		var text = section[2].toLowerCase();
		var sum = 0;
		var all = words.every(function (word) {
			var at = heading.indexOf(word);

			if (at === 0 || heading.endsWith(": " + word))
				sum += 8;
			else if (at > 0)
				sum += 4;
			else
				at = text.indexOf(word);
			return at >= 0;
		});

		return all ? 1 + sum : 0;
	}

	function excerpt(text, word) {
		var at = Math.max(0, text.toLowerCase().indexOf(word) - 40);

		return (at > 0 ? "… " : "") + text.substr(at, 160) + " …";
	}

	function item(section, word) {
		var li = document.createElement("li");
		var a = document.createElement("a");
		var p = document.createElement("p");

		a.href = top + section[1];
		a.textContent = section[0];
		p.textContent = excerpt(section[2], word);
		li.append(a, p);
		return li;
	}

	function show() {
		var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		var found = !sections || !words.length ? [] :
			sections.map(function (section) {
				return [rank(section, words), section];
			}).filter(function (pair) {
				return pair[0] > 0;
			}).sort(function (a, b) {
				return b[0] - a[0];
			});

		list.replaceChildren.apply(list, found.slice(0, 20).map(
			function (pair) { return item(pair[1], words[0]); }));
		if (sections && words.length && !found.length) {
			var li = document.createElement("li");

			li.textContent = "Nothing has all of these words.";
			list.append(li);
		}
		list.hidden = !words.length;
	}

	function load() {
		var script = document.createElement("script");

		if (asked)
			return;
		asked = true;
		script.src = top + "search-index.js";
		document.head.append(script);
	}

	window.searchIndex = function (index) {
		sections = index;
		show();
	};

	input.addEventListener("focus", load);
	input.addEventListener("input", function () {
		load();
		show();
	});
	form.addEventListener("submit", function (event) {
		var first = list.querySelector("a");

		event.preventDefault();
		if (first)
			window.location = first.href;
	});
	form.addEventListener("keydown", function (event) {
		if (event.key === "Escape") {
			input.value = "";
			show();
		}
	});
	document.addEventListener("keydown", function (event) {
		if (event.key === "/" && event.target === document.body) {
			event.preventDefault();
			input.focus();
		}
	});
}());
