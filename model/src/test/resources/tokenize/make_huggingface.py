"""Writes huggingface.json: what transformers' tokenizers make of awkward texts, with the vocabulary in ../golden/vocab.

Made with transformers 5.23.0 and tokenizers 0.23.3: python make_huggingface.py
"""

import json
import shutil
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).parent
VOCAB = HERE.parent / "golden" / "vocab"

TEXTS = [
    "a warm , funny film that earns every one of its tears .",
    "Crème BRÛLÉE — déjà vu, naïve café!",
    "e\u0301 cafe\u0301 A\u030angstro\u0308m n\u0303",
    "日本語 and 中文字 mixed 한국어 text",
    "emoji 😀 in 👩‍👩‍👧 the middle 🏳️‍🌈 ok",
    "𝒜𝓃𝒸𝒾𝑒𝓃𝓉 𐍈 𠀀𠀁 x",
    "[CLS] literal [SEP] specials [MASK] and [UNK] [PAD]",
    "[mask] [Mask] [MASK]s x[MASK]y",
    "",
    " ",
    "   \t\n  \u00a0\u3000 ",
    "zero\u200bwidth \ufeffBOM and\u00a0nbsp soft\u00adhyphen",
    "nul\u0000inside \u0001control\u007f \ufffdreplacement",
    "İstanbul ΑΣ ß ﬁne ½ Ⅷ ﷺ",
    "don't can't it's we'll $100,000.00 #1 @user a_b-c http://x.y/z?q=1",
    "x" * 100 + " " + "x" * 101,
    "مرحبا بالعالم שלום हिन्दी ไทย",
    "line\r\nbreak\u2028separator\u0085next",
    "?!...,;:()[]{}<>«»“”‘’–—…",
]
PAIRS = [
    ("what do bees dance for ?", "to tell where the flowers are 🐝 ."),
    ("", "second only"),
    ("first only", ""),
    ("日本 e\u0301", "😀 e\u0301 中文"),
]
LONG = [
    ("the quick brown fox jumps over the lazy dog again and again", None),
    ("one two three four five six seven eight nine", "the reply is short"),
    ("a short one", "but this second text is a good deal longer than the first"),
    ("about the same length here", "about the same length there"),
]
DECODE = [
    "it's a test . don't [MASK] (well) , ok !",
    "Crème BRÛLÉE costs $ 5.00 , you 're right ; i 'm not",
    "neither scary nor clever [SEP] 日本 [UNK]",
]


def tokenizer(side="right", files=("tokenizer.json", "tokenizer_config.json"), **config):
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            shutil.copy(VOCAB / name, folder)
        path = Path(folder, "tokenizer_config.json")
        settings = json.loads((VOCAB / "tokenizer_config.json").read_text())
        path.write_text(json.dumps({**settings, **config}))
        return AutoTokenizer.from_pretrained(folder, truncation_side=side)


def full(tok, text, pair=None, **options):
    # As lists of one: a pair of strings with an empty second one would be taken for a single text.
    encoded = tok(
        [text],
        None if pair is None else [pair],
        return_offsets_mapping=True,
        return_token_type_ids=True,
        **options,
    )
    return {
        "text": text,
        "pair": pair,
        "ids": encoded["input_ids"][0],
        "types": encoded["token_type_ids"][0],
        "sequences": [-1 if s is None else s for s in encoded.sequence_ids(0)],
        "words": [-1 if w is None else w for w in encoded.word_ids(0)],
        "offsets": encoded["offset_mapping"][0],
    }


def main():
    plain = tokenizer()
    cases = [full(plain, t) for t in TEXTS] + [full(plain, *p) for p in PAIRS]
    for case in cases:
        case["pieces"] = plain.convert_ids_to_tokens(case["ids"])
    truncated = []
    for side in ("right", "left"):
        tok = tokenizer(side)
        for text, pair in LONG:
            for limit in range(2 if pair is None else 3, 24):
                case = full(tok, text, pair, truncation=True, max_length=limit)
                total = len(tok(text, pair)["input_ids"])
                truncated.append(
                    {
                        **{k: case[k] for k in ("text", "pair", "ids", "types", "offsets")},
                        "side": side,
                        "limit": limit,
                        "cut": total - len(case["ids"]),
                    }
                )
    one_sided = []
    for side in ("right", "left"):
        tok = tokenizer(side)
        for text, pair in LONG[1:]:
            for which in ("only_first", "only_second"):
                for limit in range(12, 24):
                    total = len(tok(text, pair)["input_ids"])
                    if total <= limit:
                        continue
                    try:
                        case = full(tok, text, pair, truncation=which, max_length=limit)
                    except Exception as e:  # the library has no finer one
                        assert "too short" in str(e), e
                        case = {"text": text, "pair": pair, "ids": None}
                    one_sided.append(
                        {
                            **{k: case[k] for k in ("text", "pair", "ids")},
                            "side": side,
                            "which": which,
                            "limit": limit,
                        }
                    )
    windows = []
    for text, pair, which in (
        (LONG[0][0], None, "longest_first"),
        (TEXTS[4] + " " + TEXTS[1], None, "longest_first"),
        (*LONG[1], "only_first"),
        (*LONG[2], "only_second"),
    ):
        for limit, overlap in ((14, 0), (14, 1), (15, 3), (16, 4), (40, 5)):
            tok = plain(
                [text],
                None if pair is None else [pair],
                truncation=which,
                max_length=limit,
                stride=overlap,
                return_overflowing_tokens=True,
                return_token_type_ids=True,
                return_offsets_mapping=True,
            )
            windows.append(
                {
                    "text": text,
                    "pair": pair,
                    "which": which,
                    "limit": limit,
                    "overlap": overlap,
                    "ids": tok["input_ids"],
                    "types": tok["token_type_ids"],
                    "offsets": tok["offset_mapping"],
                }
            )
    decoded = []
    for text in DECODE:
        ids = plain(text)["input_ids"]
        decoded.append(
            {
                "ids": ids,
                "kept": plain.decode(ids),
                "skipped": plain.decode(ids, skip_special_tokens=True),
                "cleaned": plain.decode(
                    ids, skip_special_tokens=True, clean_up_tokenization_spaces=True
                ),
            }
        )
    configs = []
    for files in (("tokenizer.json",), ("vocab.txt",)):
        for config in (
            {"do_lower_case": False},
            {"strip_accents": False},
            {"do_lower_case": False, "strip_accents": True},
            {"tokenize_chinese_chars": False},
        ):
            tok = tokenizer(files=files, **config)
            text = "Crème BRÛLÉE 日本 e\u0301 the film"
            configs.append(
                {"files": files, "config": config, "text": text, "ids": tok(text)["input_ids"]}
            )
    out = {
        "cases": cases,
        "truncated": truncated,
        "one_sided": one_sided,
        "windows": windows,
        "decoded": decoded,
        "configs": configs,
    }
    (HERE / "huggingface.json").write_text(
        json.dumps(out, ensure_ascii=True, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n"
    )


if __name__ == "__main__":
    main()
