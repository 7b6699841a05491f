"""A teaching zoo of speech models in Keras 3. Read it in the order in which a recording flows through it:

    zoo.audio -> zoo.layers -> zoo.models.<name> -> zoo.tasks -> zoo.decoding -> zoo.metrics
    zoo.registry, zoo.presets, zoo.loading: how a name becomes a model
    zoo.language: which words are likely, for the beam search in zoo.decoding
    zoo.text, zoo.losses, zoo.datasets, zoo.training: how a model learns
    zoo.evaluation: error rates and accuracies, with intervals
    zoo.recommendation: which preset for a task, by measured figures
    zoo.subtitles, zoo.monitoring: what becomes of transcripts; what comes in to a service
    zoo.plots: what a model saw and answered, drawn
    zoo.notebook, zoo.widgets: a microphone, a player, tables and controls for the notebooks
    zoo.export, zoo.quantization, zoo.microcontroller, zoo.runtime: other runtimes
    zoo.hub: models of one's own, shared
    zoo.cluster: many recordings on many machines
    zoo.demo, zoo.web, zoo.serve, zoo.cli: a page, a page in the browser alone, a server, a command

>>> import zoo
>>> model = zoo.load("lstm_ctc")
>>> model.transcribe(zoo.audio.bundled("woman-us")).text
'three four zero one two seven one'
"""

import os
import sys

import lazy_loader

from zoo.backend import watch

__version__ = "0.1.0"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's log lines; its errors are raised all the same

# Keras, TensorFlow and librosa take seconds to import, so nothing heavy is imported before it is needed.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=(
        "audio backend baselines benchmark cli cluster datasets decoding demo ensemble entry errors evaluation examples exercises export exported features files hub language layers "
        "loading losses metrics microcontroller model models monitoring notebook pictures plots presets quantization recommendation registry runtime search serve subtitles tasks text "
        "training web widgets"
    ).split(),
    submod_attrs={
        "evaluation": ["evaluate"],
        "entry": ["load"],
        "notebook": ["play", "record"],
        "presets": ["card", "list_models"],
        "recommendation": ["recommend"],
        "tasks": ["Ensemble", "SpeechModel"],
        "tasks.few_shot": ["few_shot"],
        "training": ["train"],
    },
)

watch()  # the first import of Keras

if sys.modules.get("keras"):  # so that keras.models.load_model finds the zoo's classes
    import zoo.tasks  # noqa: F401
