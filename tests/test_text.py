"""Text as data: tokens there and back, windows and what comes next, and the two texts of the package."""

import itertools
import lzma
import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.data import BytePairs, Characters, DataLoader, Names, Shakespeare, Subset, Text, text_sets
from tinygrad_ml.errors import DataError, OptionError, RangeError

FOX = "the quick brown fox jumps over the lazy dog; the dog sleeps.\nÄpfel, 苹果?  two  spaces\n"


@pytest.mark.parametrize("tokenizer", [Characters(FOX), BytePairs(FOX, 60), BytePairs(FOX, len(set(FOX)))])
def test_what_is_encoded_is_decoded_to_the_same_text(tokenizer):
    for text in (FOX, FOX[::-1], "", "dog\n\n the"):
        tokens = tokenizer.encode(text)
        assert tokens.dtype == np.int64 and tokens.ndim == 1
        assert tokenizer.decode(tokens) == text
    assert set(tokenizer.encode(FOX)) <= set(range(tokenizer.vocab_size))


def test_characters_are_numbered_in_the_order_of_their_codes():
    letters = Characters("banana")
    assert letters.pieces == ("a", "b", "n") and letters.vocab_size == 3
    assert letters.encode("nab").tolist() == [2, 0, 1]


def test_byte_pairs_merge_what_stands_side_by_side_most_often():
    pieces = BytePairs("low lower lowest", vocab_size=11)
    assert pieces.merges == (("o", "w"), ("l", "ow"), ("low", "e"))
    assert [pieces.decode(token) for token in pieces.encode("low slower")] == ["low", " ", "s", "lowe", "r"]


def test_the_counts_of_byte_pairs_are_those_of_counting_anew_after_each_merge():
    text = "aaa aaaa baa ab aab abab bbab " * 3 + "abcabc cab"
    words = [list(word) for word in re.findall(r" ?\w+|\s", text)]
    pieces = BytePairs(text, vocab_size=12)
    for pair in pieces.merges:
        counts = {}
        for word in words:
            for found in itertools.pairwise(word):
                counts[found] = counts.get(found, 0) + 1
        assert pair == max(counts, key=lambda pair: (counts[pair], pair))
        for i, word in enumerate(words):
            made = []
            for piece in word:
                if made and (made[-1], piece) == pair:
                    made[-1] += piece
                else:
                    made.append(piece)
            words[i] = made
    # And words are encoded by the same merges, in their order.
    assert [pieces.decode(token) for token in pieces.encode(text)] == [piece for word in words for piece in word]


def test_byte_pairs_make_a_text_shorter_and_stop_where_nothing_is_twice():
    names = Names(tokenizer="pairs")
    assert names.vocab_size > 500 and names.tokens.shape[0] < 0.7 * len(names.text)
    assert names.decode(names.tokens[:50]) == names.text[: len(names.decode(names.tokens[:50]))]
    assert BytePairs("abc", vocab_size=100).vocab_size == 3


def test_mistakes_with_tokens_are_said():
    letters = Characters("abc")
    with pytest.raises(RangeError, match="'z' cannot be encoded; known are 'abc'"):
        letters.encode("abz")
    with pytest.raises(RangeError, match="no token 3; they go from 0 to 2"):
        letters.decode([0, 3])
    with pytest.raises(OptionError, match="float64"):
        letters.decode([0.5])
    with pytest.raises(OptionError, match="rows of a batch one by one"):
        letters.decode([[0, 1]])
    with pytest.raises(OptionError, match="3 different characters"):
        BytePairs("abc", vocab_size=2)
    with pytest.raises(OptionError, match="one at least"):
        Characters("")


# -- windows ------------------------------------------------------------------------------------------


def test_a_sample_is_a_window_and_what_comes_next_at_each_place():
    text = Text("hello world", length=4)
    assert len(text) == 7
    x, y = text[1]
    assert (text.decode(x), text.decode(y)) == ("ello", "llo ")
    assert text.decode(text[-1][1]) == "orld"
    x, y = text.gather(np.array([[0, 6]]))
    assert x.shape == y.shape == (1, 2, 4)
    assert text.decode(x[0, 1]) == "worl"
    assert text.decode(text.encode("hold")) == "hold"


def test_windows_begin_a_stride_after_each_other_and_none_reaches_over_the_end():
    for extent in range(5, 14):
        text = Text("abcdefghijklmn"[:extent], length=4, stride=3)
        begins = [text.text.index(text.decode(x)) for x, _ in text]
        assert begins == list(range(0, extent - 4, 3))


def test_batches_of_windows_come_from_a_loader():
    text = Text(FOX, length=5)
    loader = DataLoader(text, batch_size=8, shuffle=True, seed=1)
    seen = []
    for x, y in loader:
        np.testing.assert_array_equal(x.numpy()[:, 1:], y.numpy()[:, :-1])
        seen += [text.decode(row) for row in x]
    assert sorted(seen) == sorted(FOX[i : i + 5] for i in range(len(FOX) - 5))
    assert all(len(x) == 2 for x, _ in DataLoader(Subset(text, [3, 5]), batch_size=2))


def test_a_compiled_step_gathers_its_windows_itself():
    text = Text(FOX, length=5)
    loader = DataLoader(text, batch_size=8, shuffle=True, seed=1)
    assert loader.resident is text

    @tg.compile
    def step(indices):
        x, y = text.gather(indices)
        return x * 1000 + y

    batches = [step(indices).numpy().copy() for indices in loader.indices()]
    again = DataLoader(text, batch_size=8, shuffle=True, seed=1)
    for found, (x, y) in zip(batches, again, strict=True):
        np.testing.assert_array_equal(found, x.numpy() * 1000 + y.numpy())


def test_a_derived_text_that_gathers_in_its_own_way_is_asked_for_each_batch():
    class Louder(Text):
        def gather(self, indices):
            return super().gather(indices)

    assert DataLoader(Louder(FOX)).resident is None
    assert DataLoader(Text(FOX), collate_fn=list).resident is None


def test_mistakes_with_windows_are_said():
    with pytest.raises(OptionError, match=r"5 tokens; a window of length=5 .* take 6"):
        Text("abcde", length=5)
    with pytest.raises(OptionError, match="0 tokens"):
        Text("")
    with pytest.raises(OptionError, match="stride=0"):
        Text("abcde", length=2, stride=0)
    with pytest.raises(RangeError, match="no window 7; the text has 7"):
        Text("hello world", length=4)[7]
    with pytest.raises(RangeError, match="'z'"):
        Text("abz", length=1, tokenizer=Characters("abc"))


# -- names and plays ----------------------------------------------------------------------------------


def test_names_are_in_one_part_each():
    train, test = Names(), Names(train=False)
    assert len(train.words) == 26_919 and len(test.words) == 2_991
    assert len({*train.words, *test.words}) == 29_910
    assert {"Emma", "Liam", "Olivia"} <= {*train.words, *test.words}
    assert train.text.startswith(f"\n{train.words[0]}\n{train.words[1]}\n")
    assert train.tokenizer is test.tokenizer and train.vocab_size == 53
    assert {len(name) > 0 and name.isalpha() for name in train.words} == {True}
    initials = {name[0] for name in test.words}
    assert len(initials) == 26  # not a corner of the alphabet


def test_plays_are_split_within_each():
    train, test = Shakespeare(), Shakespeare(train=False)
    assert len(train.text) + len(test.text) == 1_138_129 - 7 + 2 * 7 * 2
    for play in ("ANTONY AND CLEOPATRA", "MACBETH", "OTHELLO"):
        assert play in train.text
    assert "Is this a dagger" in train.text and "lay on, Macduff" in test.text
    assert train.tokenizer is test.tokenizer and train.vocab_size < 90
    assert "\f" not in train.text


def test_a_tokenizer_of_another_name_is_refused():
    with pytest.raises(OptionError, match="'characters' or 'pairs'"):
        Names(tokenizer="words")
    assert Names(tokenizer=Characters(Names().text)).vocab_size == 53


def test_damaged_files_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(text_sets, "_FOLDER", tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        text_sets._read("names.txt.xz")
    (tmp_path / "names.txt.xz").write_bytes(lzma.compress(b"Emma\nLiam"))
    with pytest.raises(DataError, match="MD5"):
        text_sets._read("names.txt.xz")
    monkeypatch.setitem(text_sets._MD5, "names.txt.xz", None)
    assert text_sets._read("names.txt.xz") == "Emma\nLiam"
    (tmp_path / "names.txt.xz").write_bytes(b"no xz")
    with pytest.raises(DataError, match="does not decompress"):
        text_sets._read("names.txt.xz")


def test_the_notice_has_the_checksums():
    notice = (text_sets._FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    for name, md5 in text_sets._MD5.items():
        assert f"| {name} | {md5} |" in notice
