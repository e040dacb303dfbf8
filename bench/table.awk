# SPDX-License-Identifier: BSD-3-Clause
#
# Reads the works and all samples. Writes the medians and their intervals to
# a file, prints them as tables, and says which goals were reached. With -v
# open=1 it prints only the jobs, "WORK CONTENDER", that need more rounds to
# decide a goal.
#
# Ratios are computed within each round. Their interval is the one of the sign
# test, which assumes nothing about the distribution: from the d-th smallest to
# the d-th largest, with the largest d for which the probability that the true
# median is outside is at most 5 %. It takes 6 rounds; with fewer, the interval
# is that of all samples, and no goal counts as reached or missed.

# Sorts a list of numbers. Sets count, mid, low, high; sure if low to high is
# an interval of 95 %.
function summarize(list, parts, i, j, t, d, term, sum)
{
	count = split(list, parts, " ")
	for (i = 2; i <= count; i++)
		for (j = i; j > 1 && parts[j - 1] + 0 > parts[j] + 0; j--) {
			t = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = t
		}
	d = sum = 0
	for (term = 1; 2 * (sum + term) <= 0.05 * 2 ^ count; d++) {
		sum += term
		term *= (count - d) / (d + 1)
	}
	sure = d > 0
	low = parts[d > 0 ? d : 1]
	high = parts[d > 0 ? count - d + 1 : count]
	i = int((count + 1) / 2)
	mid = count % 2 ? parts[i] : (parts[i] + parts[i + 1]) / 2
	return count > 0
}

# The figures of all rounds, or, with a base, their ratios to it.
function collect(where, who, work, from, list, i, at, part, divisor)
{
	if (from != "" && from != "-") {
		split(from, part, ":")
		if (part[1] == "same")
			part[1] = who
	}
	for (i = 1; i <= rounds; i++) {
		at = where SUBSEP i SUBSEP who SUBSEP work
		if (!(at in value))
			continue
		if (from == "" || from == "-") {
			list = list " " value[at]
			continue
		}
		divisor = where SUBSEP i SUBSEP part[1] SUBSEP part[2]
		if (divisor in value)
			list = list " " value[at] / value[divisor]
	}
	return summarize(list)
}

# Sets count, mid, low, high of what decides a goal, and what it is compared
# with; returns the verdict.
function judge(where, work)
{
	against = goal[work] ~ /:/ ? goal[work] : base[work]
	if (goal[work] == "-" || !collect(where, "ours", work, against))
		return ""
	bound = goal[work] ~ /:/ ? 1 : goal[work] + 0
	if (!sure)
		return "uncertain"
	# As printed, with two decimals.
	if (against == "-")
		return high <= bound ? "reached" : \
			low > bound ? "missed" : "uncertain"
	return low >= bound - 0.005 ? "reached" : \
		high < bound - 0.005 ? "missed" : "uncertain"
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

# Right-aligns text, in which the sign is one character but several bytes.
function pad(text, width)
{
	if (index(text, "±"))
		width += length("±") - 1
	return sprintf("%" width "s", text)
}

# The median with half the interval, in percent.
function cell(where, work, who, text)
{
	if (!collect(where, who, work, base[work]))
		return ""
	text = base[work] == "-" ? short(mid) : sprintf("%.2f", mid)
	if (count < 2 || mid == 0 || base[work] == who ":" work)
		return text
	return text sprintf("±%.0f%%", 50 * (high - low) / mid)
}

function table(where, i, j, work, part)
{
	printf "\n%s: medians, ± half the interval; ", where
	print "base is a figure, the others are ratios to it"
	printf "%-20s%14s", "work", "base"
	for (j = 1; j <= contenders; j++)
		printf "%12s", name[j]
	print ""
	for (i = 1; i <= works; i++) {
		work = list[i]
		if (!(work in unit))
			continue
		split(base[work], part, ":")
		printf "%-20s%14s", work,
			(collect(where, part[1], part[2]) ? \
			short(mid) " " : "") unit[work]
		for (j = 1; j <= contenders; j++)
			printf "%s", pad(cell(where, work, name[j]), 12)
		print ""
	}
}

function goals(where, i, work, word)
{
	printf "\nGoals of ours, %s\n%-20s %8s %17s   %-40s %s\n", where,
		"work", "median", "interval", "goal", "verdict"
	for (i = 1; i <= works; i++) {
		work = list[i]
		word = judge(where, work)
		if (word == "")
			continue
		tally[word]++
		if (against == "-")
			printf "%-20s %8s %17s   %-40s %s\n", work, short(mid),
				short(low) " to " short(high),
				"at most " bound " " unit[work], word
		else
			printf "%-20s %8.2f %17s   %-40s %s\n", work, mid,
				sprintf("%.2f to %.2f", low, high),
				sprintf("at least %.2f of %s", bound, against),
				word
	}
	printf "%d reached, %d missed, %d uncertain\n\n", tally["reached"],
		tally["missed"], tally["uncertain"]
}

# One line for each place, work and contender. README.md explains the columns.
function row(where, work, who, line, word)
{
	if (!collect(where, who, work))
		return
	line = where OFS work OFS who OFS count OFS mid OFS low OFS high OFS \
		unit[work] OFS base[work]
	if (base[work] != "-" && collect(where, who, work, base[work]))
		line = line OFS mid OFS low OFS high
	else
		line = line OFS OFS OFS
	line = line OFS goal[work]
	word = who == "ours" && where == place[1] ? judge(where, work) : ""
	if (word != "")
		print line, mid, low, high, word >results
	else
		print line, "", "", "", "" >results
}

# The jobs that decide a goal for which there is no certain verdict yet, and
# whose interval is too wide to leave it at that.
function needed(where, i, work, part)
{
	for (i = 1; i <= works; i++) {
		work = list[i]
		if (judge(where, work) != "uncertain" ||
		    (sure && high - low <= mid * width))
			continue
		job["ours", work]
		split(against, part, ":")
		if (against != "-")
			job[part[1] == "same" ? "ours" : part[1], part[2]]
	}
	for (i in job) {
		split(i, part, SUBSEP)
		print part[2], part[1]
	}
}

BEGIN {
	OFS = "\t"
	contenders = split(order, name, " ")
}

FNR == NR {
	if (NF == 0 || $1 ~ /^#/)
		next
	list[++works] = $1
	base[$1] = $2
	goal[$1] = $3
	next
}

FNR > 1 {
	value[$1, $2, $4, $3] = $5
	unit[$3] = $6
	if ($2 > rounds)
		rounds = $2
	if (!($1 in seen)) {
		seen[$1]
		place[++places] = $1
	}
}

END {
	# The first place is compared with the goals: pinned, if possible.
	if (open) {
		OFS = " "
		needed(place[1])
		exit
	}
	print "where", "work", "contender", "rounds", "median", "low", "high",
		"unit", "base", "ratio", "ratio_low", "ratio_high", "goal",
		"decides", "decides_low", "decides_high", "verdict" >results
	for (p = 1; p <= places; p++) {
		for (i = 1; i <= works; i++)
			for (j = 1; j <= contenders; j++)
				row(place[p], list[i], name[j])
		table(place[p])
	}
	goals(place[1])
}
