"""Custom code of a test checkpoint, with the ``encode`` of jinaai/xlm-roberta-flash-implementation's signature.

A bag of words: the mean of word vectors, turned by the task.
"""

import numpy as np
import torch
from transformers import AutoTokenizer, PretrainedConfig, PreTrainedModel


class SmallConfig(PretrainedConfig):
    model_type = "small_remote_code"

    def __init__(self, vocab_size=300, hidden_size=32, task_instructions=None, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.task_instructions = task_instructions or {}


class SmallModel(PreTrainedModel):
    config_class = SmallConfig

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.turns = torch.nn.Parameter(torch.zeros(5, config.hidden_size, config.hidden_size))
        self.post_init()

    @torch.inference_mode()
    def encode(self, sentences, *args, task=None, batch_size=32, truncate_dim=None, **tokenizer_kwargs):
        tasks = list(self.config.task_instructions)
        if task is not None and task not in tasks:
            raise ValueError(f"Unsupported task '{task}'")
        if not hasattr(self, "tokenizer"):
            self.tokenizer = AutoTokenizer.from_pretrained(self.config._name_or_path)
        vectors = []
        for sentence in sentences:
            prefix = self.config.task_instructions.get(task, "")
            ids = self.tokenizer(prefix + sentence, truncation=True, max_length=1026)["input_ids"]
            mean = self.words(torch.tensor(ids, device=self.device)).float().mean(dim=0)
            if task is not None:
                mean = mean + self.turns[tasks.index(task)].float() @ mean
            vectors.append((mean / mean.norm()).cpu().numpy())
        return np.stack(vectors)
