"""Bad models' folders: configs, tokenizers, weights and adapters that no run can use."""

from tests.checkpoints import change_json
from tests.field.making_bad_inputs import (
    ADAPTER,
    CONFLICT,
    DEEP,
    INDEX,
    LARGER,
    LFS_POINTER,
    BadInput,
    adapter,
    config,
    content,
    deep_index,
    directory,
    huge,
    huge_pooling,
    link,
    masked_language_model,
    masked_xlm_roberta,
    modules,
    pipe,
    prompts,
    sentencepiece_only,
    shard,
    tasks,
    whole_embeddings,
)

LONG = "x" * 5000
TEXT_SHAPE = b'{"a": {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 0]}}'
TRILLION = 10**12

CHECKPOINTS = {
    "auto-map-text": BadInput(
        "auto_map: a text", "FOLDER/config.json: auto_map is 'x', needs an object", config(auto_map="x")
    ),
    "auto-map-number": BadInput(
        "auto_map: a class that is a number",
        "FOLDER/config.json: AutoModel is 5, needs the name of a class",
        config(auto_map={"AutoModel": 5}),
    ),
    "prompts-number": BadInput(
        "prompts: a number",
        "FOLDER/config_sentence_transformers.json: prompts is 5, needs an object of texts",
        prompts(5),
    ),
    "prompts-of-numbers": BadInput(
        "prompts: an object of numbers",
        "FOLDER/config_sentence_transformers.json: prompts is {'separation': 5}, needs an object of texts",
        prompts({"separation": 5}),
    ),
    "pooling-number": BadInput(
        "pooling_mode: a number",
        "FOLDER/1_Pooling/config.json: pooling_mode is 5, needs the name of a mode, or a list of them",
        modules(pooling={"pooling_mode": 5}),
    ),
    "pooling-of-lists": BadInput(
        "pooling_mode: a list of lists",
        "FOLDER/1_Pooling/config.json: pooling_mode is [['mean']], needs the name of a mode, or a list of them",
        modules(pooling={"pooling_mode": [["mean"]]}),
    ),
    "pooling-switch-text": BadInput(
        "pooling_mode_mean_tokens: a text",
        "FOLDER/1_Pooling/config.json: pooling_mode_mean_tokens is 'no', needs true or false",
        modules(pooling={"pooling_mode_mean_tokens": "no"}),
    ),
    "pooling-list": BadInput(
        "pooling settings: a list",
        "FOLDER/1_Pooling/config.json: needs a JSON object, holds a list",
        modules(pooling=[]),
    ),
    "include-prompt-text": BadInput(
        "include_prompt: a text",
        "FOLDER/1_Pooling/config.json: include_prompt is 'false', needs true or false",
        modules(pooling={"pooling_mode": "mean", "include_prompt": "false"}),
    ),
    "module-type-number": BadInput(
        "a module's type: a number", "FOLDER/modules.json: type is 5, needs a text", modules(type=5)
    ),
    "module-path-number": BadInput(
        "a module's path: a number", "FOLDER/modules.json: path is 5, needs a text", modules(path=5)
    ),
    "module-path-outside": BadInput(
        "a module's path: ../other",
        "FOLDER/modules.json: a module's path is '../other', which is no folder inside this one",
        modules(path="../other"),
    ),
    "config-deep": BadInput(
        "config.json: 100,000 lists in each other",
        "FOLDER/config.json: unreadable (nested too deeply); fetch or export it again",
        content("config.json", DEEP),
    ),
    "config-entry-deep": BadInput(
        "an entry of 500 lists in each other",
        "FOLDER/config.json: unreadable (nested too deeply); fetch or export it again",
        content("config.json", b'{"truncate_dim": ' + b"[" * 500 + b"]" * 500 + b"}"),
    ),
    "adapter-deep": BadInput(
        "adapter_config.json: the same",
        f"FOLDER/{ADAPTER}: unreadable (nested too deeply); fetch or export it again",
        content(ADAPTER, DEEP),
    ),
    "tokenizer-config-deep": BadInput(
        "tokenizer_config.json: the same",
        "FOLDER/tokenizer_config.json: unreadable (nested too deeply); fetch or export it again",
        content("tokenizer_config.json", DEEP),
    ),
    "modules-deep": BadInput(
        "modules.json: the same",
        "FOLDER/modules.json: unreadable (nested too deeply); fetch or export it again",
        content("modules.json", DEEP),
    ),
    "index-deep": BadInput(
        "a shard index: the same",
        f"FOLDER/{INDEX}: unreadable (nested too deeply); fetch or export it again",
        deep_index,
    ),
    "header-deep": BadInput(
        "the header of the weights: the same",
        "FOLDER/model.safetensors: not a readable safetensors file (nested too deeply); fetch or export it again",
        content("model.safetensors", len(DEEP).to_bytes(8, "little") + DEEP),
    ),
    "header-shape-text": BadInput(
        "the header of the weights: a size that is a text",
        "FOLDER/model.safetensors: not a readable safetensors file (a shape must be a list of sizes); fetch or export",
        content("model.safetensors", len(TEXT_SHAPE).to_bytes(8, "little") + TEXT_SHAPE),
    ),
    "shard-outside": BadInput(
        "a shard index that names ../outside.safetensors",
        f"FOLDER/{INDEX}: its weight_map names '../outside.safetensors', which isn't in this folder",
        shard("../outside.safetensors"),
    ),
    "shard-absolute": BadInput(
        "a shard index that names an absolute path",
        f"FOLDER/{INDEX}: its weight_map names '/etc/passwd', which isn't in this folder",
        shard("/etc/passwd"),
    ),
    "shard-nul": BadInput(
        "a shard index that names a file with NUL",
        f"FOLDER/{INDEX}: its weight_map names 'a\\x00b', which isn't in this folder",
        shard("a\0b"),
    ),
    "task-long": BadInput("a task of 5,000 characters", "can't be the name of a task", tasks(LONG)),
    "task-empty": BadInput("a task without a name", "FOLDER: '' can't be the name of a task", tasks("")),
    "task-outside": BadInput("a task named ../x", "FOLDER: '../x' can't be the name of a task", tasks("../x")),
    "task-escape": BadInput(
        "a task named by a terminal's escape", r"FOLDER: '\x1b[2J' can't be the name of a task", tasks("\x1b[2J")
    ),
    "task-surrogate": BadInput(
        "a task named by half a character", r"FOLDER: '\ud800' can't be the name of a task", tasks("\ud800")
    ),
    "config-folder": BadInput(
        "config.json: a folder", "FOLDER/config.json: a folder where a file belongs", directory("config.json")
    ),
    "config-link": BadInput(
        "config.json: a link to itself",
        "FOLDER/config.json: Too many levels of symbolic links",
        link("config.json"),
    ),
    "config-pipe": BadInput(
        "config.json: a pipe", "FOLDER/config.json: a pipe or a device where a file belongs", pipe("config.json")
    ),
    "tokenizer-pipe": BadInput(
        "tokenizer.json: a pipe",
        "FOLDER/tokenizer.json: a pipe or a device where a file belongs",
        pipe("tokenizer.json"),
    ),
    "weights-pipe": BadInput(
        "model.safetensors: a pipe",
        "FOLDER/model.safetensors: a pipe or a device where a file belongs",
        pipe("model.safetensors"),
    ),
    "adapter-weights-pipe": BadInput(
        "an adapter's weights: a pipe",
        "FOLDER/separation/adapter_model.safetensors: a pipe or a device where a file belongs",
        pipe("separation/adapter_model.safetensors"),
    ),
    "adapter-folder": BadInput(
        "adapter_config.json: a folder", f"FOLDER/{ADAPTER}: a folder where a file belongs", directory(ADAPTER)
    ),
    "other-json-link": BadInput(
        "added_tokens.json: a link that leads nowhere",
        "FOLDER/added_tokens.json: No such file or directory",
        link("added_tokens.json", "gone.json"),
    ),
    "config-conflict": BadInput(
        "config.json: both sides of a merge",
        "FOLDER/config.json: holds an unresolved merge conflict; resolve it",
        content("config.json", CONFLICT),
    ),
    **{
        f"pointer-{name}": BadInput(
            f"{name}: a pointer of Git LFS",
            f"FOLDER/{name}: is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull",
            content(name, LFS_POINTER),
        )
        for name in ("config.json", ADAPTER, "tokenizer_config.json", "tokenizer.json")
    },
    **{
        f"pointer-{name}": BadInput(
            f"{name}: a pointer of Git LFS",
            f"FOLDER/{name}: not a readable safetensors file (is a Git LFS pointer, the file itself wasn't fetched: "
            "run git lfs pull)",
            content(name, LFS_POINTER),
        )
        for name in ("model.safetensors", "separation/adapter_model.safetensors")
    },
    "layers-trillion": BadInput(
        "num_hidden_layers: 10^12",
        "FOLDER/config.json: num_hidden_layers is 1,000,000,000,000, by the weights it is 1 to ",
        config(num_hidden_layers=TRILLION),
    ),
    "vocabulary-trillion": BadInput(
        "vocab_size: 10^12",
        "FOLDER/config.json: vocab_size is 1,000,000,000,000, by the weights it is 1 to ",
        config(vocab_size=TRILLION),
    ),
    "hidden-trillion": BadInput(
        "hidden_size: 10^12",
        "FOLDER/config.json: hidden_size is 1,000,000,000,000, by the weights it is 1 to 32",
        config(hidden_size=TRILLION),
    ),
    "inner-trillion": BadInput(
        "intermediate_size: 10^12",
        "FOLDER/config.json: intermediate_size is 1,000,000,000,000, by the weights it is 1 to ",
        config(intermediate_size=TRILLION),
    ),
    "heads-trillion": BadInput(
        "num_attention_heads: 10^12",
        "FOLDER/config.json: num_attention_heads is 1,000,000,000,000, by the weights it is 1 to ",
        config(num_attention_heads=TRILLION),
    ),
    "heads-zero": BadInput(
        "num_attention_heads: 0",
        "FOLDER/config.json: num_attention_heads is 0, by the weights it is 1 to ",
        config(num_attention_heads=0),
    ),
    "heads-odd": BadInput(
        "num_attention_heads: 5, of 32",
        "FOLDER/config.json: num_attention_heads is 5, needs a divisor of hidden_size 32",
        config(num_attention_heads=5),
    ),
    "types-text": BadInput(
        "type_vocab_size: a text",
        "FOLDER/config.json: type_vocab_size is '1', needs a whole number of at least 1",
        config(type_vocab_size="1"),
    ),
    "rotary-base-huge": BadInput(
        "rope_theta: of 400 digits",
        "FOLDER/config.json: the rotary base is 1000",
        config(rope_parameters={"rope_type": "default", "rope_theta": 10**400}),
    ),
    "length-true": BadInput(
        "max_position_embeddings: true",
        "FOLDER/config.json: max_position_embeddings is True, needs a whole number of at least 1",
        config(max_position_embeddings=True),
    ),
    "positions-trillion": BadInput(
        "max_position_embeddings: 10^12",
        "FOLDER/config.json: max_position_embeddings is 1,000,000,000,000, needs 16,777,216 at most",
        config(max_position_embeddings=TRILLION),
    ),
    "cuts-true": BadInput(
        "matryoshka_dimensions: [true]",
        "FOLDER/config.json: matryoshka_dimensions is [True], needs a list of numbers",
        config(matryoshka_dimensions=[True]),
    ),
    "rank-trillion": BadInput(
        "an adapter's r: 10^12",
        "FOLDER/separation: the adapter of task 'separation' doesn't fit the base model: 30 misshapen",
        adapter(r=TRILLION),
    ),
    "rank-true": BadInput(
        "an adapter's r: true", f"FOLDER/{ADAPTER}: not a LoRA configuration with r and a list", adapter(r=True)
    ),
    "alpha-huge": BadInput(
        "an adapter's lora_alpha: of 400 digits", f"FOLDER/{ADAPTER}: lora_alpha is 1000", adapter(lora_alpha=10**400)
    ),
    "masked-language-model": BadInput(
        "a JinaEmbeddingsV3ForMaskedLM",
        "FOLDER: a masked-language model, whose weights hold lm_head.dense.weight too: save the encoder alone "
        "(AutoModelForMaskedLM.from_pretrained(...).base_model.save_pretrained(...))",
        masked_language_model,
    ),
    "masked-xlm-roberta": BadInput(
        "an XLMRobertaForMaskedLM",
        "FOLDER: a masked-language model, whose weights hold lm_head.dense.weight too: save the encoder alone",
        masked_xlm_roberta,
    ),
    "whole-embeddings": BadInput(
        "an adapter file that PEFT wrote with save_embedding_layers",
        "as PEFT writes it with save_embedding_layers: export the adapter with save_pretrained(..., "
        "save_embedding_layers=False)",
        whole_embeddings,
    ),
    **{
        f"huge-{name}": BadInput(f"{name}: 10 TiB", f"FOLDER/{name}: {LARGER} 1,073,741,824 are read", huge(name))
        for name in ("config.json", "tokenizer.json", "chat_template.jinja", ADAPTER)
    },
    "huge-pooling": BadInput(
        "1_Pooling/config.json: 10 TiB",
        f"FOLDER/1_Pooling/config.json: unreadable ({LARGER} 67,108,864 are read); fetch or export it again",
        huge_pooling,
    ),
}
"""Faults of a model's folder that are seen before anything runs."""

ORIGINAL = {
    "original-rank-trillion": BadInput(
        "lora_rank: 10^12, in the original layout",
        "FOLDER: the weights don't fit the layout of jinaai/jina-embeddings-v3: ",
        config(lora_rank=TRILLION),
    ),
    "original-rank-true": BadInput(
        "lora_rank: true",
        "FOLDER/config.json: lora_rank is True, needs a whole number of at least 1",
        config(lora_rank=True),
    ),
    "original-banks-of-numbers": BadInput(
        "lora_adaptations: numbers",
        "FOLDER/config.json: lora_adaptations must list the tasks of the adapter banks",
        config(lora_adaptations=[1, 2, 3, 4, 5]),
    ),
}
"""The same in the layout of jinaai/jina-embeddings-v3."""

WITHOUT_LIBRARIES = {
    "sentencepiece-only": BadInput(
        "sentencepiece.bpe.model alone, where sentencepiece and protobuf aren't installed",
        "FOLDER/sentencepiece.bpe.model: without a tokenizer.json beside it this takes sentencepiece and protobuf: "
        "pip install sentencepiece protobuf, or fetch tokenizer.json too",
        sentencepiece_only,
    ),
}

LOADED = {
    "special-token": BadInput(
        "a pad_token that the vocabulary lacks",
        "its tokenizer gives '<none>' the id ",
        lambda folder: change_json(folder / "tokenizer_config.json", pad_token="<none>"),
    ),
    "special-token-unk": BadInput(
        "an eos_token that the vocabulary lacks",
        "its tokenizer gives '<end>' the id ",
        lambda folder: change_json(folder / "tokenizer_config.json", eos_token="<end>"),
    ),
}
"""Faults that are seen when the model is loaded."""
