"""Questions made of other texts: what is asked for is what the text is about, not the words of asking."""

from __future__ import annotations

import random

ABOUT = {
    "en": (
        *("{}?", "What is {}?", "What is known about {}?", "What about {}?", "How does {} work?", "Who invented {}?"),
        *("Why is {} important?", "Where can I find {}?", "When did {} begin?", "What causes {}?", "What makes {}?"),
        *("What is {} made of?", "How many {} are there?", "How do you make {}?", "What is {} good for?"),
        *("Which {} is it?", "Why do people use {}?", "How did {} come about?", "How long does {} last?"),
    ),
    "es": (
        *("¿{}?", "¿Qué es {}?", "¿Qué se sabe de {}?", "¿Qué hay de {}?", "¿Cómo funciona {}?", "¿Quién inventó {}?"),
        *("¿Por qué es importante {}?", "¿Dónde puedo encontrar {}?", "¿Cuándo empezó {}?", "¿Qué causa {}?"),
        *("¿De qué está hecho {}?", "¿Cuántos {} hay?", "¿Cómo se hace {}?", "¿Para qué sirve {}?"),
        *("¿Cuál {} es?", "¿Por qué la gente usa {}?", "¿Cómo surgió {}?", "¿Cuánto dura {}?", "¿Qué hace que {}?"),
    ),
    "fr": (
        *("{} ?", "Qu'est-ce que {} ?", "Que sait-on de {} ?", "Qu'en est-il de {} ?", "Comment fonctionne {} ?"),
        *("Pourquoi {} est-il important ?", "Où trouver {} ?", "Quand a commencé {} ?", "Qu'est-ce qui cause {} ?"),
        *("De quoi est fait {} ?", "Combien de {} y a-t-il ?", "Comment fait-on {} ?", "À quoi sert {} ?"),
        *("Quel {} est-ce ?", "Pourquoi utilise-t-on {} ?", "D'où vient {} ?", "Combien de temps dure {} ?"),
        *("Qui a inventé {} ?", "Qu'est-ce qui fait {} ?"),
    ),
    "de": (
        *("{}?", "Was ist {}?", "Was weiß man über {}?", "Was ist mit {}?", "Wie funktioniert {}?", "Wer erfand {}?"),
        *("Warum ist {} wichtig?", "Wo finde ich {}?", "Wann begann {}?", "Wodurch entsteht {}?", "Was bewirkt {}?"),
        *("Woraus besteht {}?", "Wie viele {} gibt es?", "Wie macht man {}?", "Wozu dient {}?", "Welche {} ist es?"),
        *("Warum benutzt man {}?", "Woher kommt {}?", "Wie lange dauert {}?"),
    ),
    "zh": (
        *("{}？", "什么是{}？", "{}是什么？", "关于{}有哪些知识？", "{}是怎么回事？", "{}如何工作？", "谁发明了{}？"),
        *("{}为什么重要？", "哪里可以找到{}？", "{}是什么时候开始的？", "{}是什么引起的？", "{}是由什么制成的？"),
        *("有多少{}？", "怎么做{}？", "{}有什么用？", "哪个{}？", "人们为什么使用{}？", "{}是怎么来的？", "{}要多久？"),
    ),
    "ar": (
        *("{}؟", "ما هو {}؟", "ما هي {}؟", "ماذا نعرف عن {}؟", "ماذا عن {}؟", "كيف يعمل {}؟", "من اخترع {}؟"),
        *("لماذا {} مهم؟", "أين أجد {}؟", "متى بدأ {}؟", "ما سبب {}؟", "ما الذي يجعل {}؟", "مم يتكون {}؟"),
        *("كم عدد {}؟", "كيف نصنع {}؟", "ما فائدة {}؟", "أي {} هذا؟", "لماذا يستخدم الناس {}؟", "كيف نشأ {}؟"),
    ),
}
"""Ways to ask for what some words name."""

WHETHER = {
    "en": ("{}?", "Why {}?", "How {}?", "When {}?", "How is it that {}?", "Is it true that {}?", "What happens if {}?"),
    "es": ("¿{}?", "¿Por qué {}?", "¿Cómo {}?", "¿Cuándo {}?", "¿Cómo es que {}?", "¿Es verdad que {}?"),
    "fr": ("{} ?", "Pourquoi {} ?", "Comment {} ?", "Quand {} ?", "Est-ce que {} ?", "Est-il vrai que {} ?"),
    "de": ("{}?", "Warum {}?", "Wie {}?", "Wann {}?", "Wie kommt es, dass {}?", "Stimmt es, dass {}?"),
    "zh": ("{}？", "为什么{}？", "怎么{}？", "{}吗？", "什么时候{}？", "{}，这是真的吗？"),
    "ar": ("{}؟", "لماذا {}؟", "كيف {}؟", "متى {}؟", "هل {}؟", "هل صحيح أن {}؟"),
}
"""Ways to ask about what a sentence says."""

_SENTENCE_END = ".!?。！？؟…:; "


def ask_about(words: str, language: str, rng: random.Random) -> str:
    """A question for what `words` name."""
    return rng.choice(ABOUT[language]).format(words)


def ask_whether(sentence: str, language: str, rng: random.Random) -> str:
    """The sentence as a question, its capital now and then left as it was."""
    clause = sentence.rstrip(_SENTENCE_END)
    if language in ("en", "es", "fr") and rng.random() < 0.7:
        clause = clause[:1].lower() + clause[1:]
    return rng.choice(WHETHER[language]).format(clause)
