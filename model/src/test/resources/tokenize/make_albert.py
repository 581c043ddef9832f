"""Writes albert/: a small SentencePiece model of ALBERT's kind, what transformers saves for it, and what it makes of awkward texts.

Made with transformers 5.24.0, tokenizers 0.23.3 and sentencepiece 0.2.3: python make_albert.py
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import sentencepiece
from transformers import AlbertTokenizer

HERE = Path(__file__).resolve().parent / "albert"

SENTENCES = [
    "The harbour master keeps a book in which every boat has a page of its own.",
    "Nobody had told the gardener that the roses were to be moved before winter.",
    "A train that leaves at seven reaches the coast by noon, if the signals allow it.",
    "She counted 1, 2, 3, and then 40, 500 and 6000, before the lights went out again.",
    "It isn't the price (which was fair) but the waiting that made them leave.",
    "Three letters arrived on the same day; two of them were never opened.",
    "The cook said \"not yet\" - and closed the kitchen door behind him.",
    "Bread, salt, oil and a little patience: that is all the recipe asks for.",
    "He repairs clocks and watches, mostly old ones, in a shop below the station.",
    "When the river rose the school moved upstairs and nobody missed a lesson.",
    "They painted the fence green, then grey, then green once more.",
    "The lighthouse is 31 metres high, and its lamp can be seen from 20 miles away.",
]

TEXTS = [
    "the harbour master keeps a book .",
    "Crème BRÛLÉE — déjà vu, naïve café!",
    "e\u0301 cafe\u0301 A\u030angstro\u0308m n\u0303",
    "``quoted'' and 'single' and \"double\"",
    "In 1999, 92,000 and 7, or 40,",
    "(paren) and (two words) - dash . . end.",
    "日本語 and 한국어 text",
    "emoji 😀 in 👩‍👩‍👧 the middle",
    "[CLS] literal [SEP] specials [MASK] and <unk> <pad>",
    "[mask] x[MASK]y [MASK]s",
    "",
    " ",
    "  \t\n \u00a0\u3000 ",
    "zero\u200bwidth \ufeffBOM and\u00a0nbsp",
    "İstanbul ΑΣ ß ﬁne ½ Ⅷ",
    "▁already ▁marked and a▁b",
    "A  double   space",
    "x" * 60,
]
PAIRS = [
    ("what does the harbour master keep ?", "a book in which every boat has a page ."),
    ("", "second only"),
    ("first only", ""),
]
MASK = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False, "special": True}
CONFIGS = {
    "alone": {},
    "cased": {"do_lower_case": False, "keep_accents": True},
    "no-prefix": {"add_prefix_space": False},
    "mask-takes-space": {"added_tokens_decoder": {"4": MASK}},
    # Of a control piece of the model, the library does not read what is said here.
    "mask-by-role": {"mask_token": {"__type": "AddedToken", **MASK}},
}


def train():
    # Nothing of this machine shall be in the file: no paths, which the trainer would write down.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        # Fullwidth "!", the ligature fi, the ideographic space: a small table of replacements is enough.
        Path("rules.tsv").write_text("FF01\t21\nFB01\t66 69\n3000\t20\n")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 3), model_writer=model, vocab_size=160,
            pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>", unk_piece="<unk>",
            control_symbols=["[CLS]", "[SEP]", "[MASK]"], user_defined_symbols=["(", ")", '"', "-", "."],
            normalization_rule_tsv="rules.tsv", hard_vocab_limit=False, num_threads=1)
    HERE.mkdir(exist_ok=True)
    (HERE / "spiece.model").write_bytes(model.getvalue())


def cases(config):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "spiece.model").write_bytes((HERE / "spiece.model").read_bytes())
        if config:
            Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = AlbertTokenizer.from_pretrained(folder)
        result = []
        for text, pair in [(t, None) for t in TEXTS] + PAIRS:
            # In lists: an empty second text is left out of a call with two strings.
            encoding = tokenizer(
                [text], pair if pair is None else [pair], return_offsets_mapping=True, return_token_type_ids=True)
            result.append({
                "text": text, "pair": pair, "ids": encoding["input_ids"][0], "types": encoding["token_type_ids"][0],
                "offsets": encoding["offset_mapping"][0],
                "decoded": tokenizer.decode(encoding["input_ids"][0], skip_special_tokens=True)})
        if not config:
            tokenizer.save_pretrained(folder)
            (HERE / "tokenizer.json").write_bytes(Path(folder, "tokenizer.json").read_bytes())
    return {"config": config, "cases": result}


train()
(HERE / "huggingface.json").write_text(
    json.dumps({name: cases(config) for name, config in CONFIGS.items()}, indent=1, ensure_ascii=True))
