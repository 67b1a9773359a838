"""Does the model find what support's customers ask for?"""

import numpy as np
import pytest

from fixtures.comparing import measures
from fixtures.comparing.rows import at_least, measured
from service.answers import QUESTIONS_AND_ANSWERS
from service.search import ANSWER, QUESTION, Search


@pytest.mark.requires_tasks(QUESTION, ANSWER)
@pytest.mark.parametrize("language", QUESTIONS_AND_ANSWERS)
def test_right_answer_ranks_first(observation, device, language, claims):
    questions, answers = zip(*QUESTIONS_AND_ANSWERS[language].items(), strict=True)
    similarities = Search(answers, observation.vectors).similarities(questions)
    margins, lines = measures.nearest(similarities, questions, answers)
    worst = [lines[at] for at in np.argsort(margins)[:3]]
    claims.hold(
        measured("mean margin over a wrong answer", margins.mean()),
        at_least(f"{language} questions whose right answer ranks first", (margins > 0).mean(), 1.0, worst=worst),
    )
