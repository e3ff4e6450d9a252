"""The words of the tiny ViLT: the same vocabulary each time, and texts read as transformers reads them."""

import torch
from transformers import BertTokenizer

from stages.pretraining import vilt_words

CAPTIONS = ["a red kite on a wall", "A kite is a close-up, of walls", "a wall of red bricks", "bricks and a kite", "s"]


def test_the_same_captions_give_the_same_words_each_time():
    found = [vilt_words.word_pieces(CAPTIONS * 3, 60) for _ in range(4)]
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0][:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] and {"kite", "wall", "##s"} <= set(found[0])


def test_texts_are_read_as_transformers_reads_them(tmp_path):
    words = vilt_words.word_pieces(CAPTIONS * 3, 60)
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    reader = BertTokenizer.from_pretrained(tmp_path)
    texts = [*CAPTIONS, "a Bricked kite-wall, red", "0"]
    expected = torch.tensor(reader(texts, padding=True).input_ids)
    assert torch.equal(vilt_words.tokens_of(texts, words).long(), expected)
    assert (
        vilt_words.tokens_of(["a kite " * 30], words)[0].tolist()[-1] == reader.sep_token_id
    )  # cut to 40, with its end
    vocabulary = vilt_words.vocabulary_of(words)
    assert vocabulary.mask == reader.mask_token_id
    assert vocabulary.special.nonzero()[:, 0].tolist() == sorted(reader.all_special_ids)
    assert [words[i] for i in vocabulary.continues.nonzero()[:, 0]] == [word for word in words if word[:2] == "##"]
