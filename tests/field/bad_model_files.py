"""Bad models: files that can't be read, tokenizers, configs of adapters and of sentence-transformers."""

import math

from tests.field.making_bad_inputs import (
    ADAPTER,
    CONFIG,
    CONFLICT,
    DEEP,
    INDEX,
    LARGER,
    LENGTHS,
    LFS_POINTER,
    ORIGINAL,
    POOLING,
    PROMPTS,
    TINY,
    TOKENIZER,
    BadInput,
    both,
    called,
    content,
    directory,
    emptied,
    entries,
    evaluated,
    huge,
    link,
    loaded,
    lost,
    modules,
    pipe,
    prompts,
    renamed,
    stated,
)

MODULES = "modules.json"
BOTH = (TINY, ORIGINAL)
HUGE = 10**400
AGAIN = "; fetch or export it again"
NO_LORA = f"FOLDER/{ADAPTER}: not a LoRA configuration with r and a list of target_modules"
OTHER_METHOD = "; known to leave the base as it is: true, false, gaussian, orthogonal, eva, mica; export the adapter …"
OTHER_MEAN = f"FOLDER/{POOLING}: pooling is {{}}; this suite takes the mean over all tokens"
OTHER_STEPS = f"FOLDER/{MODULES}: the modules are {{}}; this suite encodes with Transformer, Pooling, Normalize and …"
PLAIN_LORA = (
    "; this suite loads plain LoRA (r, lora_alpha, use_rslora, target_modules); export the adapter as that or merge it "
    "into the weights"
)
OTHER_BASE = (
    ": such an adapter belongs to a base that PEFT has changed, not to this one; export it as plain LoRA (PEFT's "
    "save_pretrained with path_initial_model_for_weight_conversion) or merge it into the weights"
)
DAMAGED = {
    b"{": "cut off, as its JSON has no end",
    b"": "empty",
    b"\xff\xfe{}": "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
}
"""Contents of a JSON file that can't be read, and why."""


# A row is a line, or a line and what goes on below it.
# fmt: off
FILES = [
    called("an empty folder", "FOLDER: no config.json, so not a model checkpoint; give the folder that has it",
        emptied),
    evaluated("no tokenizer.json",
        "FOLDER: no tokenizer (tokenizer.json or sentencepiece.bpe.model); fetch or export it again",
        lost("tokenizer.json")),
    *(
        called(f"{file}: {written}", f"FOLDER/{file}: unreadable ({why}){AGAIN}", both(*beside, content(file, written)))
        for file, beside in {CONFIG: [], TOKENIZER: [], ADAPTER: [], PROMPTS: [prompts({})]}.items()
        for written, why in DAMAGED.items()
    ),
    *(
        BadInput(f"{file}: 100,000 lists in each other", f"FOLDER/{file}: unreadable (nested too deeply){AGAIN}",
            both(*beside, content(file, DEEP)))
        for file, beside in {
            CONFIG: [],
            ADAPTER: [],
            TOKENIZER: [],
            MODULES: [],
            INDEX: [lost("model.safetensors")],
        }.items()
    ),
    BadInput("config.json: an entry of 500 lists in each other",
        f"FOLDER/config.json: unreadable (nested too deeply){AGAIN}",
        content(CONFIG, b'{"truncate_dim": ' + b"[" * 500 + b"]" * 500 + b"}")),
    called("config.json: a list", "FOLDER/config.json: needs a JSON object, holds a list", content(CONFIG, [])),
    BadInput("config.json: both sides of a merge",
        "FOLDER/config.json: holds an unresolved merge conflict; resolve it, keeping one side or the other",
        content(CONFIG, CONFLICT)),
    *(
        BadInput(f"{file}: a pointer of Git LFS",
            f"FOLDER/{file}: is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull",
            content(file, LFS_POINTER))
        for file in (CONFIG, ADAPTER, TOKENIZER, "tokenizer.json")
    ),
    *(
        BadInput(f"{file}: {what}", f"FOLDER/{file}: {problem}{AGAIN}", make)
        for file, what, problem, make in [
            (CONFIG, "a folder", "a folder where a file belongs", directory(CONFIG)),
            (ADAPTER, "a folder", "a folder where a file belongs", directory(ADAPTER)),
            (CONFIG, "a link to itself", "Too many levels of symbolic links", link(CONFIG)),
            ("added_tokens.json", "a link to nothing", "No such file or directory", link("added_tokens.json", "gone")),
            (CONFIG, "a pipe", "a pipe or a device where a file belongs", pipe(CONFIG)),
            ("tokenizer.json", "a pipe", "a pipe or a device where a file belongs", pipe("tokenizer.json")),
        ]
    ),
    *(
        BadInput(f"{file}: 10 TiB", f"FOLDER/{file}: {LARGER} 1,073,741,824 are read{AGAIN}", huge(file))
        for file in (CONFIG, "tokenizer.json", "chat_template.jinja", ADAPTER)
    ),
    BadInput(f"{POOLING}: 10 TiB", f"FOLDER/{POOLING}: unreadable ({LARGER} 67,108,864 are read){AGAIN}",
        both(modules(), huge(POOLING))),
]

SENTENCE_TRANSFORMERS = [
    *stated(BadInput, POOLING, [
        ("pooling_mode", [5, [["mean"]]], ", needs the name of a mode, or a list of them"),
        ("pooling_mode_mean_tokens", ["no"], ", needs true or false"),
        ("include_prompt", ["false"], ", needs true or false"),
    ]),
    BadInput(f"{POOLING}: a list", f"FOLDER/{POOLING}: needs a JSON object, holds a list", modules(pooling=[])),
    *(
        called(f"{POOLING}: {said}", OTHER_MEAN.format(shown), modules(pooling=said))
        for said, shown in [
            ({"pooling_mode": "cls"}, "cls"),
            ({"pooling_mode": ["mean", "max"]}, "max, mean"),
            ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "cls, mean"),
            ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len"),
            ({}, "none"),
        ]
    ),
    called("a mean without the prompt",
        f"FOLDER/{POOLING}: include_prompt is false; this suite's mean includes the prefix's tokens",
        entries(POOLING, include_prompt=False)),
    *(
        called(f"modules {steps}", OTHER_STEPS.format(", ".join(steps) or "none"), modules(steps))
        for steps in [("Transformer", "Pooling"), ("Transformer", "Pooling", "Dense", "Normalize"), ()]
    ),
    *(
        BadInput(f"a module with {first}", f"FOLDER/{MODULES}: {said}", modules(**first))
        for said, first in {
            "type is 5, needs a text": {"type": 5},
            "path is 5, needs a text": {"path": 5},
            "a module's path is '../other', which is no folder inside this one": {"path": "../other"},
        }.items()
    ),
    *stated(BadInput, LENGTHS, [
        ("max_seq_length", [0, -1, True, "100", 1.5, [100]], ", needs a whole number of at least 1, or null"),
        ("transformer_task", ["fill-mask"], "; this suite needs 'feature-extraction'"),
        ("module_output_name", ["pooler_output"], "; this suite needs 'token_embeddings'"),
        ("query_length", [32], "; this suite needs None"),
        ("document_length", [32], "; this suite needs None"),
        ("processing_kwargs", [{"text": {"max_length": 8}}], "; this suite needs {}"),
    ]),
    BadInput("a cut of sentence-transformers", f"FOLDER/{PROMPTS}: truncate_dim is 16; …",
        both(modules(), entries(PROMPTS, truncate_dim=16))),
]
"""Folders as sentence-transformers saves them."""

ADAPTERS = [
    evaluated("an adapter's folder missing",
        "FOLDER/retrieval_query: the adapter folder of task 'retrieval.query' is missing; use --tasks to leave it out",
        lost("retrieval_query")),
    evaluated("an adapter's folder empty",
        "FOLDER/separation: no adapter_config.json, so no adapter; fetch or export the folder again",
        lost(ADAPTER, "separation/adapter_model.safetensors")),
    *(
        kind(f"{ADAPTER}: {changed}", NO_LORA, entries(ADAPTER, **changed))
        for kind, changed in [
            (called, {"peft_type": "IA3"}),
            (called, {"r": None}),
            (called, {"r": "4"}),
            (called, {"target_modules": "all-linear"}),
            (BadInput, {"r": True}),
            (BadInput, {"r": 0}),
        ]
    ),
    *stated(called, ADAPTER, [("lora_alpha", ["1"], ", needs a number")]),
    BadInput(f"{ADAPTER}: lora_alpha of 400 digits", f"FOLDER/{ADAPTER}: lora_alpha is 1000…, needs a number",
        entries(ADAPTER, lora_alpha=HUGE)),
    *stated(BadInput, ADAPTER, [
        ("lora_alpha", [True, math.inf], ", needs a number"),
        ("init_lora_weights", ["pissa", "pissa_niter_4", "olora", "OLoRA", "corda", "loftq", "lora_ga"], OTHER_BASE),
        ("init_lora_weights", ["no such method", 3, ["pissa"]], OTHER_METHOD),
        ("use_dora", [True], PLAIN_LORA),
        ("alpha_pattern", [{"fc1": 8}], PLAIN_LORA),
        ("rank_pattern", [{"fc1": 4}], PLAIN_LORA),
        ("fan_in_fan_out", [True], PLAIN_LORA),
        ("bias", ["all", "lora_only"], PLAIN_LORA),
        ("modules_to_save", [["LayerNorm"]], PLAIN_LORA),
        ("layers_to_transform", [[0, 1], 0], PLAIN_LORA),
        ("layer_replication", [[[0, 2]]], PLAIN_LORA),
        ("exclude_modules", [["dense"], "dense"], PLAIN_LORA),
        ("target_parameters", [["fc1.weight"]], PLAIN_LORA),
        ("lora_bias", [True], PLAIN_LORA),
        ("megatron_config", [{"a": 1}], PLAIN_LORA),
        ("trainable_token_indices", [[1, 2]], PLAIN_LORA),
        ("alora_invocation_tokens", [[1]], PLAIN_LORA),
        ("use_qalora", [True], PLAIN_LORA),
        ("use_bdlora", [{"nblocks": 2}], PLAIN_LORA),
        ("an_entry_of_tomorrow", [True], PLAIN_LORA),
    ]),
]

TOKENIZERS = [
    *stated(
        called, TOKENIZER, [("model_max_length", ["512", 0, -1, [512], math.nan], ", needs a number of at least 1")]
    ),
    *stated(BadInput, TOKENIZER, [("model_max_length", [True, 0], ", needs a number of at least 1")], *BOTH),
    *(
        loaded(f"tokenizer.json: {written}", f"a-model: its tokenizer can't be loaded: {why}",
            content("tokenizer.json", written))
        for written, why in {
            b"{": "…",
            b"{}": "KeyError: 'added_tokens'",
            b'{"version": "1.0", "model": {"type": "Unigram"}}': "KeyError: 'added_tokens'",
        }.items()
    ),
    *(
        evaluated(f"{TOKENIZER}: {kind} {token!r}, which the vocabulary lacks",
            f"FOLDER: its tokenizer gives {token!r} the id …, its matrix has … rows; take the token out of …",
            entries(TOKENIZER, **{kind: token}))
        for kind, token in {"pad_token": "<none>", "eos_token": "<end>"}.items()
    ),
]

WITHOUT_LIBRARIES = BadInput(
    "sentencepiece.bpe.model alone, where sentencepiece and protobuf aren't installed",
    "FOLDER/sentencepiece.bpe.model: without a tokenizer.json beside it this takes sentencepiece and protobuf: "
    "pip install sentencepiece protobuf, or fetch tokenizer.json too",
    renamed("tokenizer.json", "sentencepiece.bpe.model"),
)

MODEL_FILES = [*FILES, *SENTENCE_TRANSFORMERS, *TOKENIZERS, *ADAPTERS]
