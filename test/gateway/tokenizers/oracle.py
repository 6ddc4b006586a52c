"""
Small tokenizers of each kind, trained here, and what the Python library makes of many texts and pairs with them:

    python oracle.py DIRECTORY > outcomes.json

DIRECTORY/NAME/ gets tokenizer.json and tokenizer_config.json; outcomes are lists of {name, config, texts, pairs, rows}.
"""
import itertools
import json
import os
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The quick brown fox jumps over the lazy dog.",
    "How are you today? I am fine, thank you very much!",
    "It's 2024-05-17, 12:30 p.m.; prices rose by 3.5% to $1,234.56.",
    "Zürich, São Paulo, Kraków und Århus sind schöne Städte — naïve café déjà-vu.",
    "東京は日本の首都です。我爱北京天安门。 서울은 한국의 수도이다.",
    "Москва — столица России. Ελλάδα και Αθήνα.",
    "def main(argv):\n\treturn [x ** 2 for x in argv if x > 0]\n",
    "😀 👍🏽 👨‍👩‍👧 are emoji, and so is ❤️.",
    "مرحبا بالعالم שלום עולם नमस्ते दुनिया",
] * 20

TEXTS = [
    "The quick brown fox",
    "how are you",
    "",
    " ",
    "  leading and   inner  spaces ",
    "tabs\tand\nlines\r\nhere",
    "Zürich São Paulo KRAKÓW ÅRHUS",
    "e\u0301 combining n\u0303 and \u00e9 composed",
    "東京は日本の首都です。我爱北京",
    "서울은 한국의 수도이다",
    "Москва столица ΕΛΛΆΔΑ ςΣσ",
    "😀👍🏽 👨‍👩‍👧 ❤️ family",
    "مرحبا بالعالم שלום नमस्ते",
    "it's I'll don't we've O'Neill",
    "3.14159 and 1,234,567 or 0xFF",
    "a\u00a0no\u2003break\u200bzero\ufeffwidth",
    "\ufb01ne \uff26\uff55\uff4c\uff4c \u2460 \u00bd \u2167",
    "İstanbul ıssız straße STRASSE",
    "control\u0000char\u0007bell\u001b[0m",
    "under_score kebab-case camelCase x**2==y",
    "The [SEP] of [MASK] and </s> or <s> in text",
    "unknown ∀x∈ℝ ⟨ψ|φ⟩ \U0001f9d1\U0001f3fb\u200d\U0001f680",
    "The quick brown fox jumps over the lazy dog and then it runs away from the very angry big bear again and again.",
    "word " * 60,
]
PAIRS = [
    (a, b)
    for a, b in zip(TEXTS, TEXTS[7:] + TEXTS[:7])
] + [(TEXTS[-2], TEXTS[-1]), (TEXTS[-1], "short"), ("short", TEXTS[-1])]


def train(tokenizer, trainer):
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def template(tokenizer, single, pair, *specials):
    ids = [(token, tokenizer.token_to_id(token)) for token in specials]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    return tokenizer


BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def bert(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    train(tokenizer, trainers.WordPieceTrainer(vocab_size=600, special_tokens=BERT_SPECIALS, show_progress=False))
    return template(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS]", "[SEP]")


def bert_processing():
    tokenizer = bert(True)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def byte_level(prefix, specials):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return train(
        tokenizer,
        trainers.BpeTrainer(vocab_size=700, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )


def gpt2():
    tokenizer = byte_level(False, ["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = byte_level(True, ROBERTA_SPECIALS)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def llama3():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|begin_of_text|>", "<|end_of_text|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    train(tokenizer, trainer)
    begin = [("<|begin_of_text|>", 0)]
    around = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=begin
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), around])
    return tokenizer


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=specials, unk_token="<unk>", show_progress=False
    )
    train(tokenizer, trainer)
    return template(tokenizer, "$A </s>", "$A </s> $B </s>", "</s>")


def byte_fallback():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=specials, show_progress=False)
    train(tokenizer, trainer)
    return template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1", "<s>")


def word_level():
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=BERT_SPECIALS, show_progress=False)
    train(tokenizer, trainer)
    return template(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS]", "[SEP]")


KINDS = {
    "bert-uncased": (lambda: bert(True), "[PAD]"),
    "bert-cased": (lambda: bert(False), "[PAD]"),
    "bert-processing": (bert_processing, "[PAD]"),
    "gpt2": (gpt2, "<|endoftext|>"),
    "roberta": (roberta, "<pad>"),
    "llama3": (llama3, "<|end_of_text|>"),
    "unigram": (unigram, "<pad>"),
    "byte-fallback": (byte_fallback, "</s>"),
    "word-level": (word_level, "[PAD]"),
}


def outcome(tokenizer, pad, how, batch):
    """None where the library refuses."""
    side, truncation_side, max_tokens, truncation, length = how
    tokenizer.enable_padding(
        direction=side, pad_id=tokenizer.token_to_id(pad), pad_token=pad, length=max_tokens if length == "max" else None
    )
    tokenizer.enable_truncation(max_tokens, strategy=truncation, direction=truncation_side)
    try:
        rows = tokenizer.encode_batch(batch)
    except BaseException:  # a panic of Rust is one of these
        return None
    return [[row.ids, row.attention_mask, row.type_ids] for row in rows]


def hows():
    yield ("right", "right", 4096, "longest_first", "longest")
    for side, cut in itertools.product(("right", "left"), repeat=2):
        yield (side, cut, 16, "longest_first", "max")
    for truncation in ("longest_first", "only_first", "only_second"):
        for max_tokens in (7, 24, 31, 80):
            yield ("right", "right", max_tokens, truncation, "longest")


def main(directory):
    outcomes = []
    for name, (make, pad) in KINDS.items():
        tokenizer = make()
        folder = os.path.join(directory, name)
        os.makedirs(folder)
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        for how in hows():
            side, cut, max_tokens, truncation, length = how
            config = {"pad_token": pad, "padding_side": side, "truncation_side": cut}
            # One at a time where a row may be refused, so that the others still say what they are.
            alone = truncation != "longest_first"
            for kind, batch in (("texts", TEXTS), ("pairs", PAIRS)):
                for part in [[row] for row in batch] if alone else [batch]:
                    rows = outcome(tokenizer, pad, how, part)
                    outcomes.append(
                        {
                            "name": name,
                            "kind": kind,
                            "config": config,
                            "maxTokens": max_tokens,
                            "truncate": truncation,
                            "pad": length,
                            "batch": part,
                            "rows": rows,
                        }
                    )
        tokenizer.no_padding()
        tokenizer.no_truncation()
    json.dump(outcomes, sys.stdout)


main(sys.argv[1])
