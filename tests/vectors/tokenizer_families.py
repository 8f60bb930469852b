"""Tokenizers with exactly the pipelines of the model families, trained on given text with Hugging Face's tokenizers.
Used by make_tokenizers.py beside this file and by tests/model/tokenizers_live.py."""
import json
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

EOT = "<|endoftext|>"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace("{1,3}", "")
MISTRAL = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NAMED = {"bos_token": EOT, "eos_token": EOT}


def bytes_of(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, "use_regex": True, **options})


def split(pattern, behavior="isolated", invert=False, **options):
    step = pre_tokenizers.Split(Regex(pattern), behavior, invert)
    return pre_tokenizers.Sequence([step, bytes_of(use_regex=False, **options)])


def begins_with(tokenizer, token):
    ids = [(token, tokenizer.token_to_id(token))]
    template = processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=ids)
    return processors.Sequence([processors.ByteLevel(trim_offsets=False), template])


def byte_level(texts, size, pre, special=(EOT,), normalizer=None, added=(), bos=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=list(special), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    if bos:
        tokenizer.post_processor = begins_with(tokenizer, bos)
    tokenizer.add_tokens(list(added))
    return tokenizer


def gpt1(texts, size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=120, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def llama2(texts, size, scheme=None, added=()):
    """Spaces are marked by a normaliser (Llama 2's file), or by Metaspace with the given scheme."""
    special = ["<unk>", "<s>", "</s>"]
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special + fallback, limit_alphabet=100, show_progress=False)
    trained.train_from_iterator(texts, trainer)
    spec = json.loads(trained.to_str())
    spec["added_tokens"] = [token for token in spec["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    if scheme:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=scheme == "always")
    else:
        tokenizer.pre_tokenizer = None
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.add_tokens(list(added))
    return tokenizer




SPACES = [AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)]
FLAGS = [
    AddedToken("the", single_word=True),
    AddedToken("<l>", lstrip=True, normalized=False),
    AddedToken("<r>", rstrip=True),
    AddedToken("<lr>", lstrip=True, rstrip=True, special=True),
    AddedToken("a <|end"),
    AddedToken("\u00c5", normalized=True),
    AddedToken("e\u0301", normalized=True),
    AddedToken("e\u0301x", normalized=False),
]
FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}
LLAMA = {**FAST, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

#: name: (how to train it on (texts, size), config.json, tokenizer_config.json)
FAMILIES = {
    "gpt2-like": (lambda t, n: byte_level(t, n, bytes_of()), {"model_type": "gpt2"}, {}),
    "pythia": (
        lambda t, n: byte_level(t, n, bytes_of(), [EOT, "<|padding|>"], normalizers.NFC(), SPACES),
        {"model_type": "gpt_neox"},
        {"tokenizer_class": "GPTNeoXTokenizer", **NAMED},
    ),
    "llama3": (
        lambda t, n: byte_level(t, n, split(LLAMA3), ["<|begin_of_text|>", "<|end_of_text|>"], bos="<|begin_of_text|>", ignore_merges=True),
        {"model_type": "llama"},
        {**FAST, "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"},
    ),
    "qwen": (
        lambda t, n: byte_level(t, n, split(QWEN), [EOT, "<|im_start|>", "<|im_end|>"], normalizers.NFC()),
        {"model_type": "qwen2"},
        {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": EOT},
    ),
    "smollm": (
        lambda t, n: byte_level(t, n, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytes_of()]), [EOT, "<|im_start|>"]),
        {"model_type": "llama"},
        {**FAST, **NAMED},
    ),
    "mistral": (
        lambda t, n: byte_level(t, n, split(MISTRAL), ["<unk>", "<s>", "</s>"], bos="<s>", ignore_merges=True),
        {"model_type": "mistral"},
        LLAMA,
    ),
    "flags": (
        lambda t, n: byte_level(
            t, n, pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "isolated"), pre_tokenizers.Digits(), bytes_of(add_prefix_space=True)]), normalizer=normalizers.NFC(), added=FLAGS
        ),
        {"model_type": "llama"},
        {**FAST, "bos_token": EOT},
    ),
    "removed": (lambda t, n: byte_level(t, n, split(r"[\p{L}\p{M}]+|\S", "removed", True)), {"model_type": "llama"}, {**FAST, "bos_token": EOT}),
    "gpt1": (gpt1, {"model_type": "openai-gpt"}, {"unk_token": "<unk>"}),
    "llama2": (llama2, {"model_type": "llama"}, LLAMA),
    "llama2-first": (lambda t, n: llama2(t, n, "first", FLAGS[:4]), {"model_type": "llama"}, LLAMA),
    "llama2-always": (lambda t, n: llama2(t, n, "always"), {"model_type": "llama"}, LLAMA),
}


def token_ids(tokenizer, texts):
    """Ids with text that spells a special token as text, and as that token."""
    tokenizer.encode_special_tokens = True
    plain = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    tokenizer.encode_special_tokens = False
    return plain, [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


#: What the adversarial texts do not hold: added tokens of the families, and characters on which Unicode tables differ.
TEXTS = [
    "ΟΔΥΣΣΕΥΣ Σ σς", "İstanbul ISTANBUL ıİ", "e\u0301x cafe\u0301 Å A\u030a", "  the the. thethe <l> <r>  x <lr>  a <|endoftext|>b",
    "\ufeffx \ufeff y\u0085z", "don'T I'LL '\u017f 'S", "a 12345678 ١٢٣ ½ ²", "\r\n\r\n  \r\n\t\n x", "𠀀𪜀\U0002b820\U0002b920",
    "\u08d1\u1734\U0001171ex", "\u0bca\U000105d2\u0307 \U000113c2\U000113c2", "a\u0301\u0323\u1acf\u0334", "\ua7ce\U00016ea0 \u0295abc ʕ",
    "if x:\n        return  [1,   2]\n", "<|begin_of_text|>a<|end_of_text|>", "<s> a</s>b <unk>", "<|im_start|>user\nhi<|im_end|>", "x <|padding|> y",
    "a▁b ▁▁c ▁", "<0x41> <0xC3>", "\u2028\u2029\u3000x", "MiXeD CaSe HTTPServer iPhone x/y//\n/z", "1234 12 1 12345", " hi", "  hi ", "\n", "the",
]
