"""Bad models: what config.json says, in both layouts."""

import math
from typing import Any

from tests.checkpoints import JINA_V3_PREFIXES, TASKS
from tests.field.making_bad_inputs import (
    CONFIG,
    MERGED,
    ORIGINAL,
    PROMPTS,
    TINY,
    BadInput,
    called,
    config,
    loaded,
    prompts,
    sound,
    stated,
    tasks,
)

BOTH = (TINY, ORIGINAL)
HUGE = 10**400
ONE_REVISION = "; fetch both again, of one revision"
NEEDS = "; this suite needs {}: change the entry if the model doesn't use it"
LEFT_OUT = NEEDS.format("it left out")
TWO_BASES = ", but the rotary base is {} by {}; state one of them"
NO_BASE = "FOLDER/config.json: the rotary base is {}, needs a number above 0"
NO_ROTARY_BASE = ", without its base; state rope_theta in it (20000.0 in the published model)"
OTHER_ROTARY = "; this suite evaluates rotary positions of type 'default' with a rope_theta and nothing else; …"
NO_BANKS = "lora_adaptations must list the tasks of the adapter banks"
NO_NAME = "FOLDER: {} can't be the name of a task, which files and folders are called after, …"
OTHER_MODEL = (
    "; this suite loads 'jina_embeddings_v3' (the layout of jinaai/jina-embeddings-v3-hf) and the layout of "
    "jinaai/jina-embeddings-v3"
)
UNNAMED = (
    "FOLDER: no file names the model's tasks: state task_instructions in config.json, or name a task map (--task-map "
    "jina-v3 has those of jina-embeddings-v3)"
)
NO_ADAPTERS = (
    "FOLDER: none of the adapter folders retrieval_query, retrieval_passage, separation, classification, text_matching "
    "is there: fetch them, or, for a model that one adapter is merged into, name its task with --tasks"
)


def _rope(base: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": "default", "rope_theta": base}}


# A row is a line, or a line and what goes on below it.
# fmt: off
BOTH_LAYOUTS = [
    *(
        called(f"config.json: model_type {kind!r}", f"FOLDER: model_type is {kind!r}{OTHER_MODEL}",
            config(model_type=kind))
        for kind in ("xlm-roberta", None, 3)
    ),
    # Sizes.
    *stated(called, CONFIG, [
        ("hidden_size", [None, "32"], ", needs a whole number"),
        ("num_hidden_layers", [None, "32"], ", needs a whole number"),
        ("intermediate_size", [None, "32"], ", needs a whole number"),
        ("vocab_size", [None, "32"], ", needs a whole number"),
        ("matryoshka_dimensions", [5, ["8"], [0], {"8": 1}], ", needs a list of numbers"),
    ]),
    *stated(BadInput, CONFIG, [
        ("type_vocab_size", ["1"], ", needs a whole number of at least 1"),
        ("num_attention_heads", [0], f", by the weights it is 1 to …{ONE_REVISION}"),
        ("num_attention_heads", [5], ", needs a divisor of hidden_size 32"),
        ("matryoshka_dimensions", [[True], [8, 16, False]], ", needs a list of numbers"),
        ("auto_map", ["x"], ", needs an object"),
    ]),
    *stated(BadInput, CONFIG, [
        ("num_hidden_layers", [True, "2"], ", needs a whole number"),
        ("max_position_embeddings", [0, -5, True, "512"], ", needs a whole number of at least 1"),
    ], *BOTH),
    *(
        BadInput(f"config.json: {size} 10^12", f"FOLDER/config.json: {size} is 1,000,000,000,000, {said}",
            config(**{size: 10**12}))
        for size, said in {
            "num_hidden_layers": f"by the weights it is 1 to …{ONE_REVISION}",
            "vocab_size": f"by the weights it is 1 to …{ONE_REVISION}",
            "hidden_size": f"by the weights it is 1 to 32{ONE_REVISION}",
            "intermediate_size": f"by the weights it is 1 to …{ONE_REVISION}",
            "num_attention_heads": f"by the weights it is 1 to …{ONE_REVISION}",
            "max_position_embeddings": "needs 16,777,216 at most, as a number is kept for each; state …",
        }.items()
    ),
    BadInput("config.json: auto_map with a class that is a number",
        "FOLDER/config.json: AutoModel is 5, needs the name of a class", config(auto_map={"AutoModel": 5})),
    # What changes the arithmetic.
    *stated(BadInput, CONFIG, [
        ("truncate_dim", [16], LEFT_OUT),
        ("emb_pooler", ["cls"], NEEDS.format("'mean'")),
        ("position_embedding_type", ["alibi"], NEEDS.format("'rotary'")),
        ("quantization_config", [{"quant_method": "bitsandbytes", "load_in_8bit": True}], LEFT_OUT),
        ("quantization_config", [{"quant_method": "no such method"}], LEFT_OUT),
        ("compression_config", [{"format": "int-quantized"}], LEFT_OUT),
        ("rotary_emb_scale_base", [512], LEFT_OUT),
        ("rotary_emb_interleaved", [True], NEEDS.format(False)),
        ("rotary_emb_fraction", [0.5], NEEDS.format(1)),
        ("rotary_emb_dim", [4], NEEDS.format(8)),
        ("rotary_emb_of_tomorrow", [1], LEFT_OUT),
        ("head_dim", [4], NEEDS.format(8)),
        ("is_decoder", [True], NEEDS.format(False)),
        ("add_cross_attention", [True], NEEDS.format(False)),
        ("pruned_heads", [{"0": [1]}], LEFT_OUT),
        ("lora_prompts", [dict.fromkeys(TASKS, "Find: ")], "; this suite reads prefixes from task_instructions; …"),
    ], *BOTH),
    loaded("config.json: hidden_act 'none'", "a-model: can't be loaded: KeyError: 'none'…", config(hidden_act="none")),
    loaded("config.json: rope_parameters 3",
        "a-model: can't be loaded: StrictDataclassFieldValidationError: Validation error for field 'rope_parameters'…",
        config(rope_parameters=3)),
    # Rotary positions.
    *stated(BadInput, CONFIG, [
        ("rope_parameters", [{}, {"rope_type": "default"}, {"rope_theta": None}], NO_ROTARY_BASE),
        ("rope_theta", [10000.0], TWO_BASES.format(20000.0, "rope_parameters")),
        ("rotary_emb_base", [10000.0], TWO_BASES.format(20000.0, "rope_parameters")),
    ]),
    *stated(BadInput, CONFIG,
        [("rotary_emb_base", [10000.0], TWO_BASES.format(20000.0, "the default of this layout"))],
        rope_parameters=None),
    *stated(BadInput, CONFIG,
        [("rope_theta", [20000.0], TWO_BASES.format(10000.0, "the default of this layout"))],
        ORIGINAL,
        rotary_emb_base=None),
    *stated(BadInput, CONFIG, [
        (entry, [{**other, "rope_theta": 20000.0}], OTHER_ROTARY)
        for entry, other in [
            ("rope_parameters", {"rope_type": "linear", "factor": 2.0}),
            ("rope_parameters", {"rope_type": "dynamic", "factor": 2.0}),
            ("rope_parameters", {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 512}),
            ("rope_parameters", {"rope_type": "no such type"}),
            ("rope_parameters", {"rope_type": "default", "factor": 2.0}),
            ("rope_parameters", {"rope_type": "default", "partial_rotary_factor": 0.5}),
            ("rope_scaling", {"type": "linear", "factor": 2.0}),
        ]
    ], *BOTH, rope_parameters=None),
    *(
        BadInput(f"config.json: rotary base {shown}, {model}", NO_BASE.format(shown), config(**says(base)), model=model)
        for base, shown in [("20000", "'20000'"), (0, "0"), (-1.0, "-1.0"), (True, "True"), (math.nan, "nan")]
        for model, says in [(TINY, _rope), (ORIGINAL, lambda base: {"rotary_emb_base": base})]
    ),
    BadInput("config.json: rope_theta of 400 digits", NO_BASE.format("1000…"), config(**_rope(HUGE))),
    # Tasks and their prompts.
    *(
        called(f"config.json: task_instructions {value!r}",
            "FOLDER/config.json: task_instructions must map each task to its prefix", config(task_instructions=value))
        for value in (["separation"], {"separation": 1}, "separation", {})
    ),
    *(
        BadInput(f"a task named {name[:20]!r}", NO_NAME.format(shown), tasks(name))
        for name, shown in {
            "x" * 5000: "'xxx…'",
            "": "''",
            "../x": "'../x'",
            "\x1b[2J": r"'\x1b[2J'",
            "\ud800": r"'\ud800'",
        }.items()
    ),
    *(
        kind(f"prompts: {value!r}", f"FOLDER/{PROMPTS}: prompts is {value!r}, needs an object of texts", prompts(value))
        for kind, value in [(called, ["separation"]), (BadInput, 5), (BadInput, {"separation": 5})]
    ),
    called("prompts of its own, under other names than its tasks",
        f"FOLDER/{PROMPTS}: none of its prompts 'query', 'document' is named as a task of the model or of --tasks; …",
        prompts({"query": "ask: ", "document": ""})),
    called("tasks that no file names", UNNAMED, prompts(None)),
    called("prompts under other names, all empty", UNNAMED, prompts({"query": "", "document": ""})),
    called("a task asked for that isn't there", f"--tasks: unknown task 'clustering'; own has: {', '.join(TASKS)}",
        sound, tasks="separation,clustering"),
    called("a merged model whose task isn't named", NO_ADAPTERS, sound, model=MERGED),
]

ORIGINALS = [
    *stated(BadInput, CONFIG, [
        ("lora_rank", [True], ", needs a whole number of at least 1"),
        ("load_trained_adapters", [False], NEEDS.format(True)),
    ], ORIGINAL),
    *stated(called, CONFIG, [
        ("position_embedding_type", ["absolute"], NEEDS.format("'rotary'")),
        ("hidden_act", ["relu"], NEEDS.format("'gelu'")),
    ], ORIGINAL),
    *(
        kind(f"config.json: {tried}", f"FOLDER/config.json: {said}", config(**changed), model=ORIGINAL)
        for kind, tried, said, changed in [
            (called, "no lora_adaptations", NO_BANKS, {"lora_adaptations": None}),
            (BadInput, "lora_adaptations of numbers", NO_BANKS, {"lora_adaptations": [1, 2, 3, 4, 5]}),
            (BadInput, "no load_trained_adapters",
                f"load_trained_adapters is False, the default of its class{NEEDS.format(True)}",
                {"load_trained_adapters": None}),
            (BadInput, "one task of two banks",
                "lora_adaptations lists 'retrieval.query' twice; each bank needs a task of its own",
                {"lora_adaptations": [*TASKS[:4], TASKS[0]]}),
            (BadInput, "a prefix of a task without a bank",
                "task_instructions states a prefix for 'clustering', which lora_adaptations doesn't list",
                {"task_instructions": {**JINA_V3_PREFIXES, "clustering": "Cluster: "}}),
            (called, "a task without a prefix", "task_instructions states no prefix for task 'text-matching'",
                {"task_instructions": dict.fromkeys(TASKS[:4], "")}),
        ]
    ),
]
"""The layout of jinaai/jina-embeddings-v3."""

CONFIGS = [*BOTH_LAYOUTS, *ORIGINALS]
