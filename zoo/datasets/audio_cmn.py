"""audio-cmn: Mandarin by two people, one take each: digits and short commands, of single characters, and syllables, 16 kHz.

A woman says one-character words, another speaker says all syllables in each tone; the manifest names the takes whose words
`kokoro_words` has in Mandarin, and the syllables. Two people are an example, not a measurement.

Source: H. Lopez, https://github.com/hugolpz/audio-cmn, CC BY-SA: words by Yue Tan, syllables by Chen Wang (Tsinghua).
"""

from pathlib import Path
from typing import Literal

from zoo.datasets import FileRecording, Utterance, register
from zoo.datasets.archives import find
from zoo.datasets.manifests import Source, manifest, recordings

COMMIT = "ff9ed3d0"
SOURCE = Source(
    name="audio_cmn",
    url=f"https://github.com/hugolpz/audio-cmn/archive/{COMMIT}.zip",
    archives=("audio-cmn-opus.zip", "audio-cmn-*.zip", "audio-cmn.zip"),
    markers=("words/cmn-一.opus", "64k/hsk"),
    patterns=("words/cmn-*", "syllables/cmn-*", "64k/*/cmn-*"),
)
# what a syllable stands for: character -> pinyin with its tone
SYLLABLES = dict(
    pair.split(":")
    for pair in (
        "零:ling2 一:yi1 二:er4 三:san1 四:si4 五:wu3 六:liu4 七:qi1 八:ba1 九:jiu3 十:shi2 "
        "上:shang4 下:xia4 左:zuo3 右:you4 停:ting2 走:zou3 开:kai1 关:guan1 是:shi4"
    ).split()
)
DIGITS = tuple(SYLLABLES)[:11]
WANTED = {"digits": DIGITS, "all": tuple(SYLLABLES)}
SPEAKER = "chen-wang"  # of the syllables


@register("audio_cmn", splits=("test",), words="digits, all words, or syllables such as ma3 (all)")
def utterances(
    split: str, source: str | Path | None = None, words: Literal["digits", "all", "syllables"] = "all"
) -> list[Utterance]:
    """Mandarin digits and commands of one character, by two people, one take each; or one person's syllables, 16 kHz."""
    files = recordings(SOURCE, find(SOURCE, source))
    rows = [
        row | ({"text": row["id"].removeprefix("cmn-")} if words == "syllables" else {})
        for row in manifest("audio_cmn")
        if (row["speaker"] == SPEAKER if words == "syllables" else row["text"] in WANTED[words])
    ]
    return [Utterance(row["id"], row["text"], row["speaker"], FileRecording(str(files[row["id"]]))) for row in rows]
