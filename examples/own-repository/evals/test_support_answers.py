"""Does the model find what support's customers ask for?"""

import pytest

from fixtures.comparing import cases, measures
from fixtures.comparing.items import mean, share_right
from fixtures.comparing.rows import at_least, measured
from service.answers import QUESTIONS_AND_ANSWERS
from service.search import ANSWER, QUESTION, Search


@pytest.mark.requires_tasks(QUESTION, ANSWER)
@pytest.mark.parametrize("language", QUESTIONS_AND_ANSWERS)
def test_right_answer_ranks_first(observation, device, language, claims):
    questions, answers = zip(*QUESTIONS_AND_ANSWERS[language].items(), strict=True)
    similarities = Search(answers, observation.vectors).similarities(questions)
    margins = measures.nearest(similarities, questions, answers)
    name = f"{language} questions whose right answer ranks first"
    claims.hold(
        measured("mean margin over a wrong answer", mean(margins)),
        at_least(name, share_right(margins), 1.0, worst=cases.lowest(margins)),
    )
