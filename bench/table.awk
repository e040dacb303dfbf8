# SPDX-License-Identifier: BSD-3-Clause
#
# Reads the works, with base and goal of each, and all samples. Writes medians
# to a file, prints them as tables, and lists the goals that were missed.

function median(list, n, parts, i, j, t)
{
	n = split(list, parts, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && parts[j - 1] + 0 > parts[j] + 0; j--) {
			t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t
		}
	least = parts[1]
	most = parts[n]
	return n % 2 ? parts[(n + 1) / 2] : (parts[n / 2] + parts[n / 2 + 1]) / 2
}

# 1234567 as 1.23 M
function short(x)
{
	if (x >= 1e6)
		return sprintf("%.3g M", x / 1e6)
	if (x >= 1e4)
		return sprintf("%.3g k", x / 1e3)
	return sprintf("%.4g", x)
}

function ratio(where, work, who, at)
{
	at = where SUBSEP base[work]
	sub(/:/, SUBSEP, at)
	return at in value ? value[where, who, work] / value[at] : ""
}

function cell(where, work, who)
{
	if (!((where, who, work) in value))
		return ""
	if (base[work] == "-")
		return short(value[where, who, work])
	return sprintf("%.2f", ratio(where, work, who))
}

function verdict(where, work, mine)
{
	if (goal[work] == "-" || !((where, "ours", work) in value))
		return ""
	mine = cell(where, work, "ours")
	if (base[work] == "-")
		mine = value[where, "ours", work]
	else if (mine == "")
		return ""
	if (base[work] == "-" ? mine <= goal[work] + 0 : mine >= goal[work] + 0)
		return "reached"
	missed[++misses] = sprintf("  %-20s %s instead of %s %s", work,
		cell(where, work, "ours"), goal[work],
		base[work] == "-" ? unit[work] : "of " base[work])
	return "MISSED"
}

function table(where, i, j, work, at)
{
	printf "\n%s: the base is an absolute figure, others are ratios\n",
		where
	printf "%-20s %14s", "work", "base"
	for (j = 1; j <= contenders; j++)
		printf " %11s", name[j]
	printf " %7s\n", "goal"
	for (i = 1; i <= works; i++) {
		work = list[i]
		if (!(work in unit))
			continue
		at = where SUBSEP base[work]
		sub(/:/, SUBSEP, at)
		printf "%-20s %14s", work,
			(at in value ? short(value[at]) " " : "") unit[work]
		for (j = 1; j <= contenders; j++)
			printf " %11s", cell(where, work, name[j])
		printf " %7s  %s\n", goal[work],
			where == judged ? verdict(where, work) : ""
	}
}

function behind(where, work, who)
{
	if ((where, who, work) in value && (where, "ours", work) in value &&
	    value[where, who, work] > value[where, "ours", work])
		missed[++misses] = sprintf("  %-20s behind libuv: %s, %s", work,
			cell(where, work, "ours"), cell(where, work, who))
}

BEGIN {
	OFS = "\t"
	contenders = split("raw bufferevent uv uv-sockets glib ours", name, " ")
}

FNR == NR {
	list[++works] = $1
	base[$1] = $2
	goal[$1] = $3
	next
}

FNR > 1 {
	samples[$1, $3, $2] = samples[$1, $3, $2] " " $4
	unit[$2] = $5
	if (!($1 in seen)) {
		seen[$1] = 1
		place[++places] = $1
	}
}

END {
	for (key in samples)
		value[key] = median(samples[key])
	print "where", "work", "contender", "median", "unit", "least", "most",
		"ratio", "goal" >results
	for (p = 1; p <= places; p++)
		for (i = 1; i <= works; i++)
			for (j = 1; j <= contenders; j++) {
				key = place[p] SUBSEP name[j] SUBSEP list[i]
				if (!(key in value))
					continue
				median(samples[key])
				print place[p], list[i], name[j], value[key],
					unit[list[i]], least, most,
					ratio(place[p], list[i], name[j]),
					goal[list[i]] >results
			}
	# The first place is compared with the goals: pinned, if possible.
	judged = place[1]
	for (p = 1; p <= places; p++)
		table(place[p])
	behind(judged, "ping-pong-1", "uv")
	behind(judged, "ping-pong-1k", "uv")
	behind(judged, "many", "uv")
	printf "\n%s (%s)%s\n",
		misses ? "Goals that were missed" : "Every goal was reached",
		judged, misses ? ":" : "."
	for (i = 1; i <= misses; i++)
		print missed[i]
	print ""
}
