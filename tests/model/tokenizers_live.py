"""Tokenizers of every family trained on real text, and the reference's answers, for tokenizers.test.ts.

tokenizers_live.py FOLDER TEXTS VOCABULARY [CORPUS_FILE…]: a folder a family with reference.json
tokenizers_live.py answer TEXTS FOLDER…: reference.json into folders that are there already
"""
import json, os, random, sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vectors"))
sys.dont_write_bytecode = True
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from tokenizer_families import EOT, FAMILIES, TEXTS, token_ids


#: Families that between them have every class of characters and every normal form: they read the code points too.
POINTS = ("pythia", "mistral", "gpt1")


def answer(folder, given):
    auto = AutoTokenizer.from_pretrained(folder)
    file = os.path.join(folder, "tokenizer.json")
    tokenizer = Tokenizer.from_file(file) if os.path.exists(file) else Tokenizer.from_str(auto.backend_tokenizer.to_str())
    texts = TEXTS + given["texts"] + (given["points"] if os.path.basename(folder) in POINTS else [])
    plain, special = token_ids(tokenizer, texts)
    draw = random.Random(os.path.basename(folder))
    lists = [[draw.randrange(tokenizer.get_vocab_size()) for _ in range(draw.randrange(1, 12))] for _ in range(1000)]
    reference = {
        "class": type(auto).__name__,
        "start": auto.bos_token_id if auto.bos_token_id is not None else auto.eos_token_id,
        "texts": texts,
        "plain": plain,
        "special": [[i, ids] for i, ids in enumerate(special) if ids != plain[i]],
        # What a model of this folder is really fed, begin and end included.
        "fed": [auto(text).input_ids for text in texts[:300]],
        "decoded": [[ids, auto.decode(ids, clean_up_tokenization_spaces=False)] for ids in lists],
    }
    json.dump(reference, open(os.path.join(folder, "reference.json"), "w"))


def write(folder, tokenizer, config, tokenizer_config, vocabulary_only=False):
    os.makedirs(folder)
    if vocabulary_only:
        tokenizer.model.save(folder)
    else:
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
    json.dump(config, open(os.path.join(folder, "config.json"), "w"))
    json.dump(tokenizer_config, open(os.path.join(folder, "tokenizer_config.json"), "w"))


if sys.argv[1] == "answer":
    given = json.load(open(sys.argv[2]))
    for folder in sys.argv[3:]:
        answer(folder, given)
else:
    root, given, size = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
    corpus = [open(path, encoding="utf-8", errors="replace").read()[:200_000] for path in sys.argv[4:]] + given["texts"][:50]
    for name, (train, config, tokenizer_config) in FAMILIES.items():
        tokenizer = train(corpus, size)
        folders = [os.path.join(root, name)]
        write(folders[0], tokenizer, config, tokenizer_config)
        if name in ("gpt2-like", "pythia", "qwen", "gpt1"):
            folders.append(os.path.join(root, f"{name}.vocabulary"))
            begins = {} if name == "gpt1" else {"add_bos_token": True, "bos_token": EOT}
            write(folders[1], tokenizer, config, begins, vocabulary_only=True)
        for folder in folders:
            answer(folder, given)
