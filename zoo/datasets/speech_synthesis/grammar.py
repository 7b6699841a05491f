"""A small grammar of what people dictate: digits, spelled names, numbers, dates, phone numbers, addresses, commands.

Its sentences come from no test set.
"""

import zlib

import numpy as np

from zoo.datasets.manifests import manifest

DIGITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = "january february march april may june july august september october november december".split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth".split()
)
COMMANDS = "yes no go stop help enter erase rubout repeat start".split()
STREETS = "street avenue road drive lane court place boulevard".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = [row["name"] for row in manifest("names")]  # of people and towns, some of them twice


def digit_words(rng: np.random.Generator, length: int) -> list[str]:
    """Returns digit words; one speaker says either zero or oh throughout."""
    zero = "oh" if rng.random() < 0.4 else "zero"
    return [zero if d == 0 else DIGITS[d] for d in rng.integers(0, 10, length)]


def number_words(value: int, joined: bool = False) -> list[str]:
    """Returns a whole number below ten thousand in words; `joined` says "two hundred and five"."""
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        if value >= unit:
            rest = value % unit
            link = ["and"] if joined and 0 < rest < 100 else []
            return [DIGITS[value // unit], name, *link, *(number_words(rest, joined) if rest else [])]
    if value < 20:
        return [[*DIGITS, *TEENS][value]]
    return [TENS[value // 10 - 2], *([DIGITS[value % 10]] if value % 10 else [])]


def pair_words(rng: np.random.Generator, pairs: int) -> list[str]:
    """Returns two-digit numbers, one after the other: sixty two eleven forty."""
    return [word for value in rng.integers(10, 100, pairs) for word in number_words(int(value))]


def spelled(rng: np.random.Generator) -> list[str]:
    """Returns the letters of a name or two, or random letters."""
    kind = rng.random()
    if kind < 0.55:
        return list(NAMES[rng.integers(len(NAMES))])
    if kind < 0.65:
        return list(NAMES[rng.integers(len(NAMES))] + NAMES[rng.integers(len(NAMES))])[:14]
    return [LETTERS[i] for i in rng.integers(0, 26, rng.integers(1, 9))]


def mix(rng: np.random.Generator) -> list[str]:
    """Returns an identifier: perhaps a command, letters, a number."""
    words = [COMMANDS[rng.integers(len(COMMANDS))]] if rng.random() < 0.35 else []
    words += [LETTERS[i] for i in rng.integers(0, 26, rng.integers(1, 6))]
    kind = rng.random()
    if kind < 0.45:
        return words + digit_words(rng, int(rng.integers(1, 5)))
    if kind < 0.75:
        return words + pair_words(rng, int(rng.integers(1, 3)))
    return words + number_words(int(rng.integers(0, 1000)), rng.random() < 0.5)


def date(rng: np.random.Generator) -> list[str]:
    """Returns a date: january fifteenth nineteen sixty two."""
    words = [MONTHS[rng.integers(12)]]
    day = int(rng.integers(1, 32))
    if day <= 20:
        words.append(ORDINALS[day - 1])
    elif day == 30:
        words.append("thirtieth")
    else:
        words += [TENS[day // 10 - 2], ORDINALS[day % 10 - 1]]
    if rng.random() < 0.85:
        year = int(rng.integers(1, 100))
        if rng.random() < 0.2:
            return words + ["two", "thousand", *(["and"] if rng.random() < 0.3 else []), *number_words(year % 30 + 1)]
        words += ["nineteen", *(["oh"] if year < 10 else []), *number_words(year)]
    return words


def telephone(rng: np.random.Generator) -> list[str]:
    """Returns seven or ten digits, some of them in pairs, perhaps after `area code`."""
    words = ["area", "code", *digit_words(rng, 3)] if rng.random() < 0.25 else []
    if rng.random() < 0.3:
        return words + digit_words(rng, 3) + pair_words(rng, 2)
    return words + digit_words(rng, 7 if words or rng.random() < 0.6 else 10)


def address(rng: np.random.Generator) -> list[str]:
    """Returns a house number and a spelled street, or a zip code."""
    kind = rng.random()
    if kind < 0.4:
        return (["zip", "code"] if rng.random() < 0.3 else []) + digit_words(rng, 5)
    in_pairs = rng.random() < 0.5
    number = pair_words(rng, int(rng.integers(1, 3))) if in_pairs else number_words(int(rng.integers(1, 10000)))
    street = list(NAMES[rng.integers(len(NAMES))]) if kind < 0.8 else [ORDINALS[rng.integers(20)]]
    return number + street + [STREETS[rng.integers(len(STREETS))]]


def command(rng: np.random.Generator) -> list[str]:
    """Returns a command, alone or with a number."""
    words = [COMMANDS[rng.integers(len(COMMANDS))]]
    return words + (pair_words(rng, int(rng.integers(1, 3))) if rng.random() < 0.4 else [])


def number(rng: np.random.Generator) -> list[str]:
    """Returns a number below ten thousand, or pairs."""
    if rng.random() < 0.35:
        return pair_words(rng, int(rng.integers(1, 4)))
    return number_words(int(rng.integers(0, 10 ** rng.integers(2, 5))), rng.random() < 0.5)


def sentence(rng: np.random.Generator, digits_share: float, letters_share: float) -> str:
    """Returns a random sentence: digits, letters (and mixes), or a number, date, telephone number, address, command."""
    kind = rng.random()
    if kind < digits_share:
        return " ".join(digit_words(rng, int(rng.integers(1, 8))))
    if kind < digits_share + letters_share:
        return " ".join(spelled(rng) if rng.random() < 0.6 else mix(rng))
    rest = (number, date, telephone, address, command)
    return " ".join(rest[rng.integers(len(rest))](rng))


def part_of(text: str) -> str:
    """Returns the only split that may have a sentence; there are so few single words that all are in training."""
    if " " not in text:
        return "train"
    return {0: "validation", 1: "test"}.get(zlib.crc32(text.encode()) % 12, "train")
