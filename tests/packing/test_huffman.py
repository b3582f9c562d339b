"""Canonical Huffman codes: optimal, within their bound, and read back exactly."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from hwcompress.errors import InputError
from hwcompress.packing.huffman import LONGEST, HuffmanCode, code_lengths, entropy
from hwcompress.packing.octets import Bits, word_bits


@cache
def complete_lengths(symbols: int, longest: int) -> tuple[tuple[int, ...], ...]:
    """Every multiset of word lengths of a complete prefix code, by splitting words in two."""
    if symbols == 1:
        return ((0,),)
    found = set()
    for lengths in complete_lengths(symbols - 1, longest):
        for split in set(lengths):
            if split < longest:
                rest = list(lengths)
                rest.remove(split)
                found.add(tuple(sorted([*rest, split + 1, split + 1])))
    return tuple(found)


def best_total(counts: np.ndarray, longest: int) -> int:
    """Bits of the best prefix code, by trying all of them: long words for rare symbols."""
    ranked = np.sort(counts)[::-1]
    codes = complete_lengths(counts.size, longest)
    return min(int((np.array(lengths) * ranked).sum()) for lengths in codes)


def packed(bits: np.ndarray) -> Bits:
    return Bits(np.packbits(bits), bits.size)


def random_counts(seed: int, symbols: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.pareto(random.choice([0.3, 1.0, 5.0]), symbols) * 10).astype(np.int64) % 9999 + 1


def test_the_number_of_codes_is_known() -> None:
    """Of 2 to 8 symbols: 1, 1, 2, 3, 5, 9, 16 (OEIS A002572)."""
    assert [len(complete_lengths(n, 99)) for n in range(2, 9)] == [1, 1, 2, 3, 5, 9, 16]


@pytest.mark.parametrize("symbols", range(2, 9))
def test_no_prefix_code_is_shorter(symbols: int) -> None:
    found = fixed = 0
    for seed in range(40):
        counts = random_counts(seed, symbols)
        for longest in range((symbols - 1).bit_length(), 8):
            lengths = code_lengths(counts, longest)
            assert lengths.max() <= longest
            total = int((lengths * counts).sum())
            assert total == best_total(counts, longest), (seed, counts)
        found += total
        fixed += int(counts.sum()) * (symbols - 1).bit_length()
    print(f"\n{symbols} symbols: {found} bits, the best by trying all; of one length {fixed}")


@pytest.mark.parametrize("seed", range(30))
def test_the_mean_length_lies_between_entropy_and_one_more(seed: int) -> None:
    counts = random_counts(seed, int(np.random.default_rng(seed).integers(2, 300)))
    code = HuffmanCode.for_counts(counts)
    mean, least = code.mean_length(counts), entropy(counts)
    fixed = (counts.size - 1).bit_length()
    print(f"\nentropy {least:.4f}, mean word {mean:.4f} bits; twin of one length {fixed}")
    assert least <= mean + 1e-12 and mean < least + 1
    # And strictly better than words of one length, wherever these waste something.
    assert mean <= fixed


def test_entropy_of_known_distributions() -> None:
    assert entropy(np.array([5])) == 0
    assert entropy(np.array([7, 7, 7, 7])) == 2
    assert entropy(np.array([2, 1, 1, 0])) == 1.5


def test_words_are_canonical_and_prefix_free() -> None:
    counts = random_counts(3, 40)
    code = HuffmanCode.for_counts(counts)
    written = [f"{word:0{size}b}" for word, size in zip(code.words, code.lengths, strict=True)]
    for one, other in itertools.permutations(written, 2):
        assert not other.startswith(one)
    ranked = sorted(range(40), key=lambda symbol: (code.lengths[symbol], symbol))
    # Shorter words come first, and words of one length count up with their symbols.
    assert sorted(written) == [written[symbol] for symbol in ranked]


@pytest.mark.parametrize(("symbols", "count"), [(1, 50), (2, 1), (3, 1000), (700, 20_000)])
def test_what_is_coded_is_read_back(symbols: int, count: int) -> None:
    random = np.random.default_rng(symbols)
    index = random.choice(symbols, count, p=random.dirichlet(np.full(symbols, 0.3)))
    index[: min(symbols, count)] = np.arange(min(symbols, count))
    counts = np.bincount(index, minlength=symbols)
    code = HuffmanCode.for_counts(counts[counts > 0])
    bits = word_bits(code.words[index], code.lengths[index])
    assert bits.size == round(code.mean_length(counts[counts > 0]) * count)
    lead = np.ones(13, np.uint8)
    found, end = code.decode(packed(np.concatenate([lead, bits, lead])), 13, count)
    assert np.array_equal(found, index)
    assert end == 13 + bits.size


def test_longer_than_one_block() -> None:
    """Words that cross the border between blocks of the decoder."""
    index = np.random.default_rng(0).choice(6, 400_000, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    code = HuffmanCode.for_counts(np.bincount(index))
    bits = word_bits(code.words[index], code.lengths[index])
    assert bits.size > 1 << 19
    found, end = code.decode(packed(bits), 0, index.size)
    assert np.array_equal(found, index) and end == bits.size


def test_words_stay_within_their_bound() -> None:
    """Fibonacci counts: Huffman's own words would have 39 bits."""
    counts = np.array([1, 1])
    while counts.size < 40:
        counts = np.append(counts, counts[-1] + counts[-2])
    lengths = code_lengths(counts)
    assert lengths.max() == LONGEST
    assert code_lengths(counts, 39).max() == 39
    HuffmanCode(lengths)


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [1, 2], [2, 2, 2], [0, 1], [16, 1], [-1, 1]])
def test_lengths_of_no_code_are_refused(lengths: list[int]) -> None:
    with pytest.raises(InputError, match="no complete prefix code"):
        HuffmanCode(np.array(lengths))


def test_bits_that_end_are_refused() -> None:
    code = HuffmanCode.for_counts(np.array([1, 1, 2]))
    bits = word_bits(code.words[[0, 1]], code.lengths[[0, 1]])
    with pytest.raises(InputError, match=r"the bits end within a word"):
        code.decode(packed(bits[:-1]), 0, 2)
    with pytest.raises(InputError, match=r"9 words in 4 bits"):
        code.decode(packed(bits), 0, 9)
    with pytest.raises(InputError, match=r"the bits end before the last word"):
        code.decode(packed(bits), 0, 3)


@pytest.mark.parametrize("counts", [[], [0, 1], [[1, 2]], [-1]])
def test_counts_that_are_none_are_refused(counts: list[int]) -> None:
    with pytest.raises(InputError, match="no vector of positive numbers"):
        code_lengths(np.array(counts, np.int64))


def test_too_many_symbols_for_the_bound_are_refused() -> None:
    with pytest.raises(InputError, match="9 symbols have no code of 3 bits at most"):
        code_lengths(np.ones(9, np.int64), 3)
