# SPDX-License-Identifier: MIT
"""Seeded generator of human-written English dates, and the held-out split.

    python dates_data.py                  writes heldout.tsv (2,000 lines)
    python dates_data.py --show 40        prints training samples

The calendar days of heldout.tsv and of handwritten.tsv are never used in
training, in any spelling.
"""
import argparse
import datetime
import functools
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
SPLIT_SEED = 19980303
HELDOUT_SEED = 20240229
HELDOUT = 2000
FIRST = datetime.date(1900, 1, 1).toordinal()
LAST = datetime.date(2099, 12, 31).toordinal()
PIVOT_FIRST = datetime.date(1950, 1, 1).toordinal()   # two-digit years
PIVOT_LAST = datetime.date(2049, 12, 31).toordinal()
MAX_SOURCE = 64           # positions, including </s>

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
PAD, BOS, EOS, UNK = range(4)
CHARS = (" 0123456789abcdefghijklmnopqrstuvwxyz"
         ",./-'\u2019:;()\u2013_\"!?&")
VOCAB = {t: i for i, t in enumerate(SPECIAL + list(CHARS))}
TOKENS = SPECIAL + list(CHARS)

MONTHS = ["January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December"]
ABBR = [["Jan"], ["Feb"], ["Mar"], ["Apr"], ["May"], ["Jun"], ["Jul"],
        ["Aug"], ["Sep", "Sept"], ["Oct"], ["Nov"], ["Dec"]]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
        "Sunday"]
DAYABBR = [["Mon"], ["Tue", "Tues"], ["Wed", "Weds"], ["Thu", "Thur", "Thurs"],
           ["Fri"], ["Sat"], ["Sun"]]
ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight",
        "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
        "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy",
        "eighty", "ninety"]
ORDINALS = ["", "first", "second", "third", "fourth", "fifth", "sixth",
            "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
            "thirteenth", "fourteenth", "fifteenth", "sixteenth",
            "seventeenth", "eighteenth", "nineteenth", "twentieth"]
MISSPELT = {"eighth": ["eigth", "eighht"], "ninth": ["nineth"],
            "twelfth": ["twelth", "twelvth"], "fourth": ["forth"],
            "fifth": ["fith"], "twentieth": ["twentyth"],
            "thirtieth": ["thirtyth"], "fourteenth": ["forteenth"]}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ODD = "\u00e9\u00b7*#@~\t\n\u2014\u00a0\u2605+|[]\u00ba%=$^\u4e00\U0001f4c5"

PREFIXES = ["on ", "on the ", "the ", "date: ", "Date: ", "date ", "dated ",
            "Date : ", "date - ", "day: ", "born ", "born on ", "born on the ",
            "b. ", "died ", "dob: ", "DOB ", "by ", "by the ", "due ",
            "due: ", "due by ", "since ", "until ", "till ", "from ", "as of ",
            "it was ", "signed ", "published ", "issued ", "posted ",
            "updated ", "in ", "of ", "for ", "to ", "at ", "started ", "ends ",
            "before ", "after ", "around ", "release date: ", "today is ",
            "this day, ", "- ", "\"", "(", ": ", "london, ", "we met on ",
            "the date is ", "see you on ", "held on ", "meeting "]
WORDS = ("a an and are at be been before birthday by came card closed day deadline "
         "delivered due easter edition ended ends entered event exam expires filed "
         "for founded from gig good he her his holiday i in is it its last "
         "left letter licence made married memo my new next no note of on opened "
         "our paid party payment received registered release renewed returned "
         "sale sent she show since sold start still that their then there this "
         "ticket to today took train trip until up valid version visit was we "
         "wedding week when wrote yes you your").split()
SUFFIXES = [".", "!", "?", ",", ";", "\"", ")", " AD", " ce", " a.d.", " -",
            " please", ":", " ok"]


def distance(a, b):
    """Edit distance with transpositions."""
    d = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)]
         for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1,
                          d[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1)
    return d[-1][-1]


def one_typo(rng, word):
    """One letter dropped, doubled, replaced, inserted or swapped."""
    k = rng.random()
    n = len(word)
    if k < 0.32:
        i = rng.randrange(1, n)
        return word[:i] + word[i + 1:]
    if k < 0.58:
        i = rng.randrange(n - 1)
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if k < 0.72:
        i = rng.randrange(n)
        return word[:i] + word[i] + word[i:]
    i = rng.randrange(n)
    if k < 0.88:
        return word[:i] + rng.choice(LETTERS) + word[i + 1:]
    return word[:i] + rng.choice(LETTERS) + word[i:]


@functools.lru_cache(maxsize=None)
def month_of(text):
    """The month whose name is nearest, None when two are as near."""
    best = sorted((min(distance(text, x.lower()) for x in [MONTHS[m]] + ABBR[m]), m)
                  for m in range(12))
    return best[0][1] if best[0][0] < best[1][0] else None


def typo_month(rng, m):
    if m == 4:
        return MONTHS[m]
    for _ in range(20):
        t = one_typo(rng, MONTHS[m].lower())
        if month_of(t) == m:
            return t.capitalize()
    return MONTHS[m]


def suffix(n):
    if 10 < n < 14:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def two_digit_words(n, rng):
    if n < 20:
        return ONES[n]
    if n % 10 == 0:
        return TENS[n // 10]
    return TENS[n // 10] + rng.choice(["-", "-", " ", " ", ""] if rng.random() < 0.3
                                      else ["-", " "]) + ONES[n % 10]


def year_words(y, rng):
    hi, lo = divmod(y, 100)
    if hi == 20 and lo < 10 or hi == 20 and rng.random() < 0.25:
        if lo == 0:
            return "two thousand" if rng.random() < 0.9 else "twenty hundred"
        if rng.random() < 0.15 and lo < 10:
            return "twenty oh " + ONES[lo]
        return "two thousand" + rng.choice([" and ", " and ", " "]) + two_digit_words(lo, rng)
    head = ONES[19] if hi == 19 else TENS[2]
    if lo == 0:
        return head + " hundred"
    if lo < 10:
        return head + rng.choice([" oh ", " oh ", " o ", " oh-", " hundred and ", " hundred "]) + ONES[lo]
    if rng.random() < 0.06:
        return head + rng.choice([" hundred and ", " hundred "]) + two_digit_words(lo, rng)
    return head + rng.choice([" ", " ", " ", " ", "-"]) + two_digit_words(lo, rng)


def day_words(d, rng):
    if d <= 20:
        w = ORDINALS[d]
    elif d == 30:
        w = "thirtieth"
    else:
        w = TENS[d // 10] + rng.choice(["-", "-", " ", "-", " ", ""]) + ORDINALS[d % 10]
    if w in MISSPELT and rng.random() < 0.06:
        w = rng.choice(MISSPELT[w])
    return w


def weekday(o, rng, p_abbr=0.45):
    w = (o + 6) % 7
    if rng.random() < 0.15:
        w = rng.randrange(7)
    k = rng.random()
    if k < p_abbr:
        return rng.choice(DAYABBR[w]) + (rng.choice([".", "", ""]))
    if k < p_abbr + 0.06:
        return one_typo(rng, DAYS[w].lower()).capitalize()
    return DAYS[w]


def numeric(rng, y, m, d, two):
    """Day first, unless a four-digit year comes first."""
    k = rng.random()
    if k < 0.06:
        return "%04d%02d%02d" % (y, m, d)
    pad = rng.random()
    if pad < 0.45:
        ds, ms = "%02d" % d, "%02d" % m
    elif pad < 0.9:
        ds, ms = str(d), str(m)
    else:
        ds, ms = ("%02d" % d, str(m)) if rng.random() < 0.5 else (str(d), "%02d" % m)
    sep = rng.choice(["/"] * 9 + ["-"] * 8 + ["."] * 8 +
                     [" ", " / ", " - ", ". ", " . ", "\u2013", "_", ":", "/ "])
    sep2 = sep if rng.random() < 0.985 else rng.choice("/-. ")
    if k < 0.36:
        if rng.random() < 0.02:
            return str(y) + ", " + ms + sep2 + ds
        return str(y) + sep + ms + sep2 + ds
    ys = str(y)
    if two and rng.random() < 0.62:
        ys = "%02d" % (y % 100)
        if rng.random() < 0.08:
            ys = rng.choice("''\u2019") + ys
    if rng.random() < 0.02:
        sep2 = rng.choice([", ", " "])
    return ds + sep + ms + sep2 + ys


def spelled(rng, y, m, d, two, o):
    """A date with the month as a word."""
    # month
    k = rng.random()
    if k < 0.36:
        M, full = MONTHS[m - 1], True
    elif k < 0.58:
        M, full = rng.choice(ABBR[m - 1]), False
    elif k < 0.70:
        M, full = rng.choice(ABBR[m - 1]) + ".", False
    else:
        M, full = typo_month(rng, m - 1), True
        if rng.random() < 0.03:
            M += "."
    # day
    k = rng.random()
    ordinal = words = cardinal = False
    if k < 0.40:
        D = str(d)
    elif k < 0.46:
        D = "%02d" % d
    elif k < 0.70:
        D = str(d) + suffix(d)
        ordinal = True
        r = rng.random()
        if r < 0.04:
            D = str(d) + rng.choice(["st", "nd", "rd", "th"])
        elif r < 0.07:
            D = str(d) + rng.choice([" ", "-", "'"]) + suffix(d)
        elif r < 0.09:
            D = "%02d" % d + suffix(d)
    elif k < 0.97:
        D = day_words(d, rng)
        ordinal = words = True
    else:
        D = two_digit_words(d, rng)
        words = cardinal = True
    # year
    k = rng.random()
    ywords = False
    if two and k < 0.42:
        Y = "%02d" % (y % 100)
        if rng.random() < 0.5:
            Y = rng.choice("''''\u2019`") + Y
            Y = Y.replace("`", "' ") if rng.random() < 0.1 else Y.replace("`", "'")
        last = True                       # a two-digit year comes last
    elif k < (0.60 if words else 0.50):
        Y = year_words(y, rng)
        ywords, last = True, False
        if words and not ordinal:         # "march twenty twenty twenty"
            D = str(d)
            words = False
    else:
        Y, last = str(y), False
    # order
    k = rng.random()
    o_ = rng.choice
    if two and rng.random() < 0.015:      # "'98 March 3", never a bare 98
        return (o_("''\u2019") + "%02d" % (y % 100) + o_([" ", ", "]) +
                o_([M + " " + D, D + " " + M]))
    if k < 0.50:                          # day, month, year
        r = rng.random()
        if r < 0.50:
            s = D + " " + M + o_([" ", " ", " ", ", ", ", ", ","]) + Y
        elif r < 0.68:
            s = o_(["", "", "the ", "the "]) + D + o_([" of ", " of ", " of ", " of the month of "]
                                                if rng.random() < 0.05 else [" of "]) + M + \
                o_([" ", " ", ", ", ", ", " of ", ", in "]) + Y
        elif r < 0.74:
            s = "the " + D + " " + M + o_([" ", ", "]) + Y
        elif r < 0.90 and not words and not ywords:
            x = o_(["-", "-", "-", "/", "/", ".", ". ", " - ", "", "", " / ", "_", "\u2013", " "])
            if x == "":
                s = D + M + o_(["", " ", ""]) + Y
            else:
                s = D + x + M + (x if rng.random() < 0.95 else " ") + Y
        elif r < 0.94:
            if cardinal:
                D = str(d)
            s = o_(["the ", "", "on this "]) + D + " day of " + M + \
                o_([" ", ", ", " in the year ", ", in the year "]) + Y
        elif r < 0.97:
            s = "the " + D + " of " + M + o_([" in the year ", " in the year of ", ", year ", " year "]) + Y
        else:
            s = D + o_([", ", ". ", "., "]) + M + o_([" ", ", "]) + Y
    elif k < 0.86 or last:                # month, day, year
        r = rng.random()
        if r < 0.62:
            s = M + " " + D + o_([", ", ", ", ", ", " ", " ", ","]) + Y
        elif r < 0.74:
            s = M + o_([" the ", " the ", ", the "]) + D + o_([", ", " ", ", "]) + Y
        elif r < 0.86 and not words and not ywords:
            x = o_(["-", "-", "/", "/", ".", ". ", " - ", "", "\u2013", "_"])
            if x == "":
                s = M + D + o_([" ", ", ", ","]) + Y
            else:
                s = M + x + D + (x if rng.random() < 0.95 else ", ") + Y
        elif r < 0.92:
            s = M + o_([" ", " the "]) + D + o_([" of ", ", in ", " in the year ", ", in the year ",
                                               " of the year ", ", year ", " in "]) + Y
        elif r < 0.96:
            s = M + " " + D + o_([" (%s), ", ", %s, ", " (%s) ", ", a %s, "]) % weekday(o, rng) + Y
        else:
            s = M + ", " + D + o_([", ", " "]) + Y
    elif k < 0.94:                        # year first
        x = o_([" ", " ", ", ", ", ", ": ", " - "] if words or ywords else
               ["-", "/", ".", " ", " ", ", ", " - ", " "])
        inn = o_(["", "", "", "", "in "])
        if rng.random() < 0.5:
            y_ = " " if x in (", ", ": ", " - ") and rng.random() < 0.8 else x
            s = inn + Y + x + M + y_ + D
        else:
            y_ = " " if x in (", ", ": ", " - ") and rng.random() < 0.8 else x
            s = inn + Y + x + o_(["", "", "on the ", "the "] if len(x) > 1 else [""]) + D + \
                o_([y_, y_, " of "]) + M
    else:                                 # month, year, day
        if not ordinal:
            D = str(d) + suffix(d)
        if rng.random() < 0.6:
            s = M + " " + Y + o_([", ", ", the ", " the ", ", on the ", " - "]) + D
        else:
            s = o_(["the ", ""]) + D + ", " + M + o_([" ", ", "]) + Y
    return s


def sample(rng, o, noise=1.0):
    """One (text, iso) pair for the day of ordinal `o`."""
    date = datetime.date.fromordinal(o)
    y, m, d = date.year, date.month, date.day
    iso = date.isoformat()
    two = PIVOT_FIRST <= o <= PIVOT_LAST
    while True:
        if rng.random() < 0.24:
            s = numeric(rng, y, m, d, two)
        else:
            s = spelled(rng, y, m, d, two, o)
        # weekday
        k = rng.random()
        if k < 0.24:
            w = weekday(o, rng)
            s = w + rng.choice([", ", ", ", " ", " ", " ", " the " if s[0] != "t" else ", ",
                                " - ", ","]) + s
        elif k < 0.29:
            s += rng.choice([" (%s)", " (%s)", ", %s", " %s", ", a %s", " - %s", ", on a %s"]) % weekday(o, rng)
        # words around it
        k = rng.random()
        if k < 0.16:
            s = rng.choice(PREFIXES) + s
        elif k < 0.20:
            s = rng.choice(["on ", "the ", "date: ", "date ", "on the ", "dated ", "born "]) + s
        elif k < 0.24:
            s = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3))) + \
                rng.choice([" ", " ", ": ", ", ", " - "]) + s
        s = s.replace("the the ", "the ")
        if rng.random() < 0.05:
            s += rng.choice(SUFFIXES)
        # noise
        if rng.random() < 0.22 * noise:
            r = rng.random()
            if r < 0.40:                  # extra spaces
                for _ in range(rng.randint(1, 3)):
                    at = [i for i, c in enumerate(s) if c == " "]
                    i = rng.choice(at) if at else rng.choice([0, len(s)])
                    s = s[:i] + " " * rng.randint(1, 2) + s[i:]
            elif r < 0.55:
                s = " " * rng.randint(0, 3) + s + " " * rng.randint(0, 3)
            elif r < 0.68:
                s = s.replace(", ", " , " if rng.random() < 0.5 else ",")
            elif r < 0.80:
                s = s.replace(", ", " ").replace(",", " ")
            elif r < 0.86:
                s = s.replace(",", rng.choice([",,", ".", ";", " -", " , "]))
            elif r < 0.92:                # an unknown character
                at = [i for i, c in enumerate(s) if c == " "] + [0, len(s)]
                i = rng.choice(at)
                s = s[:i] + rng.choice(ODD) + rng.choice(["", "", " "]) + s[i:]
            elif r < 0.96:
                s = s.replace(" ", rng.choice("\t\u00a0_"))
            else:
                s = "%s%s%s" % (rng.choice(["(", "\"", "'", "[", "- "]), s,
                                rng.choice([")", "\"", "'", "]", ""]))
        k = rng.random()
        if k < 0.22:
            s = s.lower()
        elif k < 0.32:
            s = s.upper()
        elif k < 0.34:
            s = s.swapcase()
        if len(s) < MAX_SOURCE:
            return s, iso


def encode(text):
    """Token ids of the source, closed by </s>, as tokenizer.json gives them."""
    return [VOCAB.get(c, UNK) for c in text.lower()] + [EOS]


def read_tsv(name):
    with open(os.path.join(HERE, name), encoding="utf-8", newline="") as f:
        return [tuple(line.rstrip("\n").split("\t")) for line in f]


def heldout_days():
    """The 2,000 days kept for heldout.tsv."""
    rng = random.Random(SPLIT_SEED)
    return rng.sample(range(FIRST, LAST + 1), HELDOUT)


def training_days():
    """All other days, less those of handwritten.tsv."""
    hidden = set(heldout_days())
    hidden.update(datetime.date.fromisoformat(iso).toordinal()
                  for _, iso in read_tsv("handwritten.tsv"))
    return [o for o in range(FIRST, LAST + 1) if o not in hidden]


class Stream:
    """Endless training pairs."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.days = training_days()
        self.near = [o for o in self.days if PIVOT_FIRST <= o <= PIVOT_LAST]

    def take(self, n):
        rng = self.rng
        out = []
        for _ in range(n):
            days = self.near if rng.random() < 0.5 else self.days
            out.append(sample(rng, days[int(rng.random() * len(days))]))
        return out


def make_heldout():
    rng = random.Random(HELDOUT_SEED)
    rows, seen = [], set()
    for o in heldout_days():
        while True:
            s, iso = sample(rng, o)
            if s.lower() not in seen and not any(c in s for c in "\t\n"):
                break
        seen.add(s.lower())
        rows.append((s, iso))
    return rows


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--show", type=int, default=0)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    if a.show:
        for s, iso in Stream(a.seed).take(a.show):
            print(iso, repr(s))
    else:
        with open(os.path.join(HERE, "heldout.tsv"), "w", encoding="utf-8", newline="") as f:
            for s, iso in make_heldout():
                f.write(s + "\t" + iso + "\n")
