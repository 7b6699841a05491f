"""Logits to text. NumPy only, and independent of the model that the logits come from.

    greedy        the best symbol of each frame, repeats merged, blanks removed (Graves et al. 2006, section 3.2)
    beam_search   the most probable texts, each summed over its alignments, with a language model if there is one
    align         forced alignment: the frames in which the words of a known text lie
    classify      the class of a whole clip
    joint_search  the most probable texts of several networks together
    rover         one transcript of several, by a vote on each word
    make_decoder  one of the first two, with its settings, as a function
    live.listen   greedy, while the logits come in

A blank between two equal symbols keeps both.
"""

# ruff: noqa: F401
from zoo.decoding.alignment import align
from zoo.decoding.beam_search import Hypothesis, beam_search
from zoo.decoding.combination import joint_search, mean_transcript, rover, text_log_probabilities
from zoo.decoding.decoder import make_decoder, tuned_weights
from zoo.decoding.greedy import greedy
from zoo.decoding.priors import label_prior
from zoo.decoding.transcripts import Classification, Transcript, Word, classify, log_softmax, with_doubt
