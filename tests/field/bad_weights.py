"""Bad models: files of weights that aren't whole, don't fit, or hold values that no model can be meant to have."""

import math

import numpy as np

from tests.checkpoints import FIRST_A, TASKS
from tests.field.making_bad_inputs import (
    ADAPTER,
    ADAPTER_WEIGHTS,
    BASE,
    DEEP,
    INDEX,
    LFS_POINTER,
    MERGED,
    NATIVE,
    ORIGINAL,
    SHARD,
    TINY,
    BadInput,
    adapter_in_root,
    both,
    called,
    called_otherwise,
    config,
    content,
    entries,
    evaluated,
    header,
    in_bfloat16,
    in_shards,
    loaded,
    lost,
    masked_language_model,
    of_type,
    options,
    pipe,
    renamed,
    rewritten,
    shard,
    spoilt,
    taken_out,
    tensors,
    whole_embeddings,
)

WHOLE = header(b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}') + bytes(16)
WORDS, WORDS_OF_ORIGINAL = (
    "embeddings.word_embeddings.weight",
    "roberta.embeddings.word_embeddings.parametrizations.weight",
)
ADAPTER_A = "base_model.model.layers.0.mlp.fc1.lora_A.weight"
UNMET = 4
"""The row of <mask> in the embedding matrix: no text has it."""
AGAIN = "; fetch or export it again"
NO_HEADER = f"FOLDER/{{}}: not a readable safetensors file ({{}}){AGAIN}"
NO_FIT = "FOLDER: the weights don't fit JinaEmbeddingsV3Model: {}"
NO_FIT_OF_ORIGINAL = "FOLDER: the weights don't fit the layout of jinaai/jina-embeddings-v3: {}"
NO_FIT_OF_ADAPTER = "FOLDER/separation: the adapter of task 'separation' doesn't fit the base model: {}"
OTHER_TYPE = "; this suite loads F64, F32, F16 and BF16; export it in one of them, unquantised"
PICKLED = (
    "holds pickled weights only ({}), which can run code when loaded and are refused; convert them to safetensors "
    "(save_pretrained writes it)"
)
BESIDE = (
    "FOLDER/adapter_config.json: an adapter beside the weights: whether it is merged into them or belongs on top is "
    "unclear; remove it if it is merged, else move it to its task's own folder"
)
MASKED = (
    "FOLDER: a masked-language model, whose weights hold lm_head.dense.weight too: save the encoder alone "
    "(AutoModelForMaskedLM.from_pretrained(...).base_model.save_pretrained(...)), copy the tokenizer there and …"
)
IN_FLOAT16 = (
    " holds 2 values that are infinite in float16; the largest that float16 holds is 65,504; use --dtype float32 or "
    "bfloat16"
)
WHOLE_EMBEDDINGS = (
    "FOLDER/separation: the adapter file holds an embedding matrix itself, …, as PEFT writes it with "
    "save_embedding_layers: export the adapter with save_pretrained(..., save_embedding_layers=False) or, …"
)

# A row is a line, or a line and what goes on below it.
# fmt: off
FILES = [
    *(
        kind(f"{file} without its last {size} bytes",
            f"FOLDER/{file}: truncated: its header promises {len(WHOLE)} bytes, it has {len(WHOLE) - size}{AGAIN}",
            content(file, WHOLE[:-size]))
        for kind, file in [(evaluated, BASE), (called, "text_matching/adapter_model.safetensors")]
        for size in (1, 16)
    ),
    called(f"{BASE} with a byte more",
        f"FOLDER/{BASE}: followed by other data: its header promises … bytes, it has …{AGAIN}",
        rewritten(BASE, lambda written: written + b"\0")),
    *(
        called(f"{BASE}: {written[:70]}", NO_HEADER.format(BASE, "…"), content(BASE, written))
        for written in [
            b"",
            b"1234567",
            (2**63).to_bytes(8, "little"),
            (4).to_bytes(8, "little") + b"{",
            header(b"[]"),
            header(b'{"a": {}}'),
            header(b'{"a": 1}'),
            header(b"\xff\xff"),
            header(b'{"a": {"shape": [1], "data_offsets": [0]}}'),
            header(b'{"a": {"shape": [1], "data_offsets": [0, "x"]}}'),
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        ]
    ),
    *(
        BadInput(f"{file}: {tried}", NO_HEADER.format(file, why), content(file, written))
        for file, tried, why, written in [
            (BASE, "100,000 lists in its header", "nested too deeply", header(DEEP)),
            (BASE, "a size that is a text", "a shape must be a list of sizes",
                header(b'{"a": {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 0]}}')),
            *(
                (file, "a pointer of Git LFS", "is a Git LFS pointer, the file itself wasn't fetched: run git lfs pull",
                    LFS_POINTER)
                for file in (BASE, ADAPTER_WEIGHTS)
            ),
        ]
    ),
    evaluated("sizes and places of tensors that contradict each other", NO_HEADER.format(BASE, "…"),
        rewritten(BASE, lambda written: written.replace(b'"shape":[32,64]', b'"shape":[32,63]')), model=NATIVE),
    called("no tensors", f"FOLDER/{BASE}: holds no tensors{AGAIN}", content(BASE, header(b"{}"))),
    *(
        BadInput(f"{file}: a pipe", f"FOLDER/{file}: a pipe or a device where a file belongs{AGAIN}", pipe(file))
        for file in (BASE, ADAPTER_WEIGHTS)
    ),
    called(f"no {BASE}", f"FOLDER: no {BASE} and no {INDEX}: not a model checkpoint", lost(BASE)),
    called("an adapter without weights",
        "FOLDER/separation: no adapter_model.safetensors and no adapter_model.safetensors.index.json: …",
        lost(ADAPTER_WEIGHTS)),
    *(
        called(f"pickled weights: {name}", f"FOLDER: {PICKLED.format(name)}", renamed(BASE, name))
        for name in ("pytorch_model.bin", "model.pt")
    ),
    called("a pickled adapter", f"FOLDER/separation: {PICKLED.format('adapter_model.bin')}",
        renamed(ADAPTER_WEIGHTS, "separation/adapter_model.bin")),
    called("a shard missing", f"FOLDER: shards listed in {INDEX} are missing: {SHARD}", both(in_shards(), lost(SHARD))),
    *(
        called(f"{INDEX}: {written}", f"FOLDER/{INDEX}: {said}", both(in_shards(), content(INDEX, written.encode())))
        for written, said in {
            "{": f"unreadable (cut off, as its JSON has no end){AGAIN}",
            "[]": "needs a JSON object, holds a list",
            "{}": "weight_map is None, needs an object of texts",
            '{"weight_map": 3}': "weight_map is 3, needs an object of texts",
            '{"weight_map": {}}': f"its weight_map names no files{AGAIN}",
            '{"weight_map": {"a": 3}}': "weight_map is {'a': 3}, needs an object of texts",
        }.items()
    ),
    *(
        BadInput(f"{INDEX} that names {name!r}",
            f"FOLDER/{INDEX}: its weight_map names {name!r}, which isn't in this folder{AGAIN}", shard(name))
        for name in ("../outside.safetensors", "/etc/passwd", "a\0b")
    ),
]

TYPES = [
    evaluated(f"{file} of {kind}, {model}", f"FOLDER/{file}: {name or '…'} is of type {called_there}{OTHER_TYPE}",
        of_type(file, kind, name), model=model)
    for file, kind, called_there, model, name in [
        (BASE, "complex64", "C64", NATIVE, "embeddings.LayerNorm.bias"),
        (BASE, "int8", "I8", NATIVE, "embeddings.LayerNorm.bias"),
        (BASE, "uint8", "U8", NATIVE, "embeddings.LayerNorm.bias"),
        (BASE, "int64", "I64", NATIVE, "embeddings.LayerNorm.bias"),
        (BASE, "bool", "BOOL", NATIVE, "embeddings.LayerNorm.bias"),
        (BASE, "float8_e4m3fn", "F8_E4M3", NATIVE, "embeddings.LayerNorm.bias"),
        (ADAPTER_WEIGHTS, "complex64", "C64", NATIVE, FIRST_A),
        (ADAPTER_WEIGHTS, "int8", "I8", NATIVE, FIRST_A),
        (BASE, "complex64", "C64", ORIGINAL, "roberta.encoder.layers.0.mlp.fc1.parametrizations.weight.0.lora_B"),
    ]
]

FIT = [
    # The base.
    *(
        loaded(tried, NO_FIT.format(said), tensors(BASE, change), model=model)
        for tried, said, model, change in [
            ("a layer norm missing", "1 missing (first: embeddings.LayerNorm.weight)", TINY,
                taken_out("emb_ln.weight")),
            ("a tensor too many", "1 unexpected (first: head.weight)", TINY,
                lambda stored: stored.update({"head.weight": stored["emb_ln.weight"]})),
            ("a row too many in the embedding matrix", "1 misshapen (first: ('embeddings.word_embeddings.weight', …",
                TINY, lambda stored: stored.update({WORDS: stored[WORDS][[0, *range(len(stored[WORDS]))]]})),
            ("a tensor by another name",
                "1 missing (first: layers.0.mlp.fc1.weight); 1 unexpected (first: layers.0.other)", NATIVE,
                called_otherwise("layers.0.mlp.fc1.weight", "layers.0.other")),
        ]
    ),
    *(
        evaluated(f"config.json: num_hidden_layers {layers}, of 2, {model}", line, config(num_hidden_layers=layers),
            model=model, tasks="separation" if model == MERGED else "")
        for layers, model, line in [
            (1, MERGED, NO_FIT.format("16 unexpected (first: layers.1.…")),
            (3, MERGED, NO_FIT.format("16 missing (first: layers.2.…")),
            (1, ORIGINAL, NO_FIT_OF_ORIGINAL.format("… unexpected (first: roberta.encoder.layers.1.…")),
            (3, ORIGINAL, NO_FIT_OF_ORIGINAL.format("… missing (first: roberta.encoder.layers.2.…")),
        ]
    ),
    evaluated("a tensor under two names",
        f"FOLDER: emb_ln.weight and embeddings.LayerNorm.weight are both embeddings.LayerNorm.weight{AGAIN}",
        tensors(BASE, lambda stored: stored.update({"embeddings.LayerNorm.weight": 2 * stored["emb_ln.weight"]}))),
    BadInput("a JinaEmbeddingsV3ForMaskedLM", MASKED,
        masked_language_model(architectures=["JinaEmbeddingsV3ForMaskedLM"])),
    called("an XLMRobertaForMaskedLM", MASKED, masked_language_model(architectures=["XLMRobertaForMaskedLM"],
        model_type="xlm-roberta")),
    called("a plain XLM-RoBERTa", "FOLDER: model_type is 'xlm-roberta'; …",
        tensors(BASE, lambda stored: stored.clear() or stored.update({WORDS: np.zeros((3, 3), np.float32)})),
        model=ORIGINAL),
    # The banks of the original layout.
    called(
        "a bank missing",
        NO_FIT_OF_ORIGINAL.format(
            "1 missing (first: roberta.encoder.layers.0.mlp.fc1.parametrizations.weight.0.lora_A)"
        ),
        tensors(BASE, taken_out("layers.0.mlp.fc1.parametrizations.weight.0.lora_A")),
        model=ORIGINAL,
    ),
    called("a task less than banks", NO_FIT_OF_ORIGINAL.format("… misshapen (first: …"),
        config(lora_adaptations=list(TASKS[:4])), model=ORIGINAL),
    BadInput("lora_rank 10^12", NO_FIT_OF_ORIGINAL.format("… misshapen (first: …"), config(lora_rank=10**12),
        model=ORIGINAL),
    # Adapters.
    *(
        called(f"an adapter with {tried}", NO_FIT_OF_ADAPTER.format(said), tensors(ADAPTER_WEIGHTS, change))
        for tried, said, change in [
            ("a tensor missing", f"1 missing (first: {FIRST_A})", taken_out(FIRST_A)),
            ("a tensor by another name",
                f"1 missing (first: {FIRST_A}); 1 unexpected (first: base_model.model.elsewhere.lora_A)",
                called_otherwise(FIRST_A, "base_model.model.elsewhere.lora_A")),
            ("a tensor transposed", f"1 misshapen (first: {FIRST_A})",
                lambda stored: stored.update({FIRST_A: stored[FIRST_A].T})),
        ]
    ),
    *(
        kind(f"{ADAPTER}: r {rank}", NO_FIT_OF_ADAPTER.format("30 misshapen (first: …"), entries(ADAPTER, r=rank))
        for kind, rank in [(called, 8), (BadInput, 10**12)]
    ),
    called("adapters of a deeper model",
        "FOLDER/retrieval_query: the adapter of task 'retrieval.query' doesn't fit the base model: 12 unexpected "
        "(first: base_model.model.layers.1.…", config(num_hidden_layers=1)),
    called("an adapter that holds a matrix under two names",
        f"FOLDER/separation: {ADAPTER_A} is there twice, once as roberta.layers.0.mlp.fc1.lora_A.weight",
        tensors(ADAPTER_WEIGHTS,
        lambda stored: stored.update({"roberta.layers.0.mlp.fc1.lora_A.weight": stored[ADAPTER_A]})),
        tasks="separation"),
    BadInput("an adapter file with PEFT's save_embedding_layers", WHOLE_EMBEDDINGS, whole_embeddings),
    # An adapter beside the base.
    evaluated("an adapter beside the base", BESIDE, adapter_in_root),
    evaluated("an adapter beside a base that lacks weights", BESIDE,
        both(adapter_in_root, tensors(BASE, taken_out("layers.1.mlp")))),
    evaluated("an adapter's weights beside a base that lacks weights", NO_FIT.format("4 missing (first: …"),
        both(adapter_in_root, lost("adapter_config.json"), tensors(BASE, taken_out("layers.1.mlp")))),
    evaluated("an adapter beside a merged base", BESIDE, content("adapter_config.json", {"peft_type": "LORA"}),
        model=MERGED, tasks="separation"),
    evaluated("an adapter beside banks", BESIDE, content("adapter_config.json", {"peft_type": "LORA"}), model=ORIGINAL),
]

VALUES = [
    *(
        evaluated(f"{value} in a row of the embedding matrix that no text meets",
            f"FOLDER/{BASE}: {WORDS} holds 32 values that are NaN or infinite{AGAIN}",
            tensors(BASE, spoilt(WORDS, value, UNMET)))
        for value in (math.nan, math.inf, -math.inf)
    ),
    evaluated("NaN and infinity in two tensors",
        f"FOLDER/{BASE}: emb_ln.bias holds 1 value that is NaN or infinite, and so does 1 tensor more{AGAIN}",
        both(tensors(BASE, spoilt(WORDS, math.nan, UNMET)), tensors(BASE, spoilt("emb_ln.bias", math.inf, UNMET)))),
    evaluated("NaN in an adapter", f"FOLDER/{ADAPTER_WEIGHTS}: {ADAPTER_A} holds 1 value that is NaN or infinite…",
        tensors(ADAPTER_WEIGHTS, spoilt(ADAPTER_A, math.nan, (0, 0)))),
    evaluated("NaN in a shard", f"FOLDER/{SHARD}: {WORDS} holds 32 values…", in_shards(spoilt(WORDS, math.nan, UNMET))),
    *(
        evaluated(f"NaN in {part} of the original layout", f"FOLDER/{BASE}: {WORDS_OF_ORIGINAL}.{part} holds …",
            tensors(BASE, spoilt(f"{WORDS_OF_ORIGINAL}.{part}", math.nan, (0, 0))), model=ORIGINAL)
        for part in ("original", "0.lora_A")
    ),
    evaluated("infinity in a file in bfloat16", f"FOLDER/{BASE}: {WORDS} holds 1 value…",
        both(tensors(BASE, spoilt(WORDS, math.inf, (UNMET, 3))), in_bfloat16, options("--dtype=bfloat16"))),
    *(
        evaluated(f"{file}: values too large for float16", f"FOLDER/{file}: {name}{IN_FLOAT16}",
            both(tensors(file, spoilt(name, 70_000.0, (1, slice(2)))), options("--dtype=float16")))
        for file, name in {BASE: WORDS, ADAPTER_WEIGHTS: ADAPTER_A}.items()
    ),
]

WEIGHTS = [*FILES, *TYPES, *FIT, *VALUES]
